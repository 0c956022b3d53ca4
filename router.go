package litefwd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// The pauses between two attempts to reach a primary that refuses or does not
// answer, when the engine reports no change meanwhile.
const (
	firstPause = 2 * time.Millisecond
	maxPause   = 100 * time.Millisecond
)

// onPrimary runs do with the primary, wherever it is. When do fails and it is
// certain that nothing ran, it is tried again, on the next primary if there
// is one, until Config.PrimaryWait has passed.
func (db *database) onPrimary(ctx context.Context, do func(forward.Target) error) error {
	// The common case, without a timer.
	state, changed := db.core.watch()
	err := db.attempt(state, do)
	if !db.worthAnother(err) {
		return err
	}
	deadline := time.NewTimer(db.core.cfg.PrimaryWait)
	defer deadline.Stop()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		select {
		case <-changed:
			pause = firstPause
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("litefwd: waiting for a primary: %w (last: %w)", ctx.Err(), err)
		case <-db.core.stop:
			return errNodeClosed()
		case <-deadline.C:
			e := fault.Refuse(fault.NoPrimary, "none reachable within %v: %w", db.core.cfg.PrimaryWait, err)
			return e
		}
		db.stats.primaryRetries.Add(1)
		state, changed = db.core.watch()
		db.core.reconnect(state.Primary.Addr)
		if err = db.attempt(state, do); !db.worthAnother(err) {
			return err
		}
	}
}

func (db *database) attempt(state engine.State, do func(forward.Target) error) error {
	target, err := db.target(state)
	if err != nil {
		return err
	}
	return do(target)
}

// worthAnother reports whether err says that nothing ran and that another
// attempt, or another primary, may do better.
func (db *database) worthAnother(err error) bool {
	if err == nil || !fault.SafeToRetry(err) {
		return false
	}
	if errors.Is(err, fault.Closed) {
		return !db.core.stopping() // the other node's, not ours
	}
	return errors.Is(err, fault.NotPrimary) || errors.Is(err, fault.NoPrimary)
}

// target returns what runs statements on the primary of state.
func (db *database) target(state engine.State) (forward.Target, error) {
	if db.core.stopping() {
		return nil, errNodeClosed()
	}
	if state.Role == engine.Primary {
		w, err := db.writerFor(state.Term)
		if err != nil {
			return nil, err
		}
		return w, nil
	}
	addr := state.Primary.Addr
	if addr == "" || addr == db.core.addr {
		if state.Problem != nil {
			return nil, fault.Refuse(fault.NoPrimary, "%w", state.Problem)
		}
		return nil, fault.Refuse(fault.NoPrimary, "no node of %s is primary now", db.core.cfg.dir())
	}
	p, err := db.core.peer(addr)
	if err != nil {
		return nil, err
	}
	return p.Database(db.name), nil
}

// isPrimary reports whether this node is primary now.
func (db *database) isPrimary() bool {
	s, _ := db.core.watch()
	return s.Role == engine.Primary
}

// readsHere reports whether the local copy may answer: it has reached all
// that this process must see.
func (db *database) readsHere() bool {
	must := db.behind.Load()
	if must == nil {
		return true
	}
	// An error says that the history changed: what had to be seen is gone.
	if ok, err := db.tracker.Reached(*must); !ok && err == nil {
		return false
	}
	if db.behind.CompareAndSwap(must, nil) {
		db.core.log.Info("local copy has caught up; reads are local again", "db", db.name)
	}
	return true
}

// markBehind sends this process's reads to the primary until the local copy
// has reached p.
func (db *database) markBehind(p engine.Position) {
	for {
		must := db.behind.Load()
		if must != nil && must.TXID >= p.TXID {
			return
		}
		if db.behind.CompareAndSwap(must, &p) {
			if must == nil {
				db.stats.behind.Add(1)
				db.core.log.Warn("local copy is behind; reads go to the primary until it has caught up",
					"db", db.name, "position", p.String(), "waited", db.core.cfg.AwaitTimeout)
			}
			return
		}
	}
}

// awaitCommit waits until the local copy has the commit at p, as the await
// setting says. It returns nil when the bound passes, because the write is a
// success, unless Config.Strict is set.
func (db *database) awaitCommit(ctx context.Context, a Await, p engine.Position) error {
	if a == AwaitNone || p.IsZero() {
		return nil
	}
	if ok, err := db.tracker.Reached(p); ok || err != nil {
		return lostHistory(err)
	}
	wait, cancel := context.WithTimeout(ctx, db.core.cfg.AwaitTimeout)
	defer cancel()
	err := db.tracker.Wait(wait, p)
	switch {
	case err == nil, errors.Is(err, fault.Closed): // committed all the same
		return nil
	case wait.Err() == nil:
		return lostHistory(err)
	}
	db.markBehind(p)
	if !db.core.cfg.Strict {
		return nil
	}
	e := fault.New(fault.ReplicaBehind, "the write is committed on the primary at %v, "+
		"but this node's copy did not reach that within %v; do not run it again", p, db.core.cfg.AwaitTimeout)
	e.Committed = true
	return e
}

// catchUp waits until the local copy has all that this process must see.
func (db *database) catchUp(ctx context.Context) error {
	must := db.behind.Load()
	if must == nil {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, db.core.cfg.AwaitTimeout)
	defer cancel()
	err := db.tracker.Wait(wait, *must)
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

// lostHistory marks an error of waiting for a commit that was acknowledged.
func lostHistory(err error) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Kind == fault.HistoryChanged {
		return fault.New(fault.HistoryChanged, "the write was committed on the primary, "+
			"but a failover replaced its history, and it may be lost: %w", err)
	}
	return err
}

// await returns what applies to a call with ctx.
func (db *database) await(ctx context.Context) Await {
	if a, ok := ctx.Value(awaitKey{}).(Await); ok {
		return a
	}
	return db.core.cfg.Await
}

// stopping reports whether the node is shutting down.
func (c *core) stopping() bool { return c.closing.Load() }
