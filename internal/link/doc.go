// Package link is a node's way to another node: it runs statements on the
// primary, over two connections.
//
// # Connections
//
// A [Peer] keeps one long-lived link, a TCP connection over which the
// statements of all callers that want no rows travel; requests that come while
// a frame is being sent go together in the next one. A caller who is alone
// writes his statement himself: a round trip then wakes one goroutine on the
// primary, and one here.
//
// A query, a transaction and a statement too large to share have a stream of
// their own on a gRPC connection, which is made for the first of them; what runs
// no statement goes there as well. But every call waits first until the link is
// accepted, which costs a round trip once and makes refusals (wrong secret,
// other cluster) certain to have run nothing.
//
// Over the link the other node, if it is primary, also tells how far its databases
// have come, for those that [Peer.Follow] names.
//
// A frame of which the last byte is missing is not run. So a statement whose
// frame could not be written is one that has run nothing, although a part of it
// may have left.
//
// # What an error says
//
//	                              Exec, Query       Query marked    statement in    Commit
//	                                                ReadOnly        a transaction
//	not connected, refused,       NoPrimary, Auth, Protocol, Closed, Overloaded …, all with
//	or broken before it left      NothingRan; inside an open transaction: TxExpired
//	broken after it left          OutcomeUnknown    NoPrimary       TxExpired (a)   OutcomeUnknown
//	broken after the answer's     NoPrimary (b)     NoPrimary       TxExpired
//	header, in the rows
//	context ended before it left  ctx.Err()         ctx.Err()       ctx.Err()       ctx.Err()
//	context ended after it left   OutcomeUnknown,   ctx.Err()       ctx.Err() (c)   OutcomeUnknown,
//	                              wraps ctx.Err()                                   wraps ctx.Err()
//	answered                      what the primary says: *fault.SQLError, *fault.Error, the driver's text
//
// A deadline travels a tenth (at most 100 ms) shorter than it is, so that as a
// rule the primary gives up first and says what became of the statement.
//
// A caller of Exec whose context ends after its statement left waits 50 ms more for
// what the primary says of it: mostly that it was withdrawn.
//
// (a) OutcomeUnknown if the text may have ended the transaction (COMMIT, END,
// RELEASE). (b) With Committed set if the query was a write: its header comes
// after its commit. (c) The primary interrupts the statement and the
// transaction stays, as far as SQLite leaves it open. If there is no answer
// within a second, or the request was still on its way out, the transaction
// is given up: TxExpired, which wraps ctx.Err().
//
// # Bounds
//
// A peer that vanishes without closing the connection is noticed at most
// PingEvery + PingTimeout (4 s) after its last byte; then everything on the
// connection fails as broken. That holds for each of the two connections; for
// gRPC's, on which the other node pings, not with shorter times than these. Nor
// does a caller wait longer than his context for a peer that does not read.
//
// A connection attempt takes at most ConnectTimeout (2 s). After a failed one,
// attempts are at most 250 ms apart (at first 20 ms) and calls in between fail at
// once with the reason of the last; Reconnect makes the next one immediate.
package link

import (
	"cmp"
	"context"
	"net"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/wire"
)

// Options say whom a Peer connects to and as whom.
type Options struct {
	// Addr is host:port of the other node.
	Addr string
	// Credentials come from package secure.
	Credentials credentials.TransportCredentials
	// Cluster and Name are this node's. Cluster is "" if it is not known.
	Cluster, Name string
	// SelfAddr is host:port of this node's own litefwd port, which the other
	// node is told, or "" for a client.
	SelfAddr string
	// MaxMessage bounds one statement with its arguments and one row, in
	// bytes; zero is 64 MiB. The other node's bound holds as well.
	MaxMessage int
	// OnBroken is called each time an established link breaks, or is ended by
	// the other node, except by Close. It must not block. It returns before there
	// are news of the next link.
	OnBroken func()
	// OnNews is called with how far a followed database of the other node, the
	// primary, has come, see Peer.Follow. The term is that node's own count
	// (engine.State.Term), which may not be this node's. It is called by one
	// goroutine, in the order in which the other node has said it, and must not
	// block: answers wait behind it.
	OnNews func(database string, pos engine.Position, term uint64)

	// The bounds described at the package; zero is the default. With a longer
	// PingEvery the other node takes this one for gone.
	ConnectTimeout, PingEvery, PingTimeout time.Duration
	// Dialer replaces the TCP dialer, for both connections.
	Dialer func(ctx context.Context, addr string) (net.Conn, error)
}

func (o Options) normalize() Options {
	o.MaxMessage = cmp.Or(o.MaxMessage, wire.DefaultMaxMessage)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 2*time.Second)
	o.PingEvery = cmp.Or(o.PingEvery, 2*time.Second)
	o.PingTimeout = cmp.Or(o.PingTimeout, 2*time.Second)
	if o.OnBroken == nil {
		o.OnBroken = func() {}
	}
	if o.OnNews == nil {
		o.OnNews = func(string, engine.Position, uint64) {}
	}
	if o.Dialer == nil {
		o.Dialer = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	return o
}
