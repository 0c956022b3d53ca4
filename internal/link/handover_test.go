package link_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/serve"
	"github.com/litefwd/litefwd/internal/wire"
)

// fakeHandover is a primary that stops writing at once.
type fakeHandover struct {
	positions map[string]engine.Position
	onSent    func() error
	asked     chan serve.PeerInfo // holds one per call of the hook
	sent      chan struct{}       // holds one per call of Sent
	ended     chan serve.HandoverOutcome
}

func newHandover() *fakeHandover {
	return &fakeHandover{
		positions: map[string]engine.Position{"app.db": {TXID: 7, Checksum: 1 << 63}, "new.db": {}},
		asked:     make(chan serve.PeerInfo, 10), sent: make(chan struct{}, 10),
		ended: make(chan serve.HandoverOutcome, 10),
	}
}

func (h *fakeHandover) hook(_ context.Context, to serve.PeerInfo, _ time.Duration) (serve.Handover, error) {
	h.asked <- to
	return h, nil
}

func (h *fakeHandover) Positions() map[string]engine.Position { return h.positions }

func (h *fakeHandover) Sent() error {
	h.sent <- struct{}{}
	if h.onSent != nil {
		return h.onSent()
	}
	return nil
}

func (h *fakeHandover) End(o serve.HandoverOutcome) { h.ended <- o }

// handoverPair has h for its primary.
func handoverPair(t *testing.T, h *fakeHandover) *pair {
	t.Helper()
	return newPair(t, pairOptions{
		serve: func(o *serve.Options) { o.Handover = h.hook },
		link:  func(o *link.Options) { o.SelfAddr = "replica:1" },
	})
}

