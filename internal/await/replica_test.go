package await

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/lineage"
)

// fakeReplica is a fakeDB whose copy the test replaces.
type fakeReplica struct {
	*fakeDB
	engine.Replicated
	line    lineage.Line
	history uint64
}

func (d *fakeReplica) Standing(p engine.Position, term uint64) engine.Standing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.line.Standing(p, term)
}

func (d *fakeReplica) History() (uint64, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.history, nil
}

// step changes the line, and tells.
func (d *fakeReplica) step(f func(l *lineage.Line)) {
	d.mu.Lock()
	f(&d.line)
	to := d.line.Last()
	d.mu.Unlock()
	d.move(to)
}

func (d *fakeReplica) next(p engine.Position, term uint64) {
	d.step(func(l *lineage.Line) { l.Next(p, term) })
}

func (d *fakeReplica) replace(p engine.Position, term uint64) {
	d.step(func(l *lineage.Line) { l.Replace(p, term); d.history++ })
}

// newFakeReplica has what the primary of term 1 had at ids 1 to n.
func newFakeReplica(n uint64) *fakeReplica {
	d := &fakeReplica{fakeDB: newFakeDB(engine.Position{})}
	for id := uint64(1); id <= n; id++ {
		d.next(pos(id, 1), 1)
	}
	return d
}

// What becomes of a write that waits for its copy while another node becomes
// primary.
func TestWaitOnReplica(t *testing.T) {
	for _, tt := range []struct {
		name    string
		copyAt  uint64
		target  engine.Position
		term    uint64
		do      []func(d *fakeReplica)
		waits   int // before so many of do it has no answer
		changed bool
	}{
		{"arrives", 4, pos(5, 1), 1, []func(*fakeReplica){func(d *fakeReplica) { d.next(pos(5, 1), 1) }}, 1, false},
		{"has arrived, and more", 7, pos(5, 1), 1, nil, 0, false},
		{"lost, the copy goes on", 4, pos(5, 1), 1, []func(*fakeReplica){func(d *fakeReplica) { d.next(pos(5, 2), 2) }}, 1, true},
		{"lost, the copy is two further when it is looked at", 4, pos(5, 1), 1, []func(*fakeReplica){func(d *fakeReplica) {
			d.step(func(l *lineage.Line) { l.Next(pos(5, 2), 2); l.Next(pos(6, 2), 2); l.Next(pos(7, 2), 2) })
		}}, 1, true},
		{"lost, the new primary's copy is shorter", 4, pos(6, 1), 1, []func(*fakeReplica){func(d *fakeReplica) { d.replace(pos(3, 2), 2) }}, 1, true},
		{"may be lost", 4, pos(6, 1), 1, []func(*fakeReplica){func(d *fakeReplica) { d.replace(pos(9, 2), 2) }}, 1, true},
		{"only far behind", 4, pos(6, 1), 1, []func(*fakeReplica){func(d *fakeReplica) { d.replace(pos(9, 1), 1) }}, 1, false},
		{"another primary that has it", 4, pos(6, 1), 1, []func(*fakeReplica){
			func(d *fakeReplica) { d.next(pos(5, 1), 2) },
			func(d *fakeReplica) { d.next(pos(6, 1), 2) },
		}, 2, false},

		// A former primary: its copy is of a history that is gone, at 8.
		{"a dead copy further than the write", 8, pos(5, 2), 2, []func(*fakeReplica){func(d *fakeReplica) { d.replace(pos(5, 2), 2) }}, 1, false},
		{"a dead copy, the snapshot is older than the write", 8, pos(5, 2), 2, []func(*fakeReplica){
			func(d *fakeReplica) { d.replace(pos(4, 2), 2) },
			func(d *fakeReplica) { d.next(pos(5, 2), 2) },
		}, 2, false},
		{"a dead copy, and then the write is lost too", 8, pos(5, 2), 2, []func(*fakeReplica){func(d *fakeReplica) { d.replace(pos(5, 3), 3) }}, 1, true},
		{"a dead copy, and then who knows", 8, pos(5, 2), 2, []func(*fakeReplica){func(d *fakeReplica) { d.replace(pos(9, 3), 3) }}, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newFakeReplica(tt.copyAt)
				tr := New(d)
				defer tr.Close()
				done := make(chan error, 1)
				go func() { done <- tr.Wait(t.Context(), tt.target, tt.term) }()
				synctest.Wait()
				for i, do := range tt.do {
					if len(done) > 0 {
						t.Fatalf("an answer after %d steps: %v", i, <-done)
					}
					do(d)
					synctest.Wait()
				}
				if len(done) == 0 {
					t.Fatal("no answer")
				}
				if err := <-done; errors.Is(err, fault.HistoryChanged) != tt.changed || !tt.changed && err != nil {
					t.Errorf("Wait = %v; want history changed %v", err, tt.changed)
				}
			})
		})
	}
}

// A waiter that a dead copy makes wait does not hold up the others.
func TestStuckWaiterIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newFakeReplica(8)
		tr := New(d)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		dead, late := make(chan error, 1), make(chan error, 1)
		go func() { dead <- tr.Wait(ctx, pos(5, 2), 2) }()
		go func() { late <- tr.Wait(ctx, pos(9, 1), 1) }()
		synctest.Wait()
		d.next(pos(9, 1), 1) // that was on its way
		if err := <-late; err != nil {
			t.Errorf("the other waiter: %v", err)
		}
		synctest.Wait()
		if len(dead) != 0 {
			t.Fatalf("an answer: %v", <-dead)
		}
		if err := <-dead; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the stuck waiter: %v", err)
		}
		if len(tr.stuck)+len(tr.waiters) != 0 {
			t.Errorf("%d waiters are left", len(tr.stuck)+len(tr.waiters))
		}
		go func() { dead <- tr.Wait(t.Context(), pos(5, 2), 2) }()
		synctest.Wait()
		tr.Close()
		if err := <-dead; !errors.Is(err, fault.Closed) {
			t.Errorf("the stuck waiter after Close: %v", err)
		}
	})
}

// The common way: the copy has it, or gets it a moment later.
func BenchmarkReached(b *testing.B) {
	d := newFakeReplica(100)
	tr := New(d)
	defer tr.Close()
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := tr.Reached(pos(99, 1), 1); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
