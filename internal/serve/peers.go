package serve

import (
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// PeerInfo is who a peer says it is. It has shown that it is of the cluster,
// but not that the rest is true.
type PeerInfo struct {
	// Name is the node's name.
	Name string
	// Addr is host:port of its litefwd port, or "" for a client, which has none.
	Addr string
}

// Peers returns the nodes that have a link open now, that is those that
// forward their writes here, sorted by name. One that vanished is among them
// until that is noticed (see the package comment), and so is, for as long, one
// that came again under another address.
func (s *Server) Peers() []PeerInfo {
	p := &s.peers
	p.mu.Lock()
	all := slices.Collect(maps.Keys(p.linked))
	p.mu.Unlock()
	slices.SortFunc(all, func(a, b PeerInfo) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Addr, b.Addr))
	})
	return all
}

// peers counts what each connection holds. A connection is known by its
// remote address, and forgotten with its last call.
type peers struct {
	mu     sync.Mutex // guards the following
	byAddr map[string]*load
	linked map[PeerInfo]int // open links
}

// link counts a link until unlink is called.
func (p *peers) link(who PeerInfo) (unlink func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.linked == nil {
		p.linked = map[PeerInfo]int{}
	}
	p.linked[who]++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.linked[who]--; p.linked[who] == 0 {
			delete(p.linked, who)
		}
	}
}

// load is what one connection holds.
type load struct {
	calls      int // guarded by peers.mu
	tx         atomic.Int64
	statements atomic.Int64
	bytes      atomic.Int64
}

func (p *peers) enter(addr string) *load {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.byAddr[addr]
	if l == nil {
		if p.byAddr == nil {
			p.byAddr = map[string]*load{}
		}
		l = &load{}
		p.byAddr[addr] = l
	}
	l.calls++
	return l
}

func (p *peers) leave(addr string, l *load) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.calls--; l.calls == 0 {
		delete(p.byAddr, addr)
	}
}

// caller is who has a link, or makes a gRPC call, in whose context it is then.
type caller struct {
	meta wire.Meta
	addr string
	load *load
	s    *Server
}

type callerKey struct{}

func callerFrom(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// name tells the caller from others.
func (c *caller) name() string { return cmp.Or(c.meta.Node, c.addr) }

func (c *caller) info() PeerInfo { return PeerInfo{Name: c.meta.Node, Addr: c.meta.Addr} }

// admit counts one statement of size bytes; done takes it off again.
func (c *caller) admit(size int) error {
	if n := c.load.statements.Add(1); n > int64(c.s.opts.MaxStatements) {
		c.load.statements.Add(-1)
		return fault.Refuse(fault.Overloaded, "node %q has %d statements running on %q, which is the limit",
			c.meta.Node, n-1, c.s.opts.Name)
	}
	// A single statement always fits.
	if n := c.load.bytes.Add(int64(size)); n > c.s.opts.MaxQueued && n > int64(size) {
		c.load.bytes.Add(-int64(size))
		c.load.statements.Add(-1)
		return fault.Refuse(fault.Overloaded, "node %q has %d bytes of statements waiting on %q; the limit is %d",
			c.meta.Node, n-int64(size), c.s.opts.Name, c.s.opts.MaxQueued)
	}
	return nil
}

func (c *caller) done(size int) {
	c.load.bytes.Add(-int64(size))
	c.load.statements.Add(-1)
}

// admitTx counts one open transaction.
func (c *caller) admitTx() error {
	if n := c.load.tx.Add(1); n > int64(c.s.opts.MaxTx) {
		c.load.tx.Add(-1)
		return fault.Refuse(fault.Overloaded, "node %q has %d transactions open on %q, which is the limit",
			c.meta.Node, n-1, c.s.opts.Name)
	}
	return nil
}

func (c *caller) doneTx() { c.load.tx.Add(-1) }

// maxRow is the most bytes that a row for this caller may have.
func (c *caller) maxRow() int {
	if c.meta.MaxMessage > 0 {
		return min(c.meta.MaxMessage, c.s.opts.MaxMessage)
	}
	return c.s.opts.MaxMessage
}

// enter checks who calls; leave is to be called at the end of the call or link.
func (s *Server) enter(said wire.Meta, addr net.Addr) (_ *caller, leave func(), err error) {
	if err := s.me.Accept(said); err != nil {
		return nil, nil, err
	}
	c := &caller{meta: said, addr: addr.String(), s: s}
	c.load = s.peers.enter(c.addr)
	s.handlers.Add(1)
	return c, func() {
		s.peers.leave(c.addr, c.load)
		s.handlers.Add(-1)
	}, nil
}

// enterLink is enter for a link.
func (s *Server) enterLink(said wire.Meta, addr net.Addr) (_ *caller, leave func(), err error) {
	if s.isStopping() {
		return nil, nil, s.closed()
	}
	return s.enter(said, addr)
}

// enterCall is enter for a gRPC call.
func (s *Server) enterCall(ctx context.Context) (_ context.Context, leave func(), err error) {
	md, _ := metadata.FromIncomingContext(ctx)
	p, _ := peer.FromContext(ctx) // gRPC's server puts it in
	c, leave, err := s.enter(wire.MetaFrom(md), p.Addr)
	if err != nil {
		return nil, nil, wire.Status(err)
	}
	return context.WithValue(ctx, callerKey{}, c), leave, nil
}

// hold keeps what the connection holds counted until release is called.
func (c *caller) hold() (release func()) {
	c.s.peers.enter(c.addr) // which it is counted for already
	return func() { c.s.peers.leave(c.addr, c.load) }
}

func (s *Server) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	ctx, leave, err := s.enterCall(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer s.recovered(ctx, "", func(e error) { err = wire.Status(e) })
	return handle(ctx, req)
}

func (s *Server) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	ctx, leave, err := s.enterCall(stream.Context())
	if err != nil {
		return err
	}
	defer leave()
	defer s.recovered(ctx, "", func(e error) { err = wire.Status(e) })
	return handle(srv, &streamWithContext{stream, ctx})
}

type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *streamWithContext) Context() context.Context { return s.ctx }
