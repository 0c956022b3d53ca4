package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
)

// txRows are rows that are fetched from SQLite one by one. While they are
// open, they keep their tx's connection busy with a statement.
type txRows struct {
	t    *tx
	ctx  context.Context // of the query; rows outlive the call, so it is kept
	done func()          // ends ctx's ties to the tx
	raw  driver.Rows
	all  *whole
	res  forward.Result
	seen engine.Position // of a read outside a transaction

	// The tx's mu guards the following, or whoever set its busy.
	cols rowset.Describer
	eof  bool
	shut bool
}

var (
	_ forward.Rows = (*txRows)(nil)
	_ forward.Seer = (*txRows)(nil)
)

// newRows returns the rows of a query that the caller, who has entered, has
// begun.
func (t *tx) newRows(ctx context.Context, done func(), raw driver.Rows, all *whole) *txRows {
	r := &txRows{t: t, ctx: ctx, done: done, raw: raw, all: all, res: t.s.res}
	r.cols = rowset.Describer{Raw: raw, RowTypes: t.w.traits.rowTypes}
	r.cols.Columns()
	if t.rows == nil {
		t.rows = map[*txRows]struct{}{}
	}
	t.mu.Lock()
	t.rows[r] = struct{}{}
	t.mu.Unlock()
	return r
}

// Columns implements forward.Rows.
func (r *txRows) Columns() []forward.Column {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	if r.shut || r.eof || r.t.busy {
		return r.cols.Known
	}
	return r.cols.Columns()
}

// Next implements forward.Rows. A row that is not fetched within the IdleLimit
// ends the transaction.
func (r *txRows) Next(dest []driver.Value) error {
	if err := r.t.enter(); err != nil {
		return err
	}
	eof := false
	err := guard(r.t.s.c, func() error {
		if r.shut || r.eof {
			eof = true
			return nil
		}
		if err := r.ctx.Err(); err != nil {
			return interrupted(err)
		}
		err := r.raw.Next(dest)
		if eof = errors.Is(err, io.EOF); eof {
			return r.finish()
		}
		rowset.Own(dest)
		if err == nil {
			return nil
		}
		err = r.t.s.c.failed(err)
		if r.t.kind == writing {
			r.t.s.failed(&r.all.Statement, r.t.s.c.counters, err)
			err = r.t.s.withCounters(err)
		}
		return err
	})
	if err = r.t.leave(err); err != nil {
		return err
	}
	if eof {
		return io.EOF
	}
	return nil
}

// finish takes the result after the last row.
func (r *txRows) finish() error {
	r.eof = true
	s := r.t.s
	s.freshResult()
	if r.t.kind == writing {
		if err := s.account(&r.all.Statement); err != nil {
			return err
		}
	}
	r.res = s.res
	return nil
}

// Expired reports whether the rows' transaction is over, so that no more of them
// can come. Any goroutine may ask.
func (r *txRows) Expired() bool {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	return r.t.ended != nil
}

// Result implements forward.Rows.
func (r *txRows) Result() forward.Result { return r.res }

// Seen implements forward.Seer.
func (r *txRows) Seen() engine.Position { return r.seen }

// Close implements forward.Rows.
func (r *txRows) Close() error {
	defer r.done()
	if err := r.t.enter(); err != nil {
		return nil // the tx has ended and closed them
	}
	err := guard(r.t.s.c, func() error {
		err := r.close()
		if r.t.kind == writing && !r.eof {
			r.t.s.freshResult()
			r.t.s.account(&r.all.Statement)
			r.res = r.t.s.res
		}
		return err
	})
	err = r.t.leave(err)
	if r.t.kind == streaming {
		r.t.Rollback(context.Background())
	}
	return err
}

// close closes the driver's rows, once.
func (r *txRows) close() error {
	if r.shut {
		return nil
	}
	r.shut = true
	delete(r.t.rows, r)
	return r.t.s.c.failed(r.raw.Close())
}

// shutLocked closes the rows as their tx ends.
func (r *txRows) shutLocked() { r.close() }

// shutRows closes all rows before COMMIT, which SQLite refuses while a write
// still gives rows.
func (t *tx) shutRows() {
	for r := range t.rows {
		r.close()
	}
}
