package litefwd

import (
	"context"
	"errors"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// floor is what reads of this process must see. Both parts are reached, or seen
// is the newer one.
type floor struct {
	// written is the newest write that the copy had not got in time.
	written acked
	// seen is the newest state that was read on the primary, or written: a read
	// that follows must not show an older one.
	seen acked
}

// reached reports whether the local copy has a, or will never have it: then what
// had to be seen is gone. followLosses reports that.
func (db *database) reached(a acked) bool {
	ok, err := db.tracker.Reached(a.pos, a.term)
	return ok || err != nil
}

// readsHere reports whether the local copy may answer: it has reached all
// that this process must see.
func (db *database) readsHere() bool {
	f := db.behind.Load()
	if f == nil {
		return true
	}
	if !db.reached(f.seen) {
		return false
	}
	if db.behind.CompareAndSwap(f, nil) {
		if f.written != (acked{}) { // it was said
			db.core.log.Info("local copy has caught up; reads are local again", "db", db.name)
		}
		return true
	}
	return db.behind.Load() == nil
}

// seenWait is how long a read waits for a copy that has all of this process's
// writes and only lacks what an earlier read has seen on the primary: it moves,
// so it should be there soon. Going to the primary again would raise what the
// next read must see, and so on for ever.
const seenWait = 100 * time.Millisecond

// soonHere is readsHere for a read that can wait for what is about to come.
func (db *database) soonHere(ctx context.Context) bool {
	f := db.behind.Load()
	if f == nil {
		return true
	}
	if !db.reached(f.written) {
		return false
	}
	wait, cancel := context.WithTimeout(ctx, seenWait)
	defer cancel()
	if db.awaitHere(wait, f.seen) != nil && wait.Err() != nil {
		// It does not move any more; the next reads need not wait to know.
		db.behind.CompareAndSwap(f, &floor{written: f.seen, seen: f.seen})
	}
	return db.readsHere()
}

// raise makes change of what reads must see; nil is that nothing is to be
// changed.
func (db *database) raise(change func(f floor) *floor) (was *floor) {
	for {
		was = db.behind.Load()
		var f floor
		if was != nil {
			f = *was
		}
		to := change(f)
		if to == nil || db.behind.CompareAndSwap(was, to) {
			return was
		}
	}
}

// markBehind sends this process's reads to the primary until the local copy
// has the write a.
func (db *database) markBehind(a acked) {
	db.remember(a)
	was := db.raise(func(f floor) *floor {
		if !a.newerThan(f.written) {
			return nil
		}
		f.written = a
		if a.newerThan(f.seen) {
			f.seen = a
		}
		return &f
	})
	if was == nil {
		db.stats.behind.Add(1)
		db.core.log.Warn("local copy is behind; reads go to the primary until it has caught up",
			"db", db.name, "position", a.pos.String(), "waited", db.core.cfg.AwaitTimeout)
	}
}

// saw notes that a read on the primary has shown a, so that the next local one
// does not show less. Where a later primary is not as far as what had to be
// seen, that is lost, and a counts instead.
func (db *database) saw(a acked) {
	if db.replica == nil || a.pos.IsZero() {
		return
	}
	db.disprove(a)
	ok, err := db.tracker.Reached(a.pos, a.term)
	if ok && db.readsHere() {
		return
	}
	db.remember(a)
	if err != nil {
		return
	}
	db.raise(func(f floor) *floor {
		if !a.newerThan(f.seen) {
			return nil
		}
		if a.disproves(f.written) {
			f.written = acked{}
		}
		f.seen = a
		return &f
	})
}

// awaitCommit waits until the local copy has the commit that a primary has
// acknowledged, as the await setting says. It returns nil when the bound passes,
// because the write is a success, unless Config.Strict is set.
func (db *database) awaitCommit(ctx context.Context, await Await, a acked) error {
	if a.pos.IsZero() {
		return nil
	}
	db.disprove(a)
	ok, err := db.tracker.Reached(a.pos, a.term)
	if ok {
		return nil
	}
	if await == AwaitNone {
		db.remember(a)
		return nil
	}
	if f := db.behind.Load(); err == nil && f != nil && f.written != (acked{}) && !db.reached(f.written) && !db.core.cfg.Strict {
		// A write before this one has waited in vain. Until the copy moves on, as
		// one whose LiteFS is gone does not, the next ones need not.
		db.markBehind(a)
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, db.core.cfg.AwaitTimeout)
	defer cancel()
	if err == nil {
		err = db.awaitHere(wait, a)
	}
	switch {
	case err == nil, errors.Is(err, fault.Closed): // committed all the same
		return nil
	case errors.Is(err, fault.HistoryChanged):
		db.remember(a) // which reports it
		return lostHistory(err)
	case wait.Err() == nil:
		return err
	}
	db.markBehind(a)
	if !db.core.cfg.Strict {
		return nil
	}
	e := fault.New(fault.ReplicaBehind, "the write is committed on the primary at %v, "+
		"but this node's copy did not reach that within %v; do not run it again", a.pos, db.core.cfg.AwaitTimeout)
	e.Committed = true
	return e
}

// lostHistory marks an error of waiting for a commit that was acknowledged.
func lostHistory(err error) error {
	return fault.New(fault.HistoryChanged, "the write was committed on the primary, "+
		"but a failover replaced its history, and it may be lost: %w", err)
}

// catchUp waits until the local copy has all that this process must see.
func (db *database) catchUp(ctx context.Context) error {
	f := db.behind.Load()
	if f == nil {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, db.core.cfg.AwaitTimeout)
	defer cancel()
	err := db.awaitHere(wait, f.seen)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Refuse(fault.ReplicaBehind, "this node's copy of %s has not caught up with this process's own writes within %v, "+
			"and the statement needs the local connection (temp tables, counters), so the primary cannot run it",
			db.name, db.core.cfg.AwaitTimeout)
	}
	return nil // it has, or what had to be seen is gone, or the node is closed
}
