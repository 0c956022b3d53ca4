package litefwd

import (
	"context"
	"database/sql/driver"
	"math"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// What runs in a read transaction.

// query runs the text for its rows, which may outlive the call.
func (t *readTx) query(ctx context.Context, q call) (*localRows, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := new(localRows)
	if err := t.queryLocked(ctx, q, r); err != nil {
		return nil, err
	}
	return r, nil
}

// queryLocked makes r the text's rows.
func (t *readTx) queryLocked(ctx context.Context, q call, r *localRows) error {
	t.text = q.text
	*r = localRows{in: t, cancel: &t.cancel}
	switch {
	case t.checked && len(q.stmts) > 0 && !some(q.stmts, mayTakeLong):
		// It has its locks, and is over before anybody could interrupt it, which the
		// drivers make a goroutine for.
		if err := ctx.Err(); err != nil {
			return err
		}
		ctx = context.Background()
	case ctx.Done() == nil:
		ctx = t.ctx
	default:
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		r.cancel, r.own = &cancel, true
	}
	err := t.useLocked(r.cancel, func() error { return t.runLocked(ctx, q, r) })
	if err == nil {
		if err = t.checkLocked(ctx); err != nil {
			r.rows.Close()
		}
	}
	if err != nil {
		r.releaseLocked()
		return err
	}
	t.rows = append(t.rows, r)
	if !t.lease {
		r.of = t.h
		t.h.openRows++
	}
	return nil
}

// runLocked gives the text to the driver. In a lease it is prepared once for all
// connections.
func (t *readTx) runLocked(ctx context.Context, q call, r *localRows) (err error) {
	if !t.lease {
		return t.h.query(ctx, q, r)
	}
	if r.kept = t.h.kept.Take(q.text); r.kept == nil {
		stmt, err := t.h.local.Prepare(ctx, q.text)
		if err != nil {
			return err
		}
		r.kept = t.h.kept.New(q.text, stmt)
	}
	r.args = q.args
	returned := false
	defer func() {
		if !returned { // a user's function has panicked, in the middle of it
			t.h.kept.Drop(r.kept)
		}
	}()
	if n := r.kept.NumInput(); n >= 0 && n != len(q.args) {
		r.rows, err = t.h.local.Query(ctx, q.text, q.args) // how to say it is the driver's
	} else {
		r.rows, err = r.kept.Query(ctx, q.args)
	}
	returned = true
	return err
}

// fetch runs the text and fetches as many of its rows into r as Config.ReadBuffer
// allows. It is called by an owner, whose part ends with it if that is all of
// them, and otherwise with the rows.
func (t *readTx) fetch(ctx context.Context, q call, r *fetchedRows) fetched {
	t.mu.Lock()
	defer t.mu.Unlock()
	raw := &r.raw
	// Both drivers take the first step with Query, so it has read.
	if err := t.queryLocked(ctx, q, raw); err != nil {
		t.winding.Store(true)
		return fetched{err: firstError(err, t.endLocked())}
	}
	var all, ran bool
	err := t.useLocked(raw.cancel, func() (err error) {
		ran = true
		all, err = t.fillLocked(ctx, r)
		return fault.FromDriver(err)
	})
	if !ran { // ended from outside before it had a row
		raw.shutLocked() //nolint:errcheck // err says why
		t.winding.Store(true)
		return fetched{err: firstError(err, t.endLocked())}
	}
	raw.set = &r.set.Set
	r.filled(all, err)
	if !r.all {
		t.countLongLocked() // it holds up replication until somebody closes it
		raw.closed = t.end
		return fetched{rows: r}
	}
	if raw.of != nil {
		raw.of = nil // whatever becomes of the handle, they can be read
		t.h.openRows--
	}
	if raw.kept != nil { // others may have the statement, whose columns are known
		if err := raw.shutLocked(); r.err == nil {
			r.err = err
		}
		raw.in = nil
	}
	if r.err != nil {
		t.winding.Store(true)
	}
	return fetched{r, t.endLocked()}
}

// fillLocked fetches rows.
func (t *readTx) fillLocked(ctx context.Context, r *fetchedRows) (all bool, err error) {
	desc := rowset.Describer{Raw: r.raw.rows, RowTypes: t.db.rowTypes.Load()}
	var known *[]forward.Column
	if r.raw.kept != nil {
		known = columnsOf(r.raw.kept)
		if desc.Known = *known; desc.Known == nil {
			desc.Columns()
		}
	}
	all, err = r.set.Fill(desc, math.MaxInt, int64(t.db.core.cfg.ReadBuffer), func() error {
		if why := t.ending.Load(); why != nil {
			return *why
		}
		return ctx.Err()
	})
	if known != nil {
		*known = r.set.Known()
	}
	return all, err
}

// columnsOf is where what is known of a lease's statement's columns is kept with it.
// With another schema the statement is prepared anew, see look.
func columnsOf(k *sqldriver.Kept) *[]forward.Column {
	known, _ := k.Note.(*[]forward.Column)
	if known == nil {
		known = new([]forward.Column)
		k.Note = known
	}
	return known
}

// checkLocked asks the engine about the transaction, once it has read something.
func (t *readTx) checkLocked(ctx context.Context) error {
	if t.checked || t.h.standIn {
		return nil
	}
	_, err := t.db.replica.Snapshot(ctx, t.h.history)
	if why := t.ending.Load(); err != nil && why != nil {
		return *why // ctx is what running ends
	}
	t.checked = err == nil
	return err
}

// exec runs the text to its end.
func (t *readTx) exec(ctx context.Context, q call) (res driver.Result, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = q.text
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = t.useLocked(&cancel, func() (err error) {
		res, err = t.h.exec(ctx, q)
		return err
	})
	if err == nil {
		err = t.checkLocked(ctx)
	}
	if err != nil {
		t.winding.Store(true)
	}
	return res, err
}
