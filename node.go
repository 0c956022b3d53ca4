package litefwd

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/forward"
)

// Node is one process's place in a cluster: a directory of databases, a role,
// and the links to the other nodes. Its methods may be called from several
// goroutines. Close it, or Shutdown, when the program ends.
//
// Opening the same directory twice in one process gives two Nodes that share
// everything; the last one closed stops it.
type Node struct {
	core    *core
	main    *database
	release sync.Once // of core
}

// Role is what a node is at the moment.
type Role = engine.Role

// The roles of a node.
const (
	RoleUnknown = engine.Unknown
	RoleReplica = engine.Replica
	RolePrimary = engine.Primary
)

// Peer names a node and its address.
type Peer = engine.Peer

// Status is what a node knows of the cluster at one moment.
type Status struct {
	Role Role
	// Primary is the primary's name and address, zero if unknown.
	Primary Peer
	// Term changes with each change of the primary.
	Term uint64
	// Problem says why no primary is known or what is wrong with it; nil if
	// all is well.
	Problem error
}

// Open starts a node, or joins the one that this process already has for the
// directory of cfg.Path. It returns once the engine knows its first state,
// which may be that no primary is known yet; ctx bounds only that.
//
// Errors are of kind ErrConfig, naming the field by its DSN key, or come from
// the operating system (port taken, directory not writable).
func Open(ctx context.Context, cfg Config) (*Node, error) {
	cfg, err := cfg.normalize()
	if err != nil {
		return nil, err
	}
	c, err := openCore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	db, err := c.database(filepath.Base(cfg.Path))
	if err != nil {
		c.release(ctx)
		return nil, err
	}
	return &Node{core: c, main: db}, nil
}

// DB returns the database of Config.Path. Reads run on this node's copy,
// writes on the primary. The Node closes it; do not close it yourself.
func (n *Node) DB() *sql.DB { return n.main.pool }

// Database returns another database of the same directory by its file's name.
// It panics if name is not a plain file name, if the local driver refuses it, or
// if the Node is closed. The Node closes it.
func (n *Node) Database(name string) *sql.DB {
	db, err := n.core.database(name)
	if err != nil {
		panic(fmt.Sprintf("litefwd: Database(%q): %v", name, err))
	}
	return db.pool
}

// Local returns the database of Config.Path as this node's copy has it, never
// asking another node and never writing: a write fails with SQLITE_READONLY.
// The Node closes it.
func (n *Node) Local() *sql.DB { return n.main.local }

// Role returns this node's role. A client is never primary.
func (n *Node) Role() Role { return n.Status().Role }

// Primary returns the primary's name and address, zero if none is known.
func (n *Node) Primary() Peer { return n.Status().Primary }

// Name returns this node's name.
func (n *Node) Name() string { return n.core.cfg.Name }

// Addr returns the address under which other nodes reach this one, "" for a
// client.
func (n *Node) Addr() string { return n.core.addr }

// Status returns what this node knows of the cluster. It does not block.
func (n *Node) Status() Status {
	s, _ := n.core.watch()
	return n.core.status(s)
}

// WatchRole returns a channel that has the present status at once and then
// each new one, until ctx ends or the node is closed; then it is closed. A
// slow reader misses statuses in between but always gets the last.
func (n *Node) WatchRole(ctx context.Context) <-chan Status {
	ch := make(chan Status, 1) // holds the newest status, replaced when not yet read
	n.core.goroutines.Go(func() {
		defer close(ch)
		for {
			s, changed := n.core.watch()
			select {
			case <-ch:
			default:
			}
			ch <- n.core.status(s)
			select {
			case <-changed:
			case <-ctx.Done():
				return
			case <-n.core.stop:
				return
			}
		}
	})
	return ch
}

// Outcome asks the primary what became of the forwarded write whose error was
// ErrOutcomeUnknown; requestID is Error.RequestID. It waits while the write is
// still running. A nil error says that it is committed; a *SQLError that it
// failed and changed nothing; ErrOutcomeUnknown that this primary does not
// know it (it took over later, or too many writes have come since).
func (n *Node) Outcome(ctx context.Context, requestID string) error {
	id, err := forward.ParseID(requestID)
	if err != nil {
		return err
	}
	return n.main.outcome(ctx, id)
}

// Stats returns counters of what this node has done with the database of
// Config.Path since it was opened.
func (n *Node) Stats() Stats { return n.main.snapshotStats() }

// Shutdown stops taking statements, lets those that run finish until ctx ends
// (open transactions are then rolled back), gives up the primary role and
// closes everything. After it, or Close, the Node is of no use; calling either
// again does nothing.
func (n *Node) Shutdown(ctx context.Context) (err error) {
	n.release.Do(func() { err = n.core.release(ctx) })
	return err
}

// Close is Shutdown without waiting: what runs is interrupted, and transactions
// are rolled back. A write of this process that was given a context without an
// end cannot be interrupted by every driver and is waited for.
func (n *Node) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return n.Shutdown(ctx)
}
