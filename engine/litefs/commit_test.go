package litefs

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

func TestCommitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		begin engine.Position
		do    func(*fake, *Engine, *database) // between Fence and Committed
		late  func(*fake)                     // while Committed waits
		want  engine.Position                 // zero: an error
	}{
		{"next", at(5, a), func(f *fake, _ *Engine, _ *database) { f.at(at(6, a)) }, nil, at(6, a)},
		{"nothing changed", at(5, a), func(*fake, *Engine, *database) {}, nil, at(5, a)},
		{"makes the database", engine.Position{}, func(f *fake, _ *Engine, _ *database) { f.at(at(1, a)) }, nil, at(1, a)},
		{"others wrote too, seen", at(5, a), func(f *fake, _ *Engine, d *database) {
			f.tx(at(6, a))
			f.tx(at(7, a))
			waitPos(f.t, d, at(7, a))
		}, nil, at(7, a)},
		{"others wrote too, in flight", at(5, a), func(f *fake, _ *Engine, _ *database) { f.at(at(7, a)) },
			func(f *fake) { f.send(txLine(at(6, a), 1)); f.send(txLine(at(7, a), 1)) }, at(7, a)},
		{"others wrote too, and others again", at(5, a), func(f *fake, _ *Engine, _ *database) { f.at(at(7, a)) },
			func(f *fake) { f.send(txLine(at(6, a), 1)); f.send(txLine(at(7, a), 1)); f.tx(at(8, a)) }, at(7, a)},
		{"in flight is another", at(5, a), func(f *fake, _ *Engine, _ *database) { f.at(at(7, a)) },
			func(f *fake) { f.send(txLine(at(6, a), 1)); f.send(txLine(at(7, b), 1)); f.send(txLine(at(8, b), 1)) }, engine.Position{}},
		{"role lost while waiting", at(5, a), func(f *fake, _ *Engine, _ *database) { f.at(at(7, a)) },
			func(f *fake) { f.become(replica) }, engine.Position{}},
		{"unreadable", at(5, a), func(f *fake, _ *Engine, _ *database) { f.write("app.db-pos", "") }, nil, engine.Position{}},
		{"mounted again", at(5, a), func(f *fake, _ *Engine, d *database) {
			f.write("app.db-pos", "") // the dead mount
			_, _, _ = d.file.read()
			f.at(at(6, a)) // the new one
			if p, _, err := d.file.read(); err != nil || p != at(6, a) {
				f.t.Errorf("read = %v, %v", p, err)
			}
		}, nil, engine.Position{}},
		{"went back", at(5, a), func(f *fake, _ *Engine, _ *database) { f.at(at(4, b)) }, nil, engine.Position{}},
		{"role lost", at(5, a), func(f *fake, e *Engine, _ *database) {
			f.at(at(6, a))
			f.become(replica)
			waitFor(f.t, e, "the loss", follows("other"))
		}, nil, engine.Position{}},
		{"role lost and found", at(5, a), func(f *fake, e *Engine, _ *database) {
			f.at(at(6, a))
			f.become(role{})
			waitFor(f.t, e, "the loss", hasProblem(engine.Unknown, ""))
			f.become(primary)
			waitFor(f.t, e, "the role", isPrimary)
		}, nil, engine.Position{}},
		{"events interrupted", at(5, a), func(f *fake, e *Engine, _ *database) {
			f.at(at(6, a))
			s, _ := e.Watch()
			f.drop()
			waitFor(f.t, e, "the role", func(now engine.State) bool { return isPrimary(now) && now.Term != s.Term })
		}, nil, engine.Position{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			e, d := f.start(primary, tt.begin, lazy())
			if err := d.Fence(1); err != nil {
				t.Fatal(err)
			}
			tt.do(f, e, d)
			type result struct {
				pos engine.Position
				err error
			}
			got := make(chan result, 1)
			d.mu.Lock()
			d.news.ch = nil
			d.mu.Unlock()
			go func() {
				pos, err := d.Committed(t.Context())
				got <- result{pos, err}
			}()
			if tt.late != nil {
				waitUntilWaiting(t, d)
				tt.late(f)
			}
			r := <-got
			switch {
			case tt.want.IsZero() && r.err == nil:
				t.Errorf("Committed = %v, want an error", r.pos)
			case !tt.want.IsZero() && (r.err != nil || r.pos != tt.want):
				t.Errorf("Committed = %v, %v, want %v", r.pos, r.err, tt.want)
			case !tt.want.IsZero():
				if now, _ := d.Watch(); now.TXID < r.pos.TXID {
					t.Errorf("Watch says %v after Committed %v", now, r.pos)
				}
			}
		})
	}
}