// handedOver is the pair's handover up to the positions.
func handedOver(t *testing.T, p *pair) *link.Handover {
	t.Helper()
	h, err := p.peer.Handover(within(t), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func TestHandover(t *testing.T) {
	fake := newHandover()
	p := newPair(t, pairOptions{
		serve: func(o *serve.Options) {
			o.Handover = func(ctx context.Context, to serve.PeerInfo, patience time.Duration) (serve.Handover, error) {
				if _, bounded := ctx.Deadline(); bounded || patience != 3*time.Second {
					t.Errorf("the hook got patience %v, deadline: %v", patience, bounded)
				}
				return fake.hook(ctx, to, patience)
			}
		},
		link: func(o *link.Options) { o.SelfAddr = "replica:1" },
	})
	for range 2 { // one after the other
		h, err := p.peer.Handover(within(t), 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if to := wait(t, "hook", fake.asked); to != (serve.PeerInfo{Name: "replica", Addr: "replica:1"}) {
			t.Errorf("successor %+v", to)
		}
		if got := h.Positions(); !reflect.DeepEqual(got, fake.positions) {
			t.Errorf("positions %v", got)
		}
		if len(fake.sent) != 0 {
			t.Error("Sent was called unasked")
		}
		if err := h.Sent(within(t)); err != nil {
			t.Errorf("Sent: %v", err)
		}
		wait(t, "Sent", fake.sent)
		if err := h.Done(true); err != nil {
			t.Errorf("Done: %v", err)
		}
		if len(fake.ended) != 1 {
			t.Error("Done did not wait")
		}
		if o := wait(t, "end", fake.ended); o != serve.HandoverMoved {
			t.Errorf("outcome %v", o)
		}
		for name, err := range map[string]error{"Sent": h.Sent(within(t)), "Done": h.Done(false)} {
			if !errors.Is(err, fault.Closed) {
				t.Errorf("%s after Done: %v", name, err)
			}
		}
		h.Close()
	}
}

// What the primary is told when the handover ends early, in whatever way.
func TestHandoverEnds(t *testing.T) {
	done := func(moved bool) func(*testing.T, *pair, *link.Handover) {
		return func(t *testing.T, _ *pair, h *link.Handover) {
			if err := h.Done(moved); err != nil {
				t.Errorf("Done: %v", err)
			}
		}
	}
	closeIt := func(_ *testing.T, _ *pair, h *link.Handover) { h.Close() }
	reset := func(_ *testing.T, p *pair, _ *link.Handover) { p.conns.each((*faultConn).reset) }
	closePeer := func(_ *testing.T, p *pair, _ *link.Handover) { p.peer.Close() }
	for name, c := range map[string]struct {
		sent bool
		end  func(*testing.T, *pair, *link.Handover)
		want serve.HandoverOutcome
	}{
		"done before sent":        {false, done(false), serve.HandoverCancelled},
		"moved before sent":       {false, done(true), serve.HandoverCancelled},
		"closed before sent":      {false, closeIt, serve.HandoverCancelled},
		"reset before sent":       {false, reset, serve.HandoverCancelled},
		"peer closed before sent": {false, closePeer, serve.HandoverCancelled},
		"not moved":               {true, done(false), serve.HandoverNotMoved},
		"moved":                   {true, done(true), serve.HandoverMoved},
		"closed after sent":       {true, closeIt, serve.HandoverUnknown},
		"reset after sent":        {true, reset, serve.HandoverUnknown},
		"peer closed after sent":  {true, closePeer, serve.HandoverUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newHandover()
			p := handoverPair(t, fake)
			h := handedOver(t, p)
			if c.sent {
				if err := h.Sent(within(t)); err != nil {
					t.Fatal(err)
				}
			}
			c.end(t, p, h)
			if o := wait(t, "end", fake.ended); o != c.want {
				t.Errorf("outcome %q, want %q", o, c.want)
			}
			if err := h.Sent(within(t)); err == nil {
				t.Error("Sent afterwards: no error")
			}
			if c.sent != (len(fake.sent) == 1) || len(fake.ended) != 0 {
				t.Errorf("Sent was called %d times, End %d times more", len(fake.sent), len(fake.ended))
			}
		})
	}
}

// The connection breaks, or the caller gives up, while sent is under way: the
// successor must not ask for the role, and the primary cannot know that.
func TestHandoverLostInSent(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(*pair, context.CancelFunc)
		want error
	}{
		"reset":    {func(p *pair, _ context.CancelFunc) { p.conns.each((*faultConn).reset) }, fault.NoPrimary},
		"canceled": {func(_ *pair, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newHandover()
			let := make(chan struct{})
			fake.onSent = func() error { <-let; return nil }
			p := handoverPair(t, fake)
			h := handedOver(t, p)
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			result := make(chan error, 1)
			go func() { result <- h.Sent(ctx) }()
			wait(t, "Sent", fake.sent)
			c.lose(p, cancel)
			if err := wait(t, "result", result); !errors.Is(err, c.want) {
				t.Errorf("Sent: %v", err)
			}
			close(let)
			if o := wait(t, "end", fake.ended); o != serve.HandoverUnknown {
				t.Errorf("outcome %q", o)
			}
			if err := h.Done(true); !errors.Is(err, c.want) {
				t.Errorf("Done: %v", err)
			}
		})
	}
}

// The primary can still say no.
func TestHandoverSentRefused(t *testing.T) {
	fake := newHandover()
	fake.onSent = func() error { return fault.New(fault.NotPrimary, "it took too long") }
	p := handoverPair(t, fake)
	h := handedOver(t, p)
	if err := h.Sent(within(t)); !errors.Is(err, fault.NotPrimary) {
		t.Errorf("Sent: %v", err)
	}
	if o := wait(t, "end", fake.ended); o != serve.HandoverCancelled {
		t.Errorf("outcome %q", o)
	}
	if err := h.Done(false); !errors.Is(err, fault.NotPrimary) {
		t.Errorf("Done: %v", err)
	}
}

func TestHandoverRefused(t *testing.T) {
	fails := func(err error) func(*serve.Options) {
		return func(o *serve.Options) {
			o.Handover = func(context.Context, serve.PeerInfo, time.Duration) (serve.Handover, error) { return nil, err }
		}
	}
	for name, c := range map[string]struct {
		serve func(*serve.Options)
		want  error
		safe  bool
	}{
		"not primary": {fails(fault.Refuse(fault.NotPrimary, "it is a replica")), fault.NotPrimary, true},
		"own":         {fails(errors.New("some error")), nil, false},
		"unsupported": {func(*serve.Options) {}, fault.Unsupported, true},
		"panic": {func(o *serve.Options) {
			o.Handover = func(context.Context, serve.PeerInfo, time.Duration) (serve.Handover, error) { panic("hook") }
		}, fault.OutcomeUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, pairOptions{serve: c.serve})
			for range 2 {
				_, err := p.peer.Handover(within(t), 0)
				if err == nil || c.want != nil && !errors.Is(err, c.want) || fault.SafeToRetry(err) != c.safe {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestHandoverOneAtATime(t *testing.T) {
	fake := newHandover()
	p := handoverPair(t, fake)
	h := handedOver(t, p)
	if _, err := p.peer.Handover(within(t), 0); !errors.Is(err, fault.Overloaded) || !fault.SafeToRetry(err) {
		t.Errorf("the second: %v", err)
	}
	if err := h.Done(false); err != nil {
		t.Error(err)
	}
	handedOver(t, p)
}

// A successor that is gone ends the wait for what the primary still runs.
func TestHandoverGivenUpInTheHook(t *testing.T) {
	for name, lose := range map[string]func(*pair, context.CancelFunc){
		"canceled": func(_ *pair, cancel context.CancelFunc) { cancel() },
		"reset":    func(p *pair, _ context.CancelFunc) { p.conns.each((*faultConn).reset) },
	} {
		t.Run(name, func(t *testing.T) {
			fake := newHandover()
			asked, over := make(chan struct{}), make(chan struct{})
			p := newPair(t, pairOptions{serve: func(o *serve.Options) {
				o.Handover = func(ctx context.Context, _ serve.PeerInfo, _ time.Duration) (serve.Handover, error) {
					close(asked)
					<-ctx.Done()
					close(over)
					return fake, nil // all the same
				}
			}})
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			result := make(chan error, 1)
			go func() {
				_, err := p.peer.Handover(ctx, time.Hour)
				result <- err
			}()
			wait(t, "hook", asked)
			lose(p, cancel)
			wait(t, "end of the hook's context", over)
			if err := wait(t, "result", result); !errors.Is(err, context.Canceled) && !errors.Is(err, fault.NoPrimary) {
				t.Errorf("got %v", err)
			}
			if o := wait(t, "end", fake.ended); o != serve.HandoverCancelled {
				t.Errorf("outcome %q", o)
			}
		})
	}
}

// A successor that goes silent does not keep the primary from writing.
func TestHandoverLimit(t *testing.T) {
	for name, c := range map[string]struct {
		sent bool
		want serve.HandoverOutcome
	}{
		"before sent": {false, serve.HandoverCancelled},
		"after sent":  {true, serve.HandoverUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newHandover()
			p := newPair(t, pairOptions{serve: func(o *serve.Options) {
				o.Handover, o.HandoverLimit = fake.hook, 200*time.Millisecond
			}})
			h := handedOver(t, p)
			goOn := func() error { return h.Sent(within(t)) }
			if c.sent {
				if err := goOn(); err != nil {
					t.Fatal(err)
				}
				goOn = func() error { return h.Done(true) }
			}
			if o := wait(t, "end", fake.ended); o != c.want {
				t.Errorf("outcome %q, want %q", o, c.want)
			}
			if err := goOn(); !errors.Is(err, fault.Protocol) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestHandoverOfTooManyDatabases(t *testing.T) {
	fake := newHandover()
	for i := range 4097 {
		fake.positions[fmt.Sprint(i)] = engine.Position{}
	}
	p := handoverPair(t, fake)
	if _, err := p.peer.Handover(within(t), 0); !errors.Is(err, fault.TooLarge) {
		t.Errorf("got %v", err)
	}
	if o := wait(t, "end", fake.ended); o != serve.HandoverCancelled {
		t.Errorf("outcome %q", o)
	}
}

// A peer that does not keep to the order.
func TestHandoverOutOfOrder(t *testing.T) {
	begin := &wire.HandoverRequest{Begin: &wire.HandoverBegin{}}
	sent := &wire.HandoverRequest{Sent: true}
	for name, c := range map[string]struct {
		requests []*wire.HandoverRequest
		want     string // outcomes
	}{
		"no begin":     {[]*wire.HandoverRequest{sent}, "[]"},
		"nothing":      {[]*wire.HandoverRequest{{}}, "[]"},
		"begin twice":  {[]*wire.HandoverRequest{begin, begin}, "[cancelled]"},
		"sent twice":   {[]*wire.HandoverRequest{begin, sent, sent}, "[unknown]"},
		"begin at end": {[]*wire.HandoverRequest{begin, sent, begin}, "[unknown]"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newHandover()
			p := handoverPair(t, fake)
			client, ctx := rawClient(t, p)
			stream, err := client.Handover(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for i, req := range c.requests {
				stream.Send(req)
				if _, err = stream.Recv(); err != nil && i < len(c.requests)-1 {
					t.Fatal(err)
				}
			}
			if said := wire.FromStatus(err); !errors.Is(said, fault.Protocol) {
				t.Errorf("got %v", err)
			}
			p.stop() // waits for the handler
			var got []serve.HandoverOutcome
			for len(fake.ended) > 0 {
				got = append(got, <-fake.ended)
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("outcomes %v, want %v", got, c.want)
			}
		})
	}
}

// A server that stops lets a handover finish, and takes no other.
func TestHandoverAndStop(t *testing.T) {
	fake := newHandover()
	p := handoverPair(t, fake)
	h := handedOver(t, p)
	c, ctx := rawClient(t, p)
	if _, err := c.Hello(ctx, &wire.HelloRequest{Version: wire.Version}); err != nil { // it is connected
		t.Fatal(err)
	}
	p.server.Refuse()
	stream, err := c.Handover(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(wire.FromStatus(err), fault.Closed) {
		t.Errorf("a handover after Refuse: %v", err)
	}
	if _, err := c.Promote(ctx, &wire.PromoteRequest{}); !errors.Is(wire.FromStatus(err), fault.Closed) {
		t.Errorf("Promote after Refuse: %v", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Stop(within(t)) }()
	if err := h.Sent(within(t)); err != nil {
		t.Errorf("Sent: %v", err)
	}
	if err := h.Done(true); err != nil {
		t.Errorf("Done: %v", err)
	}
	if err := wait(t, "Stop", stopped); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

// A node of before knows no handover.
func TestHandoverWithAnOldNode(t *testing.T) {
	addr := serveStub(t, func(l *rawLink) {
		l.welcome(nil)
		l.untilClosed()
	})
	peer, err := link.Dial(link.Options{Addr: addr, Credentials: secret(t, testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if _, err := peer.Handover(within(t), 0); !errors.Is(err, fault.Protocol) || !fault.SafeToRetry(err) {
		t.Errorf("Handover: %v", err)
	}
	if err := peer.Promote(within(t)); !errors.Is(err, fault.Protocol) || !fault.SafeToRetry(err) {
		t.Errorf("Promote: %v", err)
	}
}

func TestHandoverAndPromoteOnAClosedPeer(t *testing.T) {
	p := newPair(t, pairOptions{})
	p.peer.Close()
	if _, err := p.peer.Handover(within(t), 0); !errors.Is(err, fault.Closed) {
		t.Errorf("Handover: %v", err)
	}
	if err := p.peer.Promote(within(t)); !errors.Is(err, fault.Closed) {
		t.Errorf("Promote: %v", err)
	}
}
