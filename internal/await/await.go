// Package await lets callers wait until this node's copy of a database has
// reached a position.
//
// However many wait, one goroutine watches the engine; the waiters are sorted
// by transaction id, so that a move wakes only those whose turn it is.
package await

import (
	"container/heap"
	"context"
	"slices"
	"sync"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Tracker waits for positions of one database. Make it with New, and Close it.
type Tracker struct {
	db      engine.Database
	replica engine.Replicated // db, if its copies are replaced; or nil

	// mu guards the following.
	mu      sync.Mutex
	waiters waiterHeap
	// stuck wait although the copy is as far or further: it is of a history that
	// is gone, and the primary's copy is still to come.
	stuck   []*waiter
	history uint64 // the replica's, when all waiters were looked at last
	running bool   // the watcher goroutine runs while there are waiters
	last    engine.Position
	closed  bool

	stop    chan struct{} // closed by Close; ends the watcher
	watcher sync.WaitGroup
}

type waiter struct {
	target engine.Position
	term   uint64
	done   chan error // buffered to 1: the watcher never blocks
	index  int        // in the heap; -1: in stuck, or answered
}

// New returns a Tracker. It starts nothing until somebody has to wait.
func New(db engine.Database) *Tracker {
	t := &Tracker{db: db, stop: make(chan struct{})}
	t.replica, _ = db.(engine.Replicated)
	return t
}

// Reached reports whether the local copy has target, which the primary of that
// term had (State.Term; 0 if that is not known). An error of kind
// fault.HistoryChanged says that the copy does not have it and never will, or
// has gone on in a later primary's history, which may lack it.
func (t *Tracker) Reached(target engine.Position, term uint64) (bool, error) {
	if target.IsZero() {
		return true, nil
	}
	if t.replica == nil {
		now, _ := t.db.Watch()
		return reached(now, target)
	}
	switch t.replica.Standing(target, term) {
	case engine.Held:
		return true, nil
	case engine.Coming:
		return false, nil
	case engine.Lost:
		now, _ := t.db.Watch()
		return false, historyChanged(now, target)
	default:
		now, _ := t.db.Watch()
		return false, fault.New(fault.HistoryChanged, "position %v was waited for, but a failover replaced this copy by one "+
			"at %v, and whether that has it is not known", target, now)
	}
}

// reached is for engines whose copies are never replaced: a copy that is
// further has all that was before.
func reached(now, target engine.Position) (bool, error) {
	switch {
	case now.TXID > target.TXID:
		return true, nil
	case now.TXID < target.TXID:
		return false, nil
	case now.Checksum != target.Checksum:
		return false, historyChanged(now, target)
	default:
		return true, nil
	}
}

func historyChanged(now, target engine.Position) error {
	return fault.New(fault.HistoryChanged,
		"position %v was waited for, but a failover replaced it; this copy is at %v", target, now)
}

// Wait blocks until the local copy has target, ctx ends (its error), or it is
// known that it may never have it, see Reached. It must not be called while a
// read of the same database is open: on LiteFS that read would keep the copy
// from ever getting there.
func (t *Tracker) Wait(ctx context.Context, target engine.Position, term uint64) error {
	if ok, err := t.Reached(target, term); ok || err != nil {
		return err
	}
	w := &waiter{target: target, term: term, done: make(chan error, 1)}
	if err := t.add(w); err != nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		t.remove(w)
		return ctx.Err()
	}
}

func (t *Tracker) add(w *waiter) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return fault.New(fault.Closed, "the node is closed")
	}
	heap.Push(&t.waiters, w)
	if !t.running {
		t.running = true
		t.last, _ = t.db.Watch()
		if t.replica != nil {
			t.history, _ = t.replica.History()
		}
		t.watcher.Add(1)
		go t.watch()
	}
	return nil
}

func (t *Tracker) remove(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.index >= 0 {
		heap.Remove(&t.waiters, w.index)
	}
	t.stuck = slices.DeleteFunc(t.stuck, func(s *waiter) bool { return s == w })
}

// watch wakes waiters as the copy moves. It ends when nobody waits any more,
// or with Close.
func (t *Tracker) watch() {
	defer t.watcher.Done()
	for {
		now, moved := t.db.Watch()
		if !t.wake(now) {
			return
		}
		select {
		case <-moved:
		case <-t.stop:
			t.wakeAll(fault.New(fault.Closed, "the node is closed"))
			return
		}
	}
}

// wake answers the waiters that now decides, and reports whether any is left.
func (t *Tracker) wake(now engine.Position) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.replica == nil {
		t.wakePlain(now)
	} else {
		t.wakeReplica(now)
	}
	t.last = now
	t.running = len(t.waiters)+len(t.stuck) > 0
	return t.running
}

func (t *Tracker) wakePlain(now engine.Position) {
	if now.TXID < t.last.TXID || now.TXID == t.last.TXID && now.Checksum != t.last.Checksum {
		// The copy went back: what was waited for belongs to a lost history.
		for len(t.waiters) > 0 {
			w := heap.Pop(&t.waiters).(*waiter)
			w.done <- historyChanged(now, w.target)
		}
	}
	for len(t.waiters) > 0 {
		ok, err := reached(now, t.waiters[0].target)
		if !ok && err == nil {
			break
		}
		heap.Pop(&t.waiters).(*waiter).done <- err
	}
}

// wakeReplica looks at those whose id the copy has reached. A waiter for a
// later one can only be decided by a copy that was replaced, which raises the
// history.
func (t *Tracker) wakeReplica(now engine.Position) {
	t.stuck = slices.DeleteFunc(t.stuck, t.answer)
	if history, _ := t.replica.History(); history != t.history {
		t.history = history
		waiting := t.waiters
		t.waiters = nil
		for _, w := range waiting {
			if !t.answer(w) {
				heap.Push(&t.waiters, w)
			}
		}
	}
	for len(t.waiters) > 0 && t.waiters[0].target.TXID <= now.TXID {
		if w := heap.Pop(&t.waiters).(*waiter); !t.answer(w) {
			t.stuck = append(t.stuck, w)
		}
	}
}

// answer tells a waiter if there is something to tell. It is in no list, or is
// taken out of it by the caller.
func (t *Tracker) answer(w *waiter) bool {
	ok, err := t.Reached(w.target, w.term)
	if !ok && err == nil {
		return false
	}
	w.index = -1
	w.done <- err
	return true
}

func (t *Tracker) wakeAll(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiters) > 0 {
		heap.Pop(&t.waiters).(*waiter).done <- err
	}
	for _, w := range t.stuck {
		w.done <- err
	}
	t.stuck = nil
	t.running = false
}

// Close wakes everybody with fault.Closed and waits for the watcher to end.
func (t *Tracker) Close() {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		close(t.stop)
	}
	t.mu.Unlock()
	t.watcher.Wait()
}

// waiterHeap is a container/heap of waiters, the lowest TXID first.
type waiterHeap []*waiter

func (h waiterHeap) Len() int           { return len(h) }
func (h waiterHeap) Less(i, j int) bool { return h[i].target.TXID < h[j].target.TXID }
func (h waiterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *waiterHeap) Push(x any) {
	w := x.(*waiter)
	w.index = len(*h)
	*h = append(*h, w)
}

func (h *waiterHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.index = -1
	return w
}
