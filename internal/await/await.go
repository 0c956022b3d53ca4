// Package await lets callers wait until this node's copy of a database has
// reached a position.
//
// However many wait, one goroutine watches the engine; the waiters are sorted
// by transaction id, so that a move wakes only those whose turn it is.
package await

import (
	"container/heap"
	"context"
	"sync"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Tracker waits for positions of one database. Make it with New, and Close it.
type Tracker struct {
	db engine.Database

	// mu guards the following.
	mu      sync.Mutex
	waiters waiterHeap
	running bool // the watcher goroutine runs while there are waiters
	last    engine.Position
	closed  bool

	stop    chan struct{} // closed by Close; ends the watcher
	watcher sync.WaitGroup
}

type waiter struct {
	target engine.Position
	done   chan error // buffered to 1: the watcher never blocks
	index  int
}

// New returns a Tracker. It starts nothing until somebody has to wait.
func New(db engine.Database) *Tracker {
	return &Tracker{db: db, stop: make(chan struct{})}
}

// Reached reports whether the local copy has reached target. An error of kind
// fault.HistoryChanged says that it never will: the copy holds another
// transaction with target's id.
func (t *Tracker) Reached(target engine.Position) (bool, error) {
	if target.IsZero() {
		return true, nil
	}
	now, _ := t.db.Watch()
	return reached(now, target)
}

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

// Wait blocks until the local copy has reached target, ctx ends (its error),
// or the history changes (fault.HistoryChanged). It must not be called while
// a read of the same database is open: on LiteFS that read would keep the
// copy from ever getting there.
func (t *Tracker) Wait(ctx context.Context, target engine.Position) error {
	if ok, err := t.Reached(target); ok || err != nil {
		return err
	}
	w := &waiter{target: target, done: make(chan error, 1)}
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
	if now.TXID < t.last.TXID || now.TXID == t.last.TXID && now.Checksum != t.last.Checksum {
		// The copy went back: what was waited for belongs to a lost history.
		for len(t.waiters) > 0 {
			w := heap.Pop(&t.waiters).(*waiter)
			w.done <- historyChanged(now, w.target)
		}
	}
	t.last = now
	for len(t.waiters) > 0 {
		ok, err := reached(now, t.waiters[0].target)
		if !ok && err == nil {
			break
		}
		heap.Pop(&t.waiters).(*waiter).done <- err
	}
	t.running = len(t.waiters) > 0
	return t.running
}

func (t *Tracker) wakeAll(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiters) > 0 {
		heap.Pop(&t.waiters).(*waiter).done <- err
	}
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
