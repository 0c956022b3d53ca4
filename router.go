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
// is one, until Config.PrimaryWait has passed. It returns the term of the
// primary that do was last called for.
func (db *database) onPrimary(ctx context.Context, do func(forward.Target) error) (term uint64, err error) {
	// The common case, without a timer.
	state, changed := db.core.watch()
	err = db.attempt(state, do)
	if !db.worthAnother(err) {
		return state.Term, err
	}
	deadline := time.NewTimer(db.core.cfg.PrimaryWait)
	defer deadline.Stop()
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		select {
		case <-changed:
			pause = firstPause
		case <-time.After(pause):
		case <-ctx.Done():
			return 0, fmt.Errorf("litefwd: waiting for a primary: %w (last: %w)", ctx.Err(), err)
		case <-db.core.stop:
			return 0, errNodeClosed()
		case <-deadline.C:
			return 0, fault.Refuse(fault.NoPrimary, "none reachable within %v: %w", db.core.cfg.PrimaryWait, err)
		}
		db.stats.primaryRetries.Add(1)
		state, changed = db.core.watch()
		db.core.reconnect(state.Primary.Addr)
		if err = db.attempt(state, do); !db.worthAnother(err) {
			return state.Term, err
		}
	}
}

func (db *database) attempt(state engine.State, do func(forward.Target) error) error {
	target, err := db.target(state)
	if err != nil {
		return err
	}
	if err = do(target); state.Role != engine.Primary && state.Primary.Addr == "" && state.Problem != nil && db.worthAnother(err) {
		// It was worth a try, but this is what is wrong.
		return fault.Refuse(fault.NoPrimary, "%w", state.Problem)
	}
	return err
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
	if addr == "" {
		addr = db.core.formerPrimary()
	}
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

// await returns what applies to a call with ctx.
func (db *database) await(ctx context.Context) Await {
	if a, ok := ctx.Value(awaitKey{}).(Await); ok {
		return a
	}
	return db.core.cfg.Await
}

// stopping reports whether the node is shutting down.
func (c *core) stopping() bool { return c.closing.Load() }
