// Package engine is the seam between litefwd and whatever decides which node
// is primary and moves the data between nodes.
//
// An [Engine] tells a node its role, where the primary is, and how far each
// database has come. Nothing outside an engine's own package may know which
// engine runs. The engines are engine/shared (several processes on one
// machine, one SQLite file) and engine/litefs (several servers, LiteFS).
package engine

import (
	"context"
	"database/sql/driver"
	"fmt"
)

// Role is what a node is at the moment.
type Role uint8

const (
	// Unknown: the engine cannot tell (starting, election, lost connection).
	// A node in this role behaves as a replica.
	Unknown Role = iota
	// Replica: another node is, or may become, primary.
	Replica
	// Primary: this node runs the writes.
	Primary
)

// String returns "unknown", "replica" or "primary".
func (r Role) String() string {
	switch r {
	case Replica:
		return "replica"
	case Primary:
		return "primary"
	default:
		return "unknown"
	}
}

// Peer names a node and says where its litefwd port is.
type Peer struct {
	// Name is the node's name as the engine knows it.
	Name string
	// Addr is host:port of the node's litefwd port, "" if unknown.
	Addr string
}

// State is an immutable snapshot of what an engine knows.
type State struct {
	Role Role
	// Primary is the primary's peer, zero if unknown. On the primary it is
	// the node itself.
	Primary Peer
	// Term changes whenever the primary does. Engines that have no such
	// number count the changes they see.
	Term uint64
	// Problem says why no primary is known, or what is wrong with the one
	// that is (for instance that it does not answer); nil if all is well.
	Problem error
}

// Position is how far one database has come: LiteFS's pair of transaction id
// and rolling checksum. The zero Position is reached by every copy.
//
// A TXID alone is no proof: after a failover ids are used again with other
// contents, so equal ids with different checksums are different histories.
type Position struct {
	TXID     uint64
	Checksum uint64
}

// IsZero reports whether p is the zero Position.
func (p Position) IsZero() bool { return p == Position{} }

// String formats p as LiteFS does: two 16-digit hexadecimal numbers.
func (p Position) String() string { return fmt.Sprintf("%016x/%016x", p.TXID, p.Checksum) }

// Standing is how a copy stands to a position that a primary had.
type Standing uint8

const (
	// Coming: the copy has not got it, and may still.
	Coming Standing = iota
	// Held: it is part of the copy's history.
	Held
	// Lost: the copy's history does not have it, and never will.
	Lost
	// Unclear: the copy's history is a later primary's and has gone further;
	// whether it has the position nobody saw.
	Unclear
)

// String returns "coming", "held", "lost" or "unclear".
func (s Standing) String() string {
	return [...]string{"coming", "held", "lost", "unclear"}[s]
}

// Break is a place where a copy's history does not go on: it was at Was, and
// has been replaced by one at Is.
type Break struct {
	Was, Is Position
	// Certain: Was is not in the new history. Otherwise it may be, if the copy
	// was only far behind.
	Certain bool
	// Why describes the difference.
	Why string
}

// Self is what a node tells its engine about itself.
type Self struct {
	// Name is the node's name, unique in the cluster.
	Name string
	// Addr is the address of the node's litefwd port for other nodes, or ""
	// for a client, which must never become primary.
	Addr string
}

// Engine watches one directory of databases for one node.
//
// All methods may be called from several goroutines. State and Watch never
// block and never do I/O.
type Engine interface {
	// Start begins to watch, and returns once a first State is known, which
	// may have Role Unknown. It is called once. Everything it starts is
	// stopped by Close.
	Start(ctx context.Context, self Self) error

	// Watch returns the present State and a channel that is closed when
	// there is another one.
	Watch() (State, <-chan struct{})

	// Suspect tells the engine that the primary's connection broke, so that
	// it looks again now rather than at its next turn. It does not block.
	Suspect()

	// Database returns the view of one database, which need not exist yet.
	// path is the database file's path; calling it again with the same path
	// returns the same Database.
	Database(path string) (Database, error)

	// Cluster identifies the set of nodes that share this data; nodes of
	// different clusters refuse each other. "" if the engine has no such
	// identity, or not yet; then nobody is refused for it.
	Cluster() string

	// Close gives up the primary role, if held, stops everything and waits
	// for it, except for what the kernel holds (a read of a frozen mount). The
	// node has stopped writing before.
	Close() error
}

// Database is an engine's view of one database.
//
// All methods may be called from several goroutines.
type Database interface {
	// Watch returns how far this node's copy has come, and a channel that is
	// closed when that changes. It never blocks.
	Watch() (Position, <-chan struct{})

	// Fence reports whether this node is still the primary of that term
	// (State.Term): nil, or an error of kind fault.NotPrimary. The writer
	// calls it for each transaction while it holds the database's write lock
	// and rolls back on an error. It must be quick (microseconds).
	Fence(term uint64) error

	// Serves is Fence for a read that another node has sent to this one: it is
	// asked beside the writing transaction, which it leaves alone.
	Serves(term uint64) error

	// Committed is called after COMMIT has succeeded on the primary, in the
	// transaction that passed Fence last, and returns a Position that includes
	// it. There is one writing transaction of a database at a time. An error means that COMMIT's
	// success is no proof here: the outcome is unknown.
	Committed(ctx context.Context) (Position, error)
}

