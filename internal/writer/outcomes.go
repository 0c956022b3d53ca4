package writer

import (
	"context"
	"sync"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// outcomes remembers what became of the last statements and transactions.
type outcomes struct {
	// mu guards the following.
	mu   sync.Mutex
	byID map[forward.ID]*remembered
	ring []forward.ID // the ids in byID, in the order in which they came
	next int          // the oldest place in ring, the next to be used
}

// remembered is what became of one id. Once done is set it never changes.
type remembered struct {
	done    bool
	res     forward.Result
	err     error
	waiters chan struct{} // closed when done; made by the first who waits
}

func newOutcomes(n int) *outcomes {
	return &outcomes{byID: map[forward.ID]*remembered{}, ring: make([]forward.ID, n)}
}

// claim makes id the caller's to run and reports true, or returns the outcome
// of whoever claimed it before. The zero ID is never remembered.
func (o *outcomes) claim(id forward.ID) (*remembered, bool) {
	if id == (forward.ID{}) {
		return nil, true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if seen, ok := o.byID[id]; ok {
		return seen, false
	}
	o.evictLocked()
	o.byID[id] = &remembered{}
	o.ring[o.next] = id
	o.next = (o.next + 1) % len(o.ring)
	return nil, true
}

// evictLocked makes room for one more id. What still runs keeps its place, as
// the oldest that is done goes instead: a forgotten running statement could
// run twice.
func (o *outcomes) evictLocked() {
	for range o.ring {
		old := o.ring[o.next]
		if e, ok := o.byID[old]; !ok || e.done {
			delete(o.byID, old)
			return
		}
		o.next = (o.next + 1) % len(o.ring)
	}
}

// finish records the outcome of a claimed id.
func (o *outcomes) finish(id forward.ID, res forward.Result, err error) {
	o.end(id, res, err, true)
}

// forget gives a claimed id back, because nothing ran: it may come again.
// Whoever waits for it meanwhile is told err.
func (o *outcomes) forget(id forward.ID, err error) {
	o.end(id, forward.Result{}, err, false)
}

func (o *outcomes) end(id forward.ID, res forward.Result, err error, keep bool) {
	if id == (forward.ID{}) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	e, ok := o.byID[id]
	if !ok {
		return
	}
	e.done, e.res, e.err = true, res, err
	if e.waiters != nil {
		close(e.waiters)
	}
	if !keep {
		delete(o.byID, id)
	}
}

// wait returns the outcome, once there is one.
func (o *outcomes) wait(ctx context.Context, e *remembered) (forward.Result, error) {
	o.mu.Lock()
	if !e.done && e.waiters == nil {
		e.waiters = make(chan struct{})
	}
	done, waiters := e.done, e.waiters
	o.mu.Unlock()
	if !done {
		select {
		case <-waiters:
		case <-ctx.Done():
			return forward.Result{}, fault.New(fault.OutcomeUnknown, "it still runs: %w", ctx.Err())
		}
	}
	return e.res, e.err
}

// find returns the outcome of id, or nil.
func (o *outcomes) find(id forward.ID) *remembered {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byID[id]
}
