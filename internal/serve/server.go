package serve

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/wire"
)

// The bounds in which a dead peer is noticed, see the package comment: gRPC's
// pings, and together the silence after which a link breaks.
const (
	pingAfter   = 2 * time.Second
	pingTimeout = 2 * time.Second
)

// streamWindow is what a peer may send on one stream before it is read. It is
// fixed, because gRPC's own estimate of a good window costs pings.
const (
	streamWindow = 1 << 20
	connWindow   = 4 << 20
)

// maxHeaders bounds the headers of a call: ours take some hundred bytes, an
// error in the trailer some thousand.
const maxHeaders = 16 << 10

// Server answers other nodes. Create one with [New].
type Server struct {
	wire.UnimplementedForwardServer
	opts  Options
	grpc  *grpc.Server
	peers peers
	me    wire.Meta

	stopOnce sync.Once
	stopping chan struct{}  // closed by Refuse
	readers  sync.WaitGroup // goroutines that may outlive their handler a little
	links    sync.WaitGroup // their handlers

	conns      conns
	handshakes atomic.Int64 // under way
	handlers   atomic.Int64 // that run
	handover   atomic.Bool  // one is under way
	abandoned  atomic.Bool  // a stream has ended whose peer does not read, and may never read the end
}

// New returns a server that does not listen yet.
func New(opts Options) *Server {
	opts = opts.normalize()
	s := &Server{
		opts:     opts,
		stopping: make(chan struct{}),
		me: wire.Meta{
			Version: wire.Version, Cluster: opts.Cluster, Node: opts.Name, MaxMessage: opts.MaxMessage,
		},
	}
	s.grpc = grpc.NewServer(
		grpc.Creds(doorkeeper{opts.Credentials, s}),
		grpc.ForceServerCodecV2(wire.Codec),
		grpc.MaxRecvMsgSize(opts.MaxMessage+wire.MessageSlack),
		grpc.MaxSendMsgSize(maxSend),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingAfter, Timeout: pingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connWindow),
		grpc.SharedWriteBuffer(true),
		grpc.MaxHeaderListSize(maxHeaders),
		// More streams wait at the peer; the typed refusals come far below.
		grpc.MaxConcurrentStreams(uint32(2*(opts.MaxTx+opts.MaxStatements)+64)),
		grpc.WaitForHandlers(true),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream),
	)
	wire.RegisterForwardServer(s.grpc, s)
	return s
}

// maxSend is gRPC's own limit, which is never met: rows are measured before.
const maxSend = 1<<31 - 1

// Serve accepts connections until Stop, and then returns nil. Other errors are
// the listener's; a listener that the credentials do not allow is refused with
// fault.Auth. It closes the listener.
func (s *Server) Serve(listener net.Listener) error {
	if c, ok := s.opts.Credentials.(secure.AddrChecker); ok && listener.Addr().Network() == "tcp" {
		if err := c.CheckAddr(listener.Addr().String()); err != nil {
			listener.Close()
			return err
		}
	}
	err := s.grpc.Serve(listener)
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Refuse refuses, from now on, new statements, transactions and handovers, with
// an error of kind fault.Closed that says that nothing ran. It does not wait:
// what runs goes on, as do open transactions, and connections stay. Stop is to
// follow.
func (s *Server) Refuse() { s.stopOnce.Do(func() { close(s.stopping) }) }

// Stop does what Refuse does, lets those statements that run finish, with open
// transactions and a handover, until ctx ends, then breaks what is left and waits for it. It
// returns ctx's error if something was broken off. It may be called again.
//
// A peer that holds a transaction or rows that a limit has ended is not waited
// for.
func (s *Server) Stop(ctx context.Context) error {
	s.Refuse()
	drained := make(chan struct{})
	go func() { // ends when all handlers have, which drain makes sure of
		defer close(drained)
		s.grpc.GracefulStop()
		s.links.Wait() // from here on none begins
	}()
	err := s.drain(ctx, drained)
	s.readers.Wait()
	return err
}

// drain waits for drained, and sees to it when ctx ends, or when only gRPC
// streams are left that are abandoned and whose peers leave the rest unread.
func (s *Server) drain(ctx context.Context, drained <-chan struct{}) (err error) {
	ticker := time.NewTicker(stopPoll)
	defer ticker.Stop()
	for quiet := time.Duration(0); quiet < lastWords; {
		select {
		case <-drained:
			return nil
		default:
		}
		select {
		case <-drained:
			return nil
		case <-ctx.Done():
			err, quiet = ctx.Err(), lastWords
		case <-ticker.C:
			quiet += stopPoll
			if s.handlers.Load() > 0 || !s.abandoned.Load() {
				quiet = 0
			}
		}
	}
	s.conns.breakAll()
	s.grpc.Stop()
	<-drained
	return err
}

// lastWords is how long peers may take to read what was sent before Stop gives
// those up that do not.
const lastWords = time.Second

// closed is the refusal of what comes after Refuse.
func (s *Server) closed() error {
	return fault.Refuse(fault.Closed, "node %q is shutting down", s.opts.Name)
}

func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}
