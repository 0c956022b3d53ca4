package writer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// queue hands out the slot. A free slot costs one mutex; otherwise whoever gives
// it up passes it on, so that a newcomer cannot overtake.
//
// Two kinds wait: jobs that may share a transaction, and those who want the slot for
// themselves. They take turns, and in each kind the nodes do (see
// fairQueue), so that nobody starves another.
type queue struct {
	// mu guards the following.
	mu      sync.Mutex
	held    bool
	jobs    fairQueue
	alone   fairQueue
	jobLast bool // a job got the slot last
	// enough is closed when so many jobs wait as gather wants; nil if it does not
	// wait.
	enough  chan struct{}
	wanted  int
	closed  error // why nobody gets the slot, or nil
	busy    uint64
	maxWait time.Duration
}

// request is somebody's place in the queue.
type request struct {
	from string // the node that asks
	job  *job   // nil: a transaction wants the slot
	// answer must not wait: nil grants the slot, and an error says that it is not to
	// be had. For a job it may be called with an error also when it has left the
	// queue, as the bounds of its wait hold until it begins; not so for others.
	answer func(error)

	// The queue's mu guards the following.
	place   place
	since   time.Time
	timer   *time.Timer
	unwatch func() bool
}

// acquire waits for the slot, at most limit and until ctx is done. The error
// is SQLITE_BUSY, wrapping ctx's error if that is what ended the wait, or the
// reason why the queue is closed.
func (q *queue) acquire(ctx context.Context, limit time.Duration, from string) error {
	answer := make(chan error, 1)
	if q.enqueue(ctx, limit, &request{from: from, answer: func(err error) { answer <- err }}) {
		return nil
	}
	return <-answer
}

// enqueue is acquire for a caller that does not wait: it reports whether the slot is
// granted at once, and if not r is answered, perhaps before enqueue returns.
func (q *queue) enqueue(ctx context.Context, limit time.Duration, r *request) (granted bool) {
	q.mu.Lock()
	switch {
	case q.closed != nil:
		reason := q.closed
		q.mu.Unlock()
		r.answer(reason)
	case !q.held:
		q.held, q.jobLast = true, q.kind(r) == &q.jobs
		q.mu.Unlock()
		return true
	case limit <= 0:
		q.busy++
		q.mu.Unlock()
		r.answer(locked(nil))
	default:
		q.pushLocked(ctx, limit, r)
		q.mu.Unlock()
	}
	return false
}

// requeue puts r, which has left the queue or was never in it, in it; its wait is
// bounded from when it came first.
func (q *queue) requeue(ctx context.Context, limit time.Duration, r *request) {
	q.mu.Lock()
	if q.closed != nil {
		reason := q.closed
		q.mu.Unlock()
		r.answer(reason)
		return
	}
	q.pushLocked(ctx, limit, r)
	q.mu.Unlock()
}

func (q *queue) pushLocked(ctx context.Context, limit time.Duration, r *request) {
	q.kind(r).push(r)
	if q.enough != nil && q.jobs.length >= q.wanted {
		close(q.enough)
		q.enough = nil
	}
	if r.timer != nil {
		return
	}
	r.since = time.Now()
	r.timer = time.AfterFunc(limit, func() { q.withdraw(r, nil) })
	if ctx.Done() != nil {
		r.unwatch = context.AfterFunc(ctx, func() { q.withdraw(r, ctx.Err()) })
	}
}

func (q *queue) kind(r *request) *fairQueue {
	if r.job != nil && !r.job.alone {
		return &q.jobs
	}
	return &q.alone
}

// withdraw answers r that it has waited in vain, if it waits still.
func (q *queue) withdraw(r *request, cause error) {
	q.mu.Lock()
	waits := r.place.taken()
	if waits {
		q.kind(r).remove(r)
		q.leftLocked(r)
		q.busy++
	}
	q.mu.Unlock()
	if waits || r.job != nil {
		r.answer(locked(cause))
	}
}

// leftLocked is called when r has left the queue.
func (q *queue) leftLocked(r *request) {
	q.maxWait = max(q.maxWait, time.Since(r.since))
	if r.job == nil {
		r.forgetLocked()
	}
}

// forget ends the bounds of r's wait.
func (q *queue) forget(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r.forgetLocked()
}

func (r *request) forgetLocked() {
	if r.timer != nil {
		r.timer.Stop()
	}
	if r.unwatch != nil {
		r.unwatch()
	}
}

// join takes the next job out, for the holder of the slot to run; nil if none
// waits.
func (q *queue) join() *job {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.jobs.pop()
	if r == nil {
		return nil
	}
	q.leftLocked(r)
	return r.job
}

// gather waits, at most limit, until n jobs wait. The caller holds the slot.
func (q *queue) gather(n int, limit time.Duration) {
	q.mu.Lock()
	if q.jobs.length >= n || q.closed != nil {
		q.mu.Unlock()
		return
	}
	enough := make(chan struct{})
	q.enough, q.wanted = enough, n
	q.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-enough:
	case <-timer.C:
	}
	q.mu.Lock()
	q.enough = nil
	q.mu.Unlock()
}

// release gives the slot to the next in the queue.
func (q *queue) release() {
	q.mu.Lock()
	first, second := &q.jobs, &q.alone
	if q.jobLast {
		first, second = second, first
	}
	r := first.pop()
	if r == nil {
		r = second.pop()
	}
	if r == nil {
		q.held = false
		q.mu.Unlock()
		return
	}
	q.jobLast = q.kind(r) == &q.jobs
	q.leftLocked(r)
	q.mu.Unlock()
	r.answer(nil)
}

// close makes the queue refuse everybody who comes. It takes out those who wait,
// for the caller to answer. Whoever holds the slot keeps it.
func (q *queue) close(reason error) (waiting []*request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = reason
	for _, kind := range []*fairQueue{&q.jobs, &q.alone} {
		for r := kind.pop(); r != nil; r = kind.pop() {
			q.leftLocked(r)
			waiting = append(waiting, r)
		}
	}
	return waiting
}

// reopen lets callers come again.
func (q *queue) reopen() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = nil
}

// idle reports whether nobody waits.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.jobs.length == 0 && q.alone.length == 0
}

// seize takes the slot although the queue is closed, if nobody holds it.
func (q *queue) seize() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held {
		return false
	}
	q.held = true
	return true
}

// locked is SQLite's answer to who waited in vain.
func locked(cause error) error {
	e := fault.Busy("database is locked")
	if cause != nil {
		e.Msg += fmt.Sprintf(" (%v while the statement waited for its turn)", cause)
	}
	e.Err, e.NothingRan = cause, true
	return e
}
