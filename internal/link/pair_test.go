package link_test

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/serve"
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

func secret(t testing.TB, s []byte) credentials.TransportCredentials {
	t.Helper()
	c, err := secure.Secret(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pair is a server for a fake target and a peer that talks to it over TCP on
// loopback. Its end checks that no goroutine is left.
type pair struct {
	t      testing.TB
	target *fakeTarget
	server *serve.Server
	peer   *link.Peer
	db     forward.Target
	addr   string
	broken chan struct{} // holds one per call of OnBroken
	conns  conns
}

// conns are the connections that the peer made.
type conns struct {
	mu     sync.Mutex // guards the following
	all    []*faultConn
	frozen bool // new ones are
}

// freezeNew freezes the connections that come.
func (c *conns) freezeNew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = true
}

func (c *conns) dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	f := &faultConn{Conn: conn, frozen: make(chan struct{}), gone: make(chan struct{})}
	c.mu.Lock()
	c.all = append(c.all, f)
	if c.frozen {
		f.freeze()
	}
	c.mu.Unlock()
	return f, nil
}

func (c *conns) each(do func(*faultConn)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.all {
		do(f)
	}
}

// faultConn can be frozen: it swallows what is written and delivers nothing,
// not even the other side's end.
type faultConn struct {
	net.Conn
	once, goneOnce sync.Once
	frozen         chan struct{}
	gone           chan struct{} // closed by Close and reset
}

func (f *faultConn) Close() error {
	f.goneOnce.Do(func() { close(f.gone) })
	return f.Conn.Close()
}

func (f *faultConn) freeze() { f.once.Do(func() { close(f.frozen) }) }

func (f *faultConn) isFrozen() bool {
	select {
	case <-f.frozen:
		return true
	default:
		return false
	}
}

func (f *faultConn) Write(b []byte) (int, error) {
	if f.isFrozen() {
		return len(b), nil
	}
	return f.Conn.Write(b)
}

func (f *faultConn) Read(b []byte) (int, error) {
	for {
		n, err := f.Conn.Read(b)
		if !f.isFrozen() {
			return n, err
		}
		if err != nil {
			<-f.gone
			return 0, err
		}
	}
}

// reset closes the connection as a crash of the other side would.
func (f *faultConn) reset() {
	if tcp, ok := f.Conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	f.Close()
}

type pairOptions struct {
	target  *fakeTarget
	resolve forward.Target // what statements run on, if not target
	serve   func(*serve.Options)
	link    func(*link.Options)
}

func newPair(t testing.TB, o pairOptions) *pair {
	t.Helper()
	checkGoroutines(t)
	p := &pair{t: t, target: o.target, broken: make(chan struct{}, 100)}
	if p.target == nil {
		p.target = &fakeTarget{}
	}
	so := serve.Options{
		Credentials: secret(t, testSecret), Cluster: "c1", Name: "primary",
		State: func() engine.State {
			return engine.State{Role: engine.Primary, Primary: engine.Peer{Name: "primary", Addr: p.addr}, Term: 7}
		},
		Resolve: func(context.Context, string) (forward.Target, error) {
			if o.resolve != nil {
				return o.resolve, nil
			}
			return p.target, nil
		},
	}
	if o.serve != nil {
		o.serve(&so)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = listener.Addr().String()
	p.server = serve.New(so)
	served := make(chan error, 1)
	go func() { served <- p.server.Serve(listener) }()
	lo := link.Options{
		Addr: p.addr, Credentials: secret(t, testSecret), Cluster: "c1", Name: "replica",
		OnBroken: func() { p.broken <- struct{}{} }, Dialer: p.conns.dial,
	}
	if o.link != nil {
		o.link(&lo)
	}
	if p.peer, err = link.Dial(lo); err != nil {
		t.Fatal(err)
	}
	p.db = p.peer.Database("app.db")
	t.Cleanup(func() {
		if err := p.peer.Close(); err != nil {
			t.Errorf("Peer.Close: %v", err)
		}
		p.stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return p
}

// stop breaks off what runs.
func (p *pair) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.server.Stop(ctx) //nolint:errcheck // ctx's error
}

// within is a context for what must not take long.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// wait fails the test if nothing comes from c.
func wait[T any](t testing.TB, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-within(t).Done():
		t.Fatalf("%s: nothing came", what)
	}
	return v
}

// checkGoroutines registers a cleanup, to be run last, that fails the test if
// goroutines of this module or of gRPC are left.
func checkGoroutines(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		deadline := time.After(20 * time.Second) // tests in parallel have theirs for 4 s and more
		for {
			buf := make([]byte, 1<<20)
			stacks := string(buf[:runtime.Stack(buf, true)])
			left := ""
			for _, g := range strings.Split(stacks, "\n\n") {
				if strings.Contains(g, "testing.(*T).Run") || strings.Contains(g, "checkGoroutines") {
					continue
				}
				if strings.Contains(g, "internal/link.") || strings.Contains(g, "internal/serve.") ||
					strings.Contains(g, "google.golang.org/grpc") {
					left = g
				}
			}
			if left == "" {
				return
			}
			select {
			case <-deadline:
				t.Errorf("goroutine left:\n%s", left)
				return
			default:
				runtime.Gosched()
			}
		}
	})
}
