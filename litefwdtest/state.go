package litefwdtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/lineage"
	"github.com/litefwd/litefwd/litefwdtest/internal/dbfile"
)

// member is the engine's side of one node.
type member struct {
	c     *core
	index int
	dir   string
	wake  chan struct{} // buffered 1: wake-ups of the replication goroutine coalesce

	attaching sync.Mutex // held while a database is opened, so that it is opened once
	step      sync.Mutex // held while the node's files are replaced or its role changes

	// The following is guarded by core.mu.

	running bool // between Engine.Start and Engine.Close
	self    engine.Self
	state   engine.State
	changed chan struct{} // closed and replaced when state changes
	// tenure is not nil while the node believes itself to be primary, which
	// after Usurp is not the same as being core.primary.
	tenure     *tenure
	dbs        map[string]*database
	down       bool // Crash
	isolated   bool // Isolate
	paused     bool // Pause
	holds      int  // role changes that keep replication from starting a step
	lag        time.Duration
	cancelStep context.CancelFunc // ends the wait of the present step; nil between steps
	doing      string             // the present step, for error texts
	broken     error              // why replication to this node stopped for good
}

// tenure is one time of a node as primary.
type tenure struct {
	term    uint64
	closing bool // being handed over: no new transaction may commit
	drained bool // ended by a handover that included every commit
}

// database is one node's copy of one database.
type database struct {
	m    *member
	name string
	file *dbfile.File

	content sync.Mutex // held while the file is read or replaced as a whole, so that image is what it contains

	// The following is guarded by core.mu.

	image   *dbfile.Image
	pos     engine.Position
	changed chan struct{} // closed and replaced when pos changes
	// history rises with whatever makes open connections unusable; then
	// historyChanged is closed and replaced.
	history        uint64
	historyChanged chan struct{}
	log            []txn          // the transactions that led to pos, without gaps; may be cut at its start
	line           lineage.Line   // what led to pos, as far as a node could know
	breaks         []engine.Break // of line
	wal            bool           // the primary keeps the database in WAL mode
	// stale: the node was primary, and what its file contains is not known.
	stale bool
	// fenced is the tenure in which the last transaction was allowed to commit.
	fenced *tenure
	// handedOver is the position at the end of the last drained tenure.
	handedOver engine.Position
}

// txn is one transaction in a node's log.
type txn struct {
	pre, post engine.Position
	at        time.Time
	change    *dbfile.Change
}

// maxLog bounds a database's log; a replica that needs more gets a snapshot,
// as from a LiteFS whose retention has passed.
const maxLog = 10_000

// setPosLocked publishes a new position, which line has already.
func (d *database) setPosLocked(pos engine.Position) {
	if len(d.log) == 0 { // the copy came as a whole
		d.raiseHistoryLocked()
	}
	d.pos = pos
	close(d.changed)
	d.changed = make(chan struct{})
	d.m.c.bumpLocked()
}

// appendLocked adds a transaction that ends in image to the log. It was made in
// that term.
func (d *database) appendLocked(change *dbfile.Change, image *dbfile.Image, term uint64) {
	post := engine.Position{TXID: d.pos.TXID + 1, Checksum: image.Checksum()}
	d.line.Next(post, term)
	d.logLocked(txn{pre: d.pos, post: post, at: time.Now(), change: change})
	d.image = image
	d.setPosLocked(post)
}

func (d *database) logLocked(t txn) {
	if len(d.log) == maxLog {
		d.log = append([]txn(nil), d.log[maxLog/2:]...)
	}
	d.log = append(d.log, t)
}

// afterLocked returns the transaction that follows pos, nil if the log has none.
func (d *database) afterLocked(pos engine.Position) *txn {
	for i := len(d.log) - 1; i >= 0; i-- {
		if d.log[i].pre == pos {
			return &d.log[i]
		}
	}
	return nil
}

// bumpLocked wakes everyone who waits for something to change.
func (c *core) bumpLocked() {
	close(c.progress)
	c.progress = make(chan struct{})
	for _, m := range c.members {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
}

// publishLocked recomputes what each node is told, after roles or faults changed.
func (c *core) publishLocked() {
	for _, m := range c.members {
		s := m.stateLocked()
		if sameState(s, m.state) {
			continue
		}
		if s.Role != m.state.Role || s.Primary != m.state.Primary {
			for _, d := range m.dbs {
				d.raiseHistoryLocked()
			}
		}
		m.state = s
		close(m.changed)
		m.changed = make(chan struct{})
	}
	c.bumpLocked()
}

func sameState(a, b engine.State) bool {
	return a.Role == b.Role && a.Primary == b.Primary && a.Term == b.Term &&
		fmt.Sprint(a.Problem) == fmt.Sprint(b.Problem)
}

func (m *member) stateLocked() engine.State {
	c := m.c
	unknown := func(why string) engine.State {
		return engine.State{Role: engine.Unknown, Term: m.state.Term, Problem: fault.Refuse(fault.NoPrimary, "%s", why)}
	}
	switch {
	case !m.running || m.down:
		return unknown("the node is down")
	case m.isolated:
		return unknown("this node is isolated from the cluster")
	case m.tenure != nil && m.tenure.closing:
		return unknown("the primary is handing over")
	case m.tenure != nil:
		return engine.State{Role: engine.Primary, Primary: engine.Peer(m.self), Term: m.tenure.term}
	case c.primary == nil:
		return unknown("no node is primary")
	}
	s := engine.State{Role: engine.Replica, Primary: c.peer(m, c.primary), Term: c.term}
	if c.cut[pairOf(m, c.primary)] {
		s.Problem = fault.Refuse(fault.NoPrimary, "primary %s cannot be reached", c.primary.self.Name)
	}
	return s
}

// peer is how viewer sees target: at the address of the link between them.
func (c *core) peer(viewer, target *member) engine.Peer {
	p := engine.Peer{Name: target.self.Name}
	if target.self.Addr != "" {
		p.Addr = c.links[viewer.index][target.index].Addr()
	}
	return p
}

// follows returns the member whose log m follows now, or nil.
func (m *member) followsLocked() *member {
	p := m.c.primary
	if p == nil || p == m || m.tenure != nil || m.broken != nil ||
		m.down || m.isolated || m.paused || p.down || p.isolated || m.c.cut[pairOf(m, p)] {
		return nil
	}
	return p
}

func pairOf(a, b *member) [2]int {
	return [2]int{min(a.index, b.index), max(a.index, b.index)}
}
