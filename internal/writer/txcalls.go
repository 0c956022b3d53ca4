package writer

import (
	"context"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// Exec implements forward.Tx.
func (t *tx) Exec(ctx context.Context, st forward.Statement) (forward.Result, error) {
	if err := t.enter(); err != nil {
		return forward.Result{}, err
	}
	if t.last.id == st.ID && st.ID != (forward.ID{}) {
		return t.last.res, t.leave(t.last.err)
	}
	ctx, done := t.bound(ctx)
	defer done()
	err := t.run(ctx, func(s *scope) error {
		stmts, err := s.classify(st.SQL)
		if err != nil {
			return err
		}
		return s.text(stmts, arguments{all: st.Args, shared: t.w.traits.sharedArgs})
	})
	res, err := t.s.res, t.s.withCounters(err)
	t.last = lastExec{st.ID, res, err}
	if err = t.leave(err); err != nil {
		return forward.Result{}, err
	}
	return res, nil
}

// Query implements forward.Tx. The rows are streamed, also those of a write:
// SQLite has done all of it when the first row is there.
func (t *tx) Query(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	if err := t.enter(); err != nil {
		return nil, err
	}
	ctx, done := t.bound(ctx)
	var rows forward.Rows
	err := t.run(ctx, func(s *scope) error {
		stmts, err := s.classify(st.SQL)
		if err != nil {
			return err
		}
		all := together(stmts)
		if all.control != nil && len(stmts) == 1 { // COMMIT and the like have no rows
			rows = &rowset.Set{}
			return s.text(stmts, arguments{})
		}
		rows, err = t.query(ctx, done, all, len(stmts), st)
		return err
	})
	if err = t.leave(t.s.withCounters(err)); err != nil || t.streamless(rows) {
		done()
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (t *tx) streamless(rows forward.Rows) bool {
	_, streams := rows.(*txRows)
	return !streams
}

// query runs a text for its rows. The caller has entered.
func (t *tx) query(ctx context.Context, done func(), all *whole, n int, st forward.Statement) (forward.Rows, error) {
	s := t.s
	if err := all.refusal(n); err != nil {
		return nil, err
	}
	s.meetTemp(&all.Statement)
	if err := s.primeChanges(&all.Statement); err != nil {
		return nil, err
	}
	for _, p := range all.settings {
		set, err := s.c.changed(p.Pragma, p.Value)
		if err != nil {
			return nil, err
		}
		defer set()
	}
	raw, err := s.c.query(ctx, st.SQL, st.Args)
	if err != nil {
		s.failed(&all.Statement, s.c.counters, err)
		return nil, err
	}
	return t.newRows(ctx, done, raw, all), nil
}

// stream runs st if it is a mere read, on a tx that was made for it, and
// returns nil, nil otherwise. Closing the rows ends the tx.
func (t *tx) stream(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	if err := t.enter(); err != nil {
		return nil, err
	}
	ctx, done := t.bound(ctx)
	var rows forward.Rows
	err := t.run(ctx, func(s *scope) error {
		stmts, err := s.classify(st.SQL)
		if err != nil {
			return s.explain(err, false)
		}
		all := together(stmts)
		if all.Kind != sqlclass.Read || all.control != nil || len(all.settings) > 0 || all.UsesRowID || all.UsesChanges {
			t.w.writeTexts.add(st.SQL)
			return nil
		}
		rows, err = t.query(ctx, done, all, len(stmts), st)
		if err == nil {
			rows.(*txRows).seen = t.w.seen(ctx, s.c) // both drivers take the first step with Query
		}
		if fault.Code(err) == fault.CodeReadOnly {
			// It writes although it looks like a read; query_only has stopped it
			// before it did.
			t.w.writeTexts.add(st.SQL)
			rows, err = nil, nil
		}
		return s.explain(err, false)
	})
	if err = t.leave(err); err != nil || rows == nil {
		done()
		return nil, err
	}
	return rows, nil
}

// run runs f in the scope with fresh results.
func (t *tx) run(ctx context.Context, f func(*scope) error) error {
	s := t.s
	s.ctx = ctx
	s.freshResult()
	return guard(s.c, func() error { return f(s) })
}

// bound returns a ctx for a statement that also ends with the tx. The caller
// calls done when the statement is over.
func (t *tx) bound(ctx context.Context) (_ context.Context, done func()) {
	if ctx.Done() == nil {
		return t.ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(t.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// Commit implements forward.Tx. It is not interrupted by ctx once it began.
func (t *tx) Commit(ctx context.Context) (forward.Result, error) {
	if err := t.enter(); err != nil {
		return forward.Result{}, err
	}
	err := ctx.Err()
	if err != nil {
		err = interrupted(err)
	} else {
		err = t.run(t.ctx, func(s *scope) error {
			t.shutRows()
			return s.uncommitted(s.commit())
		})
	}
	res := t.s.res
	if err = t.leave(err); err != nil {
		return forward.Result{}, err
	}
	return res, nil
}

// Rollback implements forward.Tx. A statement that runs is interrupted, and
// the transaction ends when it has.
func (t *tx) Rollback(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.ended != nil:
	case t.busy:
		t.doomed = over()
		t.cancel()
	default:
		t.finishLocked(over())
	}
	return nil
}

// Open implements forward.Tx.
func (t *tx) Open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended == nil && t.doomed == nil
}
