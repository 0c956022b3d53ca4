//go:build linux || darwin || freebsd

package shared

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

var (
	errNotStarted  = errors.New("the engine has not been started")
	errClosed      = fault.New(fault.Closed, "the engine is closed")
	errUnpublished = errors.New("the primary has just taken the lock and not yet published its address")
)

// reopenEvery slows down turns that cannot work at all, in units of Retry.
const reopenEvery = 10

// node is what the loop knows.
type node struct {
	self engine.Self
	// lock is nil while the lock file could not be opened.
	lock *lockFile
	// rec is the last record read; it counts if its epoch is the lock file's.
	rec record
	// term is the highest epoch seen, so that a new lock file goes on from it.
	term  uint64
	stall stallWatch
	// beat is the primary's own heartbeat.
	beat uint64
	// burstUntil is the end of the quick turns that Suspect asked for.
	burstUntil time.Time
}

func newNode(self engine.Self, opts Options) node {
	return node{self: self, stall: stallWatch{bound: opts.StaleAfter, limit: opts.Heartbeat}}
}

// drop releases the lock, if held, and the file.
func (n *node) drop() error {
	if n.lock == nil {
		return nil
	}
	err := errors.Join(unlock(n.lock.file), n.lock.close())
	n.lock = nil
	return err
}

func (e *Engine) file(name string) string { return filepath.Join(e.place.dir, stateDir, name) }

// loop takes turns until Close. It only ever waits here.
func (e *Engine) loop(wait time.Duration) {
	defer close(e.done)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-e.kick:
			e.node.burstUntil = time.Now().Add(burstLength)
		case <-timer.C:
		}
		timer.Reset(e.turn(time.Now()))
	}
}

// turn looks, acts and publishes once, and returns the time until the next:
//
//	lock file cannot be opened            unknown, Problem; tried again
//	this node holds the lock              primary: heartbeat and sanity check
//	  … and lost it                       replica, then as below
//	candidate, lock is free               takeover
//	lock is held by another               replica of whom the record names
//	client, lock is free                  replica, Problem: nobody is primary
func (e *Engine) turn(now time.Time) time.Duration {
	n := &e.node
	if t := e.tenure.Load(); t != nil {
		err := e.serve(t)
		if err == nil {
			return e.opts.Heartbeat
		}
		e.stepDown(err)
	}
	before, _ := e.Watch()
	if err := e.follow(now); err != nil {
		e.publish(engine.State{Term: n.term, Problem: err})
		if now.Before(n.burstUntil) {
			return e.opts.Retry
		}
		return reopenEvery * e.opts.Retry
	}
	state, _ := e.Watch()
	switch {
	case state.Role == engine.Primary:
		return e.opts.Heartbeat
	case state.Problem == errUnpublished && before.Problem != errUnpublished:
		n.burstUntil = now.Add(burstLength) // it will be published any moment
	case state.Primary != engine.Peer{} && state.Term != before.Term:
		n.burstUntil = time.Time{} // what was suspected, or waited for, has happened
	}
	if now.Before(n.burstUntil) {
		return burstInterval
	}
	return jitter(e.opts.Retry)
}

// jitter keeps many waiting processes from trying in step.
func jitter(d time.Duration) time.Duration { return d - d/10 + rand.N(max(d/5, 1)) }
