package litefwd

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// acked is a position that the primary of a term has told this node: of a write
// that it has committed, or of what a read there has seen.
type acked struct {
	pos  engine.Position
	term uint64
}

func (a acked) newerThan(b acked) bool {
	return a.term > b.term || a.term == b.term && a.pos.TXID > b.pos.TXID
}

// disproves reports whether b, of an earlier primary, is lost since a later one
// has told a: a primary has, when it takes over, all that it will ever have of
// its predecessors'.
func (a acked) disproves(b acked) bool {
	return a.term > b.term &&
		(a.pos.TXID < b.pos.TXID || a.pos.TXID == b.pos.TXID && a.pos.Checksum != b.pos.Checksum)
}

// maxUnconfirmed bounds the terms of which a node remembers what it was told.
const maxUnconfirmed = 8

// unconfirmed is what a node was told and its copy has not shown yet: the newest
// position of each term. It is empty most of the time, since a write waits for
// its copy.
type unconfirmed struct {
	some atomic.Bool   // it is not empty
	kick chan struct{} // buffered to 1: there is something for followLosses

	// mu guards the following.
	mu    sync.Mutex
	list  []acked
	found []loss // by what primaries have told
}

// loss is something that this node has seen and that is lost, or may be.
type loss struct {
	was, is engine.Position
	certain bool
	why     string
}

// worse returns the one that is to be told: the newest that is certain.
func (l *loss) worse(b loss) *loss {
	if l == nil || b.certain && !l.certain || b.certain == l.certain && b.was.TXID > l.was.TXID {
		return &b
	}
	l.is = b.is
	return l
}

// remember keeps a until the copy is found to have it, or not to.
func (db *database) remember(a acked) {
	if db.replica == nil || a.pos.IsZero() {
		return
	}
	u := &db.unconfirmed
	u.mu.Lock()
	defer u.mu.Unlock()
	u.disproveLocked(a)
	same := slices.IndexFunc(u.list, func(b acked) bool { return a.term == b.term })
	switch {
	case same < 0:
		if len(u.list) == maxUnconfirmed {
			u.list = slices.Delete(u.list, 0, 1)
		}
		u.list = append(u.list, a)
	case a.newerThan(u.list[same]):
		u.list[same] = a
	}
	u.some.Store(true)
	u.kickLocked()
}

// disprove finds what is lost since a was told.
func (db *database) disprove(a acked) {
	if u := &db.unconfirmed; u.some.Load() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.disproveLocked(a)
	}
}

func (u *unconfirmed) disproveLocked(a acked) {
	u.list = slices.DeleteFunc(u.list, func(b acked) bool {
		lost := a.disproves(b)
		if lost {
			u.found = append(u.found, loss{b.pos, a.pos, true, "the primary's history is another, or shorter"})
			u.kickLocked()
		}
		return lost
	})
}

func (u *unconfirmed) kickLocked() {
	select {
	case u.kick <- struct{}{}:
	default:
	}
}

// takeLosses returns the worst of what was found to be lost since, or nil.
func (db *database) takeLosses(breaks *uint64) (worst *loss) {
	var found []engine.Break
	found, *breaks = db.replica.Breaks(*breaks)
	for _, b := range found {
		worst = worst.worse(loss{b.Was, b.Is, b.Certain, b.Why})
	}
	u := &db.unconfirmed
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, l := range u.found {
		worst = worst.worse(l)
	}
	u.found = nil
	u.list = slices.DeleteFunc(u.list, func(a acked) bool {
		standing := db.replica.Standing(a.pos, a.term)
		if standing == engine.Lost || standing == engine.Unclear {
			now, _ := db.engine.Watch()
			why := "this copy has gone on without an acknowledged transaction"
			if standing == engine.Unclear {
				why = "this copy was replaced, and whether it has an acknowledged transaction was not seen"
			}
			worst = worst.worse(loss{a.pos, now, standing == engine.Lost, why})
		}
		return standing != engine.Coming
	})
	u.some.Store(len(u.list) > 0)
	return worst
}

// reportDelay is how long a loss is held back: one failover is found in several
// places within moments.
const reportDelay = 50 * time.Millisecond

// followLosses reports what is lost, until the node stops. breaks is how many
// there have been before.
func (db *database) followLosses(breaks uint64) {
	for {
		_, raised := db.replica.History()
		var moved <-chan struct{} // of interest only while something is unconfirmed
		if db.unconfirmed.some.Load() {
			_, moved = db.engine.Watch()
		}
		worst := db.takeLosses(&breaks)
		db.readsHere() // nobody may ask for long
		if worst != nil {
			select {
			case <-time.After(reportDelay):
			case <-db.core.stop:
			}
			if more := db.takeLosses(&breaks); more != nil {
				worst = worst.worse(*more)
			}
			db.report(worst)
		}
		select {
		case <-raised:
		case <-moved:
		case <-db.unconfirmed.kick:
		case <-db.core.stop:
			return
		}
	}
}

// report tells the operator and the program.
func (db *database) report(l *loss) {
	db.stats.historyChanges.Add(1)
	msg := "history changed: writes may be lost"
	if l.certain {
		db.stats.certainLosses.Add(1)
		msg = "history changed: writes are lost"
	}
	db.core.log.Warn(msg, "db", db.name, "was", l.was.String(), "is", l.is.String(), "certain", l.certain, "why", l.why)
	if tell := db.core.cfg.OnHistoryChange; tell != nil {
		tell(HistoryChange{Database: db.name, Was: l.was, Is: l.is, Certain: l.certain, Reason: l.why})
	}
}
