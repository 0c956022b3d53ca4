package litefs

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		opts Options
		word string
	}{
		{"URL without scheme", Options{URL: "localhost:20202"}, "litefs_url"},
		{"URL without host", Options{URL: "http://"}, "litefs_url"},
		{"URL with query", Options{URL: "http://x?y"}, "litefs_url"},
		{"URL unparsable", Options{URL: "http://x:y"}, "litefs_url"},
		{"peer without port", Options{Peers: map[string]string{"a": "host"}}, "peers"},
		{"peer without name", Options{Peers: map[string]string{"": "host:1"}}, "peers"},
		{"port", Options{Port: "http"}, "Port"},
		{"timeout", Options{StartTimeout: -1}, "StartTimeout"},
	} {
		_, err := Open(t.TempDir(), tt.opts)
		wantError(t, err, fault.Config, tt.word)
	}
	_, err := Open("", Options{})
	wantError(t, err, fault.Config, "directory")
	e, err := Open(filepath.Join(t.TempDir(), "later"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e.opts.URL != DefaultURL || e.opts.StartTimeout != DefaultStartTimeout {
		t.Errorf("defaults = %+v", e.opts)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	peers := map[string]string{"a": "10.0.0.1:7000"}
	ask := func(addr string, err error) func(string) (string, error) {
		return func(string) (string, error) { return addr, err }
	}
	for _, tt := range []struct {
		name, host, fly string
		opts            Options
		want, problem   string
	}{
		{"function first", "a", "", Options{PeerAddr: ask("f:1", nil), Peers: peers, Port: "9"}, "f:1", ""},
		{"function does not know", "a", "", Options{PeerAddr: ask("", nil), Peers: peers}, "10.0.0.1:7000", ""},
		{"function fails", "a", "", Options{PeerAddr: ask("", errors.New("no DNS")), Peers: peers}, "", "no DNS"},
		{"function is wrong", "a", "", Options{PeerAddr: ask("f", nil)}, "", "host:port"},
		{"peers", "a", "", Options{Peers: peers, Port: "9"}, "10.0.0.1:7000", ""},
		{"host:port", "b:7", "", Options{Peers: peers, Port: "9"}, "b:7", ""},
		{"IPv6", "[::1]:7", "", Options{}, "[::1]:7", ""},
		{"Fly", "b", "app", Options{Peers: peers, Port: "9"}, "b.vm.app.internal:9", ""},
		{"Fly, host:port", "b:7", "app", Options{Port: "9"}, "b:7", ""},
		{"hostname", "b", "", Options{Peers: peers, Port: "9"}, "b:9", ""},
		{"no port", "b", "", Options{Peers: peers}, "", "peers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.primaryFile(tt.host)
			f.set(func(f *fake) { f.role = role{host: tt.host} })
			tt.opts.URL = f.server.URL
			e, err := open(f.dir, tt.opts, lazy())
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			e.resolver.fly = tt.fly
			if err := e.Start(t.Context(), engine.Self{Name: "self", Addr: "self:1"}); err != nil {
				t.Fatal(err)
			}
			s, _ := e.Watch()
			if s.Role != engine.Replica || s.Primary != (engine.Peer{Name: tt.host, Addr: tt.want}) {
				t.Errorf("state = %+v, want address %q", s, tt.want)
			}
			if tt.problem == "" && s.Problem != nil || tt.problem != "" && (s.Problem == nil || !strings.Contains(s.Problem.Error(), tt.problem)) {
				t.Errorf("problem = %v, want %q", s.Problem, tt.problem)
			}
		})
	}
}

// A failed look-up is tried again, a good one kept until the primary changes.
func TestPeerAddrIsAskedAgain(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.set(func(f *fake) { f.role = replica })
	f.primaryFile("other")
	var calls atomic.Int32
	e := f.open(Options{PeerAddr: func(host string) (string, error) {
		if calls.Add(1) == 1 {
			return "", errors.New("not yet")
		}
		return host + ":1", nil
	}}, quick)
	if err := e.Start(t.Context(), engine.Self{Name: "self", Addr: "self:1"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, e, "the address", func(s engine.State) bool { return s.Primary.Addr == "other:1" && s.Problem == nil })
	n := calls.Load()
	f.become(role{host: "third"})
	waitFor(t, e, "the third", func(s engine.State) bool { return s.Primary.Addr == "third:1" })
	if now := calls.Load(); now != n+1 {
		t.Errorf("asked %d times for one more host", now-n)
	}
}

func TestCandidate(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e, _ := f.start(replica, engine.Position{}, quick)
	if err := e.Candidate(t.Context()); err != nil {
		t.Errorf("Candidate = %v", err)
	}
	f.set(func(f *fake) { f.info.Candidate = false })
	wantError(t, e.Candidate(t.Context()), fault.Unsupported, "lease.candidate: false")
	f.end()
	if err := e.Candidate(t.Context()); err == nil {
		t.Error("Candidate without LiteFS has no error")
	}
}

func TestPromote(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		text   string
		want   error
	}{
		{"later", 200, "", nil},
		{"not a candidate", 409, "not eligible to become primary", fault.Unsupported},
		{"election", 500, "no primary is currently available for handoff, cannot promote", fault.NoPrimary},
		{"static", 500, "handoff failed: cannot handoff: static lease does not support handoff", fault.Unsupported},
		{"handoff failed", 500, "handoff failed: node is no longer connected", errAny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			e, _ := f.start(replica, engine.Position{}, quick)
			answered := make(chan struct{})
			f.set(func(f *fake) {
				f.promote = func() (int, string) { close(answered); return tt.status, tt.text }
			})
			asked, got := 0, make(chan error, 1)
			go func() { got <- e.Promote(t.Context(), func() error { asked++; return nil }) }()
			<-answered
			if tt.want == nil {
				select {
				case err := <-got:
					t.Fatalf("Promote returned %v before the role came", err)
				default:
				}
				f.become(role{})
				f.become(primary)
			}
			err := <-got
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			if tt.want == errAny {
				if err == nil || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("Promote = %v, want what LiteFS said", err)
				}
			} else if !errors.Is(err, tt.want) {
				t.Errorf("Promote = %v, want %v", err, tt.want)
			}
		})
	}
}

var errAny = errors.New("any error")

func TestPromoteBounds(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.set(func(f *fake) { f.promote = func() (int, string) { return http.StatusOK, "" } })
	e, _ := f.start(replica, engine.Position{}, quick)
	no := errors.New("no")
	if err := e.Promote(t.Context(), func() error { return no }); !errors.Is(err, no) {
		t.Errorf("Promote = %v, want what asked said", err)
	}
	if f.asked != 0 {
		t.Error("LiteFS was asked though asked refused")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := e.Promote(ctx, func() error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Promote = %v, want the context's error", err)
	}
	f.become(primary)
	waitFor(t, e, "the role", isPrimary)
	if err := e.Promote(t.Context(), func() error { return no }); err != nil {
		t.Errorf("Promote of the primary = %v", err)
	}
}
