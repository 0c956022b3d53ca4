package link

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/wire"
)

// See the same constants in package serve.
const (
	streamWindow = 1 << 20
	connWindow   = 4 << 20
	maxHeaders   = 16 << 10
)

// maxSend is gRPC's own limit, which is never met: statements are measured
// before, against a limit that the other node names.
const maxSend = 1<<31 - 1

// Peer is the way to one other node: the link, and a gRPC connection that is made
// when it is first needed. Its methods may be called from several goroutines.
type Peer struct {
	opts   Options
	me     wire.Meta
	md     metadata.MD // me, for gRPC
	conn   *grpc.ClientConn
	client wire.ForwardClient
	net    network // of conn

	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	goroutines sync.WaitGroup

	// ending is held while OnBroken is called for a session.
	ending sync.Mutex

	mu       sync.Mutex // guards the following
	closed   bool
	current  *session        // nil, or not known to be broken
	opening  *attempt        // nil, or under way
	pause    pause           // after the last attempt
	followed map[string]bool // databases
}

// attempt is one try to open a session, shared by all who wait for it.
type attempt struct {
	done    chan struct{} // closed when the rest is set
	session *session
	err     error
}

// Dial returns a Peer. It does no I/O: the first call connects. An address
// that the credentials do not allow is an error of kind fault.Auth.
func Dial(opts Options) (*Peer, error) {
	opts = opts.normalize()
	if c, ok := opts.Credentials.(secure.AddrChecker); ok {
		if err := c.CheckAddr(opts.Addr); err != nil {
			return nil, err
		}
	}
	p := &Peer{opts: opts, followed: map[string]bool{}, me: wire.Meta{
		Version: wire.Version, Cluster: opts.Cluster, Node: opts.Name, Addr: opts.SelfAddr, MaxMessage: opts.MaxMessage,
	}}
	p.md = p.me.MD()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	pauses := backoff.DefaultConfig
	pauses.BaseDelay, pauses.MaxDelay = firstPause, maxPause
	conn, err := grpc.NewClient("passthrough:///"+opts.Addr, // the dialer resolves names
		grpc.WithTransportCredentials(watchedCredentials{opts.Credentials, &p.net}),
		grpc.WithContextDialer(p.net.dialer(opts)),
		grpc.WithAuthority(opts.Addr),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: opts.ConnectTimeout}),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithDisableHealthCheck(),
		grpc.WithIdleTimeout(0),
		grpc.WithStaticStreamWindowSize(streamWindow), grpc.WithStaticConnWindowSize(connWindow),
		grpc.WithSharedWriteBuffer(true), grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(wire.Codec),
			grpc.MaxCallRecvMsgSize(opts.MaxMessage+wire.MessageSlack),
			grpc.MaxCallSendMsgSize(maxSend)),
	)
	if err != nil {
		p.cancel()
		return nil, fault.New(fault.Config, "address %q of a node: %w", opts.Addr, err)
	}
	p.conn, p.client = conn, wire.NewForwardClient(conn)
	return p, nil
}

// Database returns the target that runs statements on the other node's
// database of that name. It is cheap and stays valid until Close.
func (p *Peer) Database(name string) forward.Target { return &database{peer: p, name: name} }

// Reconnect ends the pause after a failed connection attempt, if there is one
// now. Call it when the node's address has been published again.
func (p *Peer) Reconnect() {
	p.mu.Lock()
	p.pause = pause{}
	p.mu.Unlock()
	// At other times gRPC changes the map that ResetConnectBackoff goes through
	// without its lock (clientconn.go of v1.85.0).
	if p.conn.GetState() == connectivity.TransientFailure {
		p.conn.ResetConnectBackoff()
	}
}

// Look takes what has come over the link, if it is open, without waiting for Go's
// scheduler to look for it, which takes up to 10 ms while all processors are busy. It
// does not block, and costs some microseconds.
func (p *Peer) Look() {
	p.mu.Lock()
	s := p.current
	p.mu.Unlock()
	if s != nil {
		s.conn.look()
	}
}

// Close breaks what still runs, as a lost connection would, and waits for the
// Peer's goroutines. It may be called again; the error is always nil.
func (p *Peer) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.conn.Close() //nolint:errcheck // its only error is that it was closed before
	p.goroutines.Wait()
	p.net.close()
	return nil
}

// outgoing adds what travels with every call to ctx.
func (p *Peer) outgoing(ctx context.Context) context.Context {
	return metadata.NewOutgoingContext(ctx, p.md)
}

// session returns the open link, opening it if there is none. Its errors
// say that nothing ran, or are ctx's.
func (p *Peer) session(ctx context.Context) (*session, error) {
	p.mu.Lock()
	if s := p.current; s != nil {
		p.mu.Unlock()
		return s, nil
	}
	if p.closed {
		p.mu.Unlock()
		return nil, fault.Refuse(fault.Closed, "the connection to %s is closed", p.opts.Addr)
	}
	a := p.opening
	if a == nil {
		if err := p.pause.err(); err != nil {
			p.mu.Unlock()
			return nil, err
		}
		a = &attempt{done: make(chan struct{})}
		p.opening = a
		p.goroutines.Go(func() { p.open(a) }) // ends within ConnectTimeout
	}
	p.mu.Unlock()
	select {
	case <-a.done:
		return a.session, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open makes the attempt. It is not bound to one caller's context, because
// others may wait for it as well.
func (p *Peer) open(a *attempt) {
	s, err := newSession(p)
	p.mu.Lock()
	p.opening = nil
	if err == nil {
		p.current, p.pause = s, pause{}
		for name := range p.followed {
			s.follow(name)
		}
	} else {
		p.pause.begin(err)
	}
	p.mu.Unlock()
	a.session, a.err = s, err
	if err == nil {
		p.ending.Lock() // no news comes before the end of the session before is told
		p.ending.Unlock()
		// Only now, so that a session that ends at once is taken away again.
		s.start()
	}
	close(a.done)
}

// lost is called once by each session when it has ended.
func (p *Peer) lost(s *session) {
	p.ending.Lock()
	defer p.ending.Unlock()
	p.mu.Lock()
	if p.current == s {
		p.current = nil
	}
	closed := p.closed
	p.mu.Unlock()
	if !closed {
		p.opts.OnBroken()
	}
}
