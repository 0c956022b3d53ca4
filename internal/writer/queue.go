package writer

import (
	"context"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// queue hands out the slot, first come first served.
//
// A free slot costs one mutex. Whoever gives the slot up passes it straight to
// the longest waiter, so that a newcomer cannot overtake. Group commit fits in
// here: the holder takes requests from the head that carry a statement, runs
// them in its own transaction and answers them instead of granting the slot.
type queue struct {
	// mu guards the following.
	mu         sync.Mutex
	held       bool
	head, tail *request // waiting, oldest first
	length     int
	closed     error // why nobody gets the slot, or nil
	busy       uint64
	maxWait    time.Duration
}

// request is somebody's place in the queue.
type request struct {
	answer     chan error // buffered to 1; nil grants the slot
	prev, next *request
}

// acquire waits for the slot, at most limit and until ctx is done. The error
// is SQLITE_BUSY, wrapping ctx's error if that is what ended the wait, or the
// reason why the queue is closed.
func (q *queue) acquire(ctx context.Context, limit time.Duration) error {
	q.mu.Lock()
	if q.closed != nil {
		defer q.mu.Unlock()
		return q.closed
	}
	if !q.held {
		q.held = true
		q.mu.Unlock()
		return nil
	}
	if limit <= 0 {
		q.busy++
		q.mu.Unlock()
		return locked(nil)
	}
	r := &request{answer: make(chan error, 1)}
	q.push(r)
	q.mu.Unlock()
	return q.wait(ctx, r, limit)
}

func (q *queue) wait(ctx context.Context, r *request, limit time.Duration) error {
	start := time.Now()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var cause error
	select {
	case err := <-r.answer:
		q.waited(time.Since(start))
		return err
	case <-timer.C:
	case <-ctx.Done():
		cause = ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case err := <-r.answer: // it came at the last moment
		return err
	default:
	}
	q.remove(r)
	q.busy++
	q.maxWait = max(q.maxWait, time.Since(start))
	return locked(cause)
}

func (q *queue) waited(d time.Duration) {
	q.mu.Lock()
	q.maxWait = max(q.maxWait, d)
	q.mu.Unlock()
}

// release gives the slot to the next in the queue.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r := q.head; r != nil {
		q.remove(r)
		r.answer <- nil
		return
	}
	q.held = false
}

// close refuses everybody who waits and who comes. Whoever holds the slot
// keeps it.
func (q *queue) close(reason error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = reason
	for q.head != nil {
		r := q.head
		q.remove(r)
		r.answer <- reason
	}
}

// reopen lets callers come again.
func (q *queue) reopen() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = nil
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

func (q *queue) push(r *request) {
	r.prev = q.tail
	if q.tail == nil {
		q.head = r
	} else {
		q.tail.next = r
	}
	q.tail = r
	q.length++
}

func (q *queue) remove(r *request) {
	if r.prev == nil {
		q.head = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		q.tail = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.prev, r.next = nil, nil
	q.length--
}

// locked is SQLite's answer to who waited in vain.
func locked(cause error) error {
	e := fault.Busy("database is locked")
	e.Err = cause
	return e
}
