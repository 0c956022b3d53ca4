package link_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/serve"
)

func TestPromote(t *testing.T) {
	for name, c := range map[string]struct {
		hook func(context.Context) error
		want error
	}{
		"promoted":    {func(context.Context) error { return nil }, nil},
		"refused":     {func(context.Context) error { return fault.Refuse(fault.Unsupported, "no candidate") }, fault.Unsupported},
		"unsupported": {nil, fault.Unsupported},
		"panic":       {func(context.Context) error { panic("hook") }, fault.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, pairOptions{serve: func(o *serve.Options) { o.Promote = c.hook }})
			if err := p.peer.Promote(within(t)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestPromoteGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(*pair, context.CancelFunc)
		want error
	}{
		"canceled": {func(_ *pair, cancel context.CancelFunc) { cancel() }, context.Canceled},
		"reset":    {func(p *pair, _ context.CancelFunc) { p.conns.each((*faultConn).reset) }, fault.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			over := make(chan struct{})
			p := newPair(t, pairOptions{serve: func(o *serve.Options) {
				o.Promote = func(ctx context.Context) error {
					defer close(over)
					return g.pass(ctx)
				}
			}})
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			result := make(chan error, 1)
			go func() { result <- p.peer.Promote(ctx) }()
			wait(t, "hook", g.entered)
			c.lose(p, cancel)
			if err := wait(t, "result", result); !errors.Is(err, c.want) || fault.SafeToRetry(err) {
				t.Errorf("got %v", err)
			}
			wait(t, "end of the hook's context", over)
		})
	}
}

func TestPeers(t *testing.T) {
	p := newPair(t, pairOptions{link: func(o *link.Options) { o.SelfAddr = "replica:1" }})
	wantPeers := func(want string) {
		t.Helper()
		for end := within(t); fmt.Sprint(p.server.Peers()) != want; {
			if end.Err() != nil {
				t.Fatalf("peers %v, want %v", p.server.Peers(), want)
			}
		}
	}
	wantPeers("[]") // no call, no connection
	connect := func(peer *link.Peer) {
		t.Helper()
		if _, err := peer.Database("app.db").Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
			t.Fatal(err)
		}
	}
	connect(p.peer)
	if got := fmt.Sprint(p.server.Peers()); got != "[{replica replica:1}]" { // at once
		t.Errorf("peers %v", got)
	}
	others := map[string]*link.Peer{}
	for _, who := range []serve.PeerInfo{{Name: "zebra", Addr: "zebra:1"}, {Name: "client"}, {Name: "zebra", Addr: "zebra:2"}} {
		peer, err := link.Dial(link.Options{
			Addr: p.addr, Credentials: secret(t, testSecret), Cluster: "c1", Name: who.Name, SelfAddr: who.Addr,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		connect(peer)
		others[who.Name+who.Addr] = peer
	}
	wantPeers("[{client } {replica replica:1} {zebra zebra:1} {zebra zebra:2}]")
	others["zebrazebra:1"].Close()
	others["client"].Close()
	wantPeers("[{replica replica:1} {zebra zebra:2}]")
	p.conns.each((*faultConn).reset)
	wantPeers("[{zebra zebra:2}]")
	p.stop()
	wantPeers("[]")
}

// An engine may not know its cluster yet; the secret is the same.
func TestUnknownCluster(t *testing.T) {
	for name, o := range map[string]pairOptions{
		"here":  {link: func(o *link.Options) { o.Cluster = "" }},
		"there": {serve: func(o *serve.Options) { o.Cluster = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, o)
			if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
				t.Errorf("Exec: %v", err)
			}
			if _, err := p.peer.Hello(within(t)); err != nil {
				t.Errorf("Hello: %v", err)
			}
		})
	}
}
