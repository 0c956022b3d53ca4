//go:build linux || darwin || freebsd

package shared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
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

// serve is the primary's turn. An error means that this node is primary no more.
func (e *Engine) serve(t *tenure) error {
	n := &e.node
	if err := t.check(); err != nil {
		return err
	}
	// Taking a lock that is held changes nothing; one that fell silently is
	// taken back, unless another process was quicker.
	switch ok, err := tryLock(t.lock.file); {
	case err != nil:
		return err
	case !ok:
		return errors.New("another process has the lock")
	}
	n.beat++
	err := t.lock.writeBeat(n.beat)
	e.publish(engine.State{
		Role: engine.Primary, Primary: n.rec.peer(), Term: t.epoch,
		Problem: errors.Join(err, e.publishRecord(), e.restoreIdentity()),
	})
	return nil
}

// publishRecord puts this node's address back wherever it is not.
func (e *Engine) publishRecord() error {
	path := e.file("primary")
	if r, err := readRecord(path); err == nil && r.sameNode(e.node.rec) {
		return nil
	}
	if err := writeRecord(path, e.node.rec); err != nil {
		return fmt.Errorf("cannot publish the primary's address, so other processes do not find it: %w", err)
	}
	return nil
}

// stepDown ends the tenure; the fence refuses from its first line on.
func (e *Engine) stepDown(cause error) {
	e.tenure.Store(nil)
	err := e.node.drop()
	e.opts.Logger.LogAttrs(context.Background(), slog.LevelWarn, "shared: lost the primary role",
		slog.String("node", e.node.self.Name), slog.String("dir", e.place.dir),
		slog.Any("err", errors.Join(cause, err)))
	e.publish(engine.State{Role: engine.Replica, Term: e.node.term, Problem: cause})
}

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

// takeOver makes this node primary; it has just got the kernel lock.
func (e *Engine) takeOver() (err error) {
	n := &e.node
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("take over as primary: %w", err), n.drop())
		}
	}()
	// The lock may be on a file that was replaced before it was got.
	if err := n.lock.current(); err != nil {
		return err
	}
	h, err := n.lock.readHeader()
	if err != nil {
		return err
	}
	// The record's epoch counts for a lock file that was emptied or made
	// anew; if it cannot be read there is nothing to learn from it.
	old, _ := readRecord(e.file("primary"))
	epoch := max(h.epoch, old.Epoch, n.term) + 1
	if epoch >= maxEpoch {
		return fault.New(fault.Config, "the term %d in %s is damaged: stop all processes that use the directory and remove %s",
			epoch-1, filepath.Join(e.place.dir, stateDir), stateDir)
	}
	n.beat = h.beat + 1
	if err := n.lock.writeHeader(header{epoch: epoch, beat: n.beat}); err != nil {
		return err
	}
	n.term = epoch
	n.stall.reset()
	n.rec = record{Epoch: epoch, Name: n.self.Name, Addr: n.self.Addr, PID: os.Getpid(), Started: time.Now()}
	// Without a published address this node can still write for itself; it
	// tries again every heartbeat.
	problem := e.publishRecord()
	e.tenure.Store(&tenure{lock: n.lock, epoch: epoch, mark: markOf(epoch)})
	e.publish(engine.State{Role: engine.Primary, Primary: n.rec.peer(), Term: epoch, Problem: problem})
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
