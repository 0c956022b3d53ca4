package await

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// fakeDB is an engine.Database whose position the test moves.
type fakeDB struct {
	engine.Database
	mu      sync.Mutex
	at      engine.Position
	changed chan struct{}
}

func newFakeDB(at engine.Position) *fakeDB {
	return &fakeDB{at: at, changed: make(chan struct{})}
}

func (d *fakeDB) Watch() (engine.Position, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at, d.changed
}

func (d *fakeDB) move(to engine.Position) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = to
	close(d.changed)
	d.changed = make(chan struct{})
}

func pos(txid, sum uint64) engine.Position { return engine.Position{TXID: txid, Checksum: sum} }

func TestReached(t *testing.T) {
	for _, tt := range []struct {
		name        string
		now, target engine.Position
		want        bool
		changed     bool
	}{
		{"zero target", pos(0, 0), pos(0, 0), true, false},
		{"same", pos(5, 1), pos(5, 1), true, false},
		{"beyond", pos(6, 9), pos(5, 1), true, false},
		{"behind", pos(4, 1), pos(5, 1), false, false},
		{"same id, other history", pos(5, 2), pos(5, 1), false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New(newFakeDB(tt.now)).Reached(tt.target, 1)
			if got != tt.want || errors.Is(err, fault.HistoryChanged) != tt.changed {
				t.Errorf("Reached = %v, %v; want %v, history changed %v", got, err, tt.want, tt.changed)
			}
		})
	}
}

// Only those whose turn it is wake up, in whatever order they came.
func TestWaitWakesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := newFakeDB(pos(1, 1))
		tr := New(db)
		defer tr.Close()
		got := make(chan uint64, 3)
		for _, id := range []uint64{4, 2, 3} {
			go func() {
				if err := tr.Wait(t.Context(), pos(id, 7), 1); err != nil {
					t.Errorf("Wait(%d): %v", id, err)
				}
				got <- id
			}()
		}
		synctest.Wait()
		for _, id := range []uint64{2, 3, 4} {
			db.move(pos(id, 7))
			synctest.Wait()
			if len(got) != 1 {
				t.Fatalf("at %d: %d waiters woke, want 1", id, len(got))
			}
			if woke := <-got; woke != id {
				t.Fatalf("at %d: waiter %d woke", id, woke)
			}
		}
	})
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := New(newFakeDB(pos(1, 1)))
		defer tr.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := tr.Wait(ctx, pos(2, 1), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v, want deadline exceeded", err)
		}
		if len(tr.waiters) != 0 {
			t.Errorf("%d waiters left", len(tr.waiters))
		}
	})
}

// A failover that takes the copy back must not leave anybody hanging, nor
// answer with the new history's transaction of the same id.
func TestWaitHistoryChange(t *testing.T) {
	for _, tt := range []struct {
		name string
		to   engine.Position
	}{
		{"goes back", pos(3, 5)},
		{"same id, other contents", pos(4, 6)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := newFakeDB(pos(4, 4))
				tr := New(db)
				defer tr.Close()
				errs := make(chan error, 1)
				go func() { errs <- tr.Wait(t.Context(), pos(6, 6), 1) }()
				synctest.Wait()
				db.move(tt.to)
				if err := <-errs; !errors.Is(err, fault.HistoryChanged) {
					t.Errorf("Wait = %v, want history changed", err)
				}
			})
		})
	}
}

func TestCloseWakesAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := New(newFakeDB(pos(1, 1)))
		errs := make(chan error, 1)
		go func() { errs <- tr.Wait(t.Context(), pos(2, 1), 1) }()
		synctest.Wait()
		tr.Close()
		if err := <-errs; !errors.Is(err, fault.Closed) {
			t.Errorf("Wait = %v, want closed", err)
		}
		if err := tr.Wait(t.Context(), pos(2, 1), 1); !errors.Is(err, fault.Closed) {
			t.Errorf("Wait after Close = %v, want closed", err)
		}
		tr.Close()
	})
}

func TestManyWaitersRace(t *testing.T) {
	db := newFakeDB(pos(0, 1))
	tr := New(db)
	var waiters sync.WaitGroup
	for i := range uint64(200) {
		waiters.Go(func() {
			if err := tr.Wait(t.Context(), pos(1+i%50, 1), 1); err != nil {
				t.Errorf("Wait: %v", err)
			}
		})
	}
	for i := range uint64(50) {
		db.move(pos(1+i, 1))
	}
	waiters.Wait()
	tr.Close()
}
