package litefwd

import (
	"context"
	"database/sql/driver"
	"strings"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// execHere runs the text on the local handle.
func (c *conn) execHere(ctx context.Context, q call) (_ driver.Result, err error) {
	restore, err := c.readyHere(ctx, q)
	if err != nil {
		return nil, err
	}
	var res driver.Result
	switch {
	case c.snapshots(q.stmts):
		res, err = c.execSnapshot(ctx, q)
	case c.tx != nil && c.tx.local != nil:
		res, err = c.tx.local.exec(ctx, q)
	default:
		res, err = c.handle.exec(ctx, q)
	}
	if err := firstError(c.failedHere(err), restore()); err != nil {
		return nil, err
	}
	if err := c.ranHere(q.stmts, res); err != nil {
		return nil, err
	}
	return c.session.result(), nil
}

// queryHere runs the text on the local handle and returns its rows.
func (c *conn) queryHere(ctx context.Context, q call) (driver.Rows, error) {
	restore, err := c.readyHere(ctx, q)
	if err != nil {
		return nil, err
	}
	if c.snapshots(q.stmts) { // which needs no restoring
		long := some(q.stmts, mayTakeLong)
		c.giveWay(long)
		if long {
			defer c.db.core.slots.enter(ctx, &c.db.gate)()
		}
		if c.mayLease(&q) {
			if rows, err := c.queryLease(ctx, q, long); rows != nil || err != nil {
				return rows, err
			}
		}
		return c.querySnapshot(ctx, q)
	}
	if c.tx != nil && c.tx.local != nil {
		rows, err := c.tx.local.query(ctx, q)
		if err != nil {
			return nil, c.failedHere(err)
		}
		return rows, nil
	}
	local := new(localRows)
	err = c.handle.query(ctx, q, local)
	// Both drivers take the first step with Query, so the statement has got
	// past the check of query_only.
	if err := firstError(c.failedHere(err), restore()); err != nil {
		if local.rows != nil {
			local.Close()
		}
		return nil, err
	}
	c.changedHere(q.stmts)
	local.of = c.handle
	c.openRows++
	if some(q.stmts, writesTemp) {
		did := effectsOf(q.stmts)
		local.closed = func() error { return c.readCounters(did) } // not before it is over
	}
	return local, nil
}

// exec and query hand the text to the local driver.
func (h *handle) exec(ctx context.Context, q call) (driver.Result, error) {
	if q.prepared != nil && !q.prepared.Busy.Load() {
		return q.prepared.Exec(ctx, q.args)
	}
	return h.local.Exec(ctx, q.text, q.args)
}

func (h *handle) query(ctx context.Context, q call, r *localRows) (err error) {
	if q.prepared == nil || q.prepared.Busy.Load() {
		r.rows, err = h.local.Query(ctx, q.text, q.args)
		return err
	}
	if r.rows, err = q.prepared.Query(ctx, q.args); err == nil {
		r.stmt = q.prepared
		r.stmt.Busy.Store(true)
	}
	return err
}

// readyHere prepares the local handle for the text; the function it returns
// undoes that.
func (c *conn) readyHere(ctx context.Context, q call) (restore func() error, err error) {
	if err := c.fresh(); err != nil {
		return nil, err
	}
	c.db.stats.localReads.Add(1)
	if c.private == nil && some(q.stmts, changesTemp) {
		c.private = sqlclass.NewPrivate() // it may succeed and yet return an error
	}
	if some(q.stmts, writesByPragma) {
		return nil, &fault.SQLError{
			Code: fault.CodeReadOnly, ExtendedCode: fault.CodeReadOnly,
			Msg: "attempt to write a readonly database",
		}
	}
	if some(q.stmts, readsSchema) {
		// Any statement that opens the database makes SQLite look.
		if _, err := c.local.QueryRow(ctx, "SELECT 1 FROM sqlite_schema LIMIT 1"); err != nil {
			return nil, err
		}
	}
	if some(q.stmts, usesCounters) {
		if err := c.countersHere(ctx, q); err != nil {
			return nil, err
		}
	}
	if !some(q.stmts, writesTemp) {
		return func() error { return nil }, nil
	}
	if err := setQueryOnly(ctx, c.local, false); err != nil {
		return nil, err
	}
	return func() error { return setQueryOnly(context.WithoutCancel(ctx), c.local, true) }, nil
}

func (c *conn) countersHere(ctx context.Context, q call) error {
	if c.session.forwarded && some(q.stmts, usesChanges) && strings.Contains(strings.ToLower(q.text), "total_changes") {
		return fault.Refuse(fault.Unsupported, "total_changes() on a connection whose writes ran on the primary; "+
			"add up the RowsAffected of the writes")
	}
	return c.session.primeCounters(ctx, c.local)
}

// ranHere notes what a text did that ran on the local handle.
func (c *conn) ranHere(stmts []sqlclass.Statement, res driver.Result) error {
	c.changedHere(stmts)
	if !some(stmts, writesTemp) {
		return nil
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	changes, err := res.RowsAffected()
	if err != nil {
		return err
	}
	c.session.ranLocally(effectsOf(stmts), id, changes)
	return nil
}

// changedHere notes what a text that ran on the local handle changed of the
// connection itself.
func (c *conn) changedHere(stmts []sqlclass.Statement) {
	c.own = c.own || some(stmts, setsConnection)
	for i := range stmts {
		if s := &stmts[i]; s.Kind == sqlclass.Setting && s.Value != "" {
			c.session.set(s.Pragma, s.Value)
		}
	}
}

// readCounters asks the local handle for them after a RETURNING into temp.
func (c *conn) readCounters(did effects) error {
	row, err := c.local.QueryRow(context.Background(), "SELECT last_insert_rowid(), changes()")
	if err != nil {
		return err
	}
	c.session.ranLocally(did, row[0].(int64), row[1].(int64))
	return nil
}
