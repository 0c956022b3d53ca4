//go:build linux || darwin || freebsd

package shared

import (
	"bytes"
	"fmt"
	"path/filepath"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// follow is the turn of a node that is not primary. An error means that the
// lock file cannot be used.
func (e *Engine) follow(now time.Time) error {
	n := &e.node
	if n.lock != nil {
		if err := n.lock.current(); err != nil {
			n.drop() // nothing is held: the new file, if any, is what counts
		}
	}
	if n.lock == nil {
		if err := e.reopen(); err != nil {
			return err
		}
	}
	if n.self.Addr != "" {
		switch ok, err := tryLock(n.lock.file); {
		case err != nil:
			return fmt.Errorf("lock %s: %w", n.lock.path, err)
		case ok:
			return e.takeOver()
		}
	} else if locked, known, err := lockedElsewhere(n.lock.file); err != nil {
		return fmt.Errorf("look at the lock %s: %w", n.lock.path, err)
	} else if known && !locked {
		return e.nobody()
	}
	return e.observe(now)
}

// reopen opens the lock file, after making .litefwd again as it was if
// somebody removed it.
func (e *Engine) reopen() error {
	if err := e.place.same(); err != nil {
		return err
	}
	if err := e.restoreIdentity(); err != nil {
		return err
	}
	lock, err := openLockFile(e.file("lock"))
	if err != nil {
		return dirError(e.place.dir, err)
	}
	e.node.lock = lock
	return nil
}

// restoreIdentity puts back a secret or cluster that somebody deleted, before
// a new process makes another, and reports one that is not this node's.
func (e *Engine) restoreIdentity() error {
	state := filepath.Join(e.place.dir, stateDir)
	id, err := ensureIdentity(state, e.identity)
	if err != nil {
		return dirError(e.place.dir, err)
	}
	if id.cluster != e.identity.cluster || !bytes.Equal(id.secret, e.identity.secret) {
		return fault.New(fault.Config, "%s was replaced by another one while in use: restart this process", state)
	}
	return nil
}

// nobody is what a client sees while the lock is free.
func (e *Engine) nobody() error {
	n := &e.node
	h, err := n.lock.readHeader()
	if err != nil {
		return fmt.Errorf("read %s: %w", n.lock.path, err)
	}
	n.term = max(n.term, h.epoch)
	n.stall.reset()
	e.publish(engine.State{Role: engine.Replica, Term: n.term, Problem: fmt.Errorf(
		"no process is primary of %s, and this one has no listen address, so it never will be: start one that has", e.place.dir)})
	return nil
}

// observe reads who the lock's holder is and whether it moves.
func (e *Engine) observe(now time.Time) error {
	n := &e.node
	h, err := n.lock.readHeader()
	if err != nil {
		return fmt.Errorf("read %s: %w", n.lock.path, err)
	}
	n.term = max(n.term, h.epoch)
	if n.rec.Epoch != h.epoch || h.epoch == 0 {
		if n.rec, err = readRecord(e.file("primary")); err != nil {
			return fmt.Errorf("read the primary's address: %w", err)
		}
	}
	state := engine.State{Role: engine.Replica, Term: n.term}
	who := "a process"
	if n.rec.Epoch == h.epoch && h.epoch != 0 {
		state.Primary = n.rec.peer()
		who = fmt.Sprintf("primary %s (pid %d)", n.rec.Name, n.rec.PID)
	} else {
		state.Problem = errUnpublished
	}
	if err := n.stall.note(now, h, who); err != nil {
		state.Problem = err
	}
	e.publish(state)
	return nil
}