// Replicated is implemented by a Database whose file another process changes,
// and now and then replaces, while this one has it open. SQLite cannot see
// that: a connection's page cache, or its idea of the schema, may be of a
// history that is gone.
//
// All methods may be called from several goroutines.
type Replicated interface {
	// History returns a number that changes whenever connections that were
	// opened before must not be used any more, and a channel that is closed
	// when it does. It never blocks. Read it before opening a connection.
	History() (uint64, <-chan struct{})

	// HistoryNow is History's number. It takes no lock, and is asked for each read.
	HistoryNow() uint64

	// File returns a number that changes, with History, when the file itself may
	// be another one than before (dropped and made again, on another mount): then
	// no connection may stay open, not even an idle one, because SQLite shares
	// what it knows of a file among all connections of a process. It never blocks.
	File() uint64

	// Standing says how this node's copy stands to p, which the primary of that
	// term (State.Term; 0 if that is not known) had. It does no I/O and never
	// blocks. Watch's channel is closed also when standings change and the
	// position does not.
	Standing(p Position, term uint64) Standing

	// Breaks returns the breaks in this copy's history after the first n, oldest
	// first, as far as they are remembered, and how many there have been. Each
	// raises History. It never blocks.
	Breaks(n uint64) ([]Break, uint64)

	// Snapshot is called by a reader that has a read transaction open, after
	// its first read, on a connection that was opened at that history. It
	// returns the position that the reader sees or, on the primary, one that
	// is at most a transaction off. An error of kind fault.HistoryChanged says that the
	// connection may show another history: it must be closed, and what it
	// read forgotten. It waits for nothing that the reader could hold up.
	Snapshot(ctx context.Context, history uint64) (Position, error)

	// Newest returns the newest position that anybody on this node may know of, and
	// History's number. As long as it returns the same, a read transaction that was
	// begun after it first did shows all that was acknowledged. On a replica that is
	// what Watch returns, since the copy does not change under an open read; on the
	// primary, where other programs may commit, it takes a microsecond.
	Newest() (Position, uint64, error)

	// CommittedAfter is asked in place of Committed where nobody else has committed
	// since the database was at p, so that the transaction that follows p is the
	// caller's. It returns that one, if the engine has been told of it already in
	// Fence's term, and does no I/O.
	CommittedAfter(p Position) (Position, bool)

	// MayCreate reports whether opening the database may create its file:
	// false where the file is to come from another node.
	MayCreate() bool

	// Failed is called when SQLite has failed with err, a result code that a
	// lost role, a replaced file or a dead mount can be the cause of
	// (SQLITE_READONLY, IOERR, CANTOPEN, CORRUPT, PROTOCOL, NOTADB). It makes
	// the engine look again, and raises History if the connections are of no
	// use. It does not block.
	Failed(err error)

	// Settle is called on the primary when a transaction of that term failed
	// with such a code, and was rolled back as far as SQLite knows. It says
	// what became of it:
	//
	//	nothing was committed, and this node is primary | err itself
	//	nothing was committed, and the role is lost     | fault.NotPrimary
	//	it cannot be known                              | fault.OutcomeUnknown
	//
	// committing: it was COMMIT that failed. Settle may block until ctx ends.
	Settle(ctx context.Context, term uint64, committing bool, err error) error
}

// Promoter is implemented by engines that can move the primary role to this
// node while all is well.
type Promoter interface {
	// Candidate reports whether this node may become primary: nil, or why not.
	Candidate(ctx context.Context) error

	// Promote makes this node primary and returns when it is. The primary has
	// stopped writing before, and this node's copies have caught up. asked is
	// called right before something is sent that may move the role: when it
	// was not called, an error means that the role stays where it was.
	Promote(ctx context.Context, asked func() error) error
}

// Journaler is implemented by a Database whose engine needs one journal mode.
type Journaler interface {
	// JournalMode returns it in lower case, such as "wal". The primary's
	// writer sets it when it opens the database.
	JournalMode() string
}

// DriverChecker is implemented by engines on which not every SQLite driver works.
type DriverChecker interface {
	// CheckDriver returns nil, or why d must not be used, an error of kind
	// fault.Config.
	CheckDriver(d driver.Driver) error
}

// Secreter is implemented by engines that can keep a secret known to exactly
// the processes that may join (engine/shared: a 0600 file in the directory).
type Secreter interface {
	// Secret returns the secret; valid after the engine was constructed.
	Secret() ([]byte, error)
}
