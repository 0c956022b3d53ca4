// Package serve is the primary's side of the connections between nodes: it
// takes statements from other nodes' links and runs them on a forward.Target.
//
// # Connections
//
// One port takes two kinds of connection, which begin with the same handshake:
// links and gRPC. The first bytes after the handshake tell which it is. gRPC
// never sees a link.
//
// # What a peer may hold
//
// Per connection there are bounds on open transactions, on statements that
// run at the same time, and on the bytes of the requests that wait or run. A peer
// has two connections, so that its link and the rest do not count together.
// Beyond the bounds a statement is refused with fault.Overloaded before it runs.
// A peer that leaves thousands of answers unread loses its link, as does one that
// follows more than 1024 databases.
//
// # What ends what
//
// A link or stream that ends, for whatever reason, ends what runs on it: a
// statement's context is cancelled, a transaction is rolled back. A peer that
// vanishes without closing its connection is noticed at most 4 s after the last
// byte that it sent: gRPC pings after 2 s of silence, and a link's client sends
// a ping every 2 s if it has nothing else to send.
//
// A handover whose stream ends is over as well; what that means depends on how
// far it had come, see [Handover].
//
// # How things come
//
// A peer may follow databases on its link. It is told how far each has come as soon
// as that moves; while the link cannot take it, only the newest is kept.
//
// Rows of a query outside a transaction are pushed as fast as the peer's flow
// control takes them. Inside a transaction the peer asks for each batch, so
// that nothing blocks the transaction's goroutine but its own statements, and
// the target's idle limit sees a reader that stalls. Rows that are pushed may
// have a method Expired() bool, for any goroutine to call: [Server.Stop] does
// not wait for a peer that does not read such rows to their end.
package serve

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// Options say whom a Server lets in and what runs the statements.
type Options struct {
	// Credentials come from package secure.
	Credentials credentials.TransportCredentials
	// Cluster is this node's cluster; peers of another one are refused. "" is
	// not known, and not a reason to refuse anybody.
	Cluster string
	// Name is this node's name.
	Name string

	// State is asked for the answer to Hello.
	State func() engine.State
	// Resolve returns what runs the statements of a database, or an error
	// that goes to the caller. It is called for each statement outside a
	// transaction and for each transaction, so it should be quick.
	Resolve func(ctx context.Context, database string) (forward.Target, error)
	// Outcome returns what became of the statement with that id: a result,
	// the error it failed with, or fault.OutcomeUnknown. Nil: nothing is known.
	Outcome func(ctx context.Context, database string, id forward.ID) (forward.Result, error)
	// Position returns how far a database of this node, the primary of that term,
	// has come, for peers that follow it. It is asked again when one of the channels
	// is closed: moved when the position is another, role when this node's role is.
	// An error says that there is nothing to tell now; without channels, never. Nil:
	// peers are told nothing.
	Position func(database string) (pos engine.Position, term uint64, moved, role <-chan struct{}, err error)

	// Handover is asked by the node to, which wants to become primary, to stop
	// writing. It returns when nothing of this node commits any more, or an
	// error, which goes to the caller, when this node goes on: of kind
	// fault.NotPrimary if it is not primary. Writes that run get patience to
	// finish, and are then to be ended. ctx ends when the caller is gone, and
	// nothing is to be ended for it: it has no deadline. One Handover is under
	// way at a time. Nil: it is refused with fault.Unsupported.
	Handover func(ctx context.Context, to PeerInfo, patience time.Duration) (Handover, error)
	// HandoverLimit bounds the wait for each word of the caller of Handover:
	// for sent, while this node does not write, and for done. Zero is 30 s.
	HandoverLimit time.Duration
	// Promote makes this node primary, and returns when it is or cannot be. It
	// may be called several times at once. Nil: it is refused with
	// fault.Unsupported.
	Promote func(ctx context.Context) error

	// The bounds per connection; zero is the default.
	MaxTx         int   // open transactions, 1024
	MaxStatements int   // statements at the same time, 4096
	MaxQueued     int64 // bytes of requests that wait or run, 4 * MaxMessage
	// MaxMessage bounds one statement with its arguments and one row, in
	// bytes; zero is 64 MiB. Peers are told.
	MaxMessage int

	// Logger gets refused connections and panics; nil discards.
	Logger *slog.Logger
}

func (o Options) normalize() Options {
	o.HandoverLimit = cmp.Or(o.HandoverLimit, 30*time.Second)
	o.MaxTx = cmp.Or(o.MaxTx, 1024)
	o.MaxStatements = cmp.Or(o.MaxStatements, 4096)
	o.MaxMessage = cmp.Or(o.MaxMessage, wire.DefaultMaxMessage)
	o.MaxQueued = cmp.Or(o.MaxQueued, 4*int64(o.MaxMessage))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