func TestCommittedBounds(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	tm := lazy()
	tm.commitWait = 10 * time.Millisecond
	_, d := f.start(primary, at(5, a), tm)
	if _, err := d.Committed(t.Context()); !errors.Is(err, errNoFence) {
		t.Errorf("Committed without Fence = %v", err)
	}
	if err := d.Fence(1); err != nil {
		t.Fatal(err)
	}
	f.at(at(7, a))
	if _, err := d.Committed(t.Context()); err == nil {
		t.Error("Committed has no error though the events stay away")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Committed(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Committed with an ended context = %v", err)
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	fail := func(ext int) error { return &fault.SQLError{Code: ext & 0xff, ExtendedCode: ext, Msg: "it failed"} }
	same := fault.Kind(0)
	for _, tt := range []struct {
		name       string
		committing bool
		err        error
		do         func(*fake, *Engine) // between Fence and Settle
		want       fault.Kind           // 0: err itself
	}{
		{"journal refused", false, fail(1544), nil, fault.NotPrimary},
		{"query_only", false, fail(8), nil, same},
		{"read only, role lost", false, fail(8), func(f *fake, _ *Engine) { f.set(func(f *fake) { f.role = replica }) }, fault.NotPrimary},
		{"WAL write refused", false, fail(778), func(f *fake, _ *Engine) { f.set(func(f *fake) { f.role = replica }) }, fault.NotPrimary},
		{"WAL write failed", false, fail(778), nil, same},
		{"malformed", false, fail(11), nil, same},
		{"role lost by event", false, fail(778), func(f *fake, e *Engine) {
			f.become(replica)
			waitFor(f.t, e, "the loss", follows("other"))
		}, fault.NotPrimary},
		{"LiteFS gone", false, fail(3850), func(f *fake, _ *Engine) { f.end() }, fault.NotPrimary},
		{"COMMIT refused", true, fail(778), func(f *fake, _ *Engine) { f.set(func(f *fake) { f.role = replica }) }, fault.NotPrimary},
		{"COMMIT failed", true, fail(13), nil, same},
		{"COMMIT failed, advanced", true, fail(778), func(f *fake, _ *Engine) { f.at(at(6, a)) }, fault.OutcomeUnknown},
		{"COMMIT failed, replaced", true, fail(778), func(f *fake, _ *Engine) { f.at(at(5, b)) }, fault.OutcomeUnknown},
		{"COMMIT failed, unreadable", true, fail(3850), func(f *fake, _ *Engine) { f.write("app.db-pos", "") }, fault.OutcomeUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			e, d := f.start(primary, at(5, a), lazy())
			if err := d.Fence(1); err != nil {
				t.Fatal(err)
			}
			if tt.do != nil {
				tt.do(f, e)
			}
			err := d.Settle(t.Context(), 1, tt.committing, tt.err)
			if tt.want == same {
				if err != tt.err { //nolint:errorlint // it must be err itself
					t.Errorf("Settle = %v, want the error itself", err)
				}
				return
			}
			wantError(t, err, tt.want, "it failed")
			if fault.SafeToRetry(err) != (tt.want == fault.NotPrimary) {
				t.Errorf("SafeToRetry(%v) = %v", err, fault.SafeToRetry(err))
			}
			if !errors.Is(err, tt.err) {
				t.Error("the cause is lost")
			}
		})
	}
	t.Run("without Fence", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		_, d := f.start(primary, at(5, a), lazy())
		wantError(t, d.Settle(t.Context(), 1, true, fail(778)), fault.OutcomeUnknown)
	})
}
