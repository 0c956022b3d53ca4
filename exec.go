package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// call is one use of a text with arguments.
type call struct {
	text  string
	stmts []sqlclass.Statement
	args  []driver.NamedValue
	// prepared is the text on the local handle, or nil.
	prepared *sqldriver.Stmt
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.exec(ctx, call{text: query, args: args})
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, call{text: query, args: args})
}

func (c *conn) exec(ctx context.Context, q call) (driver.Result, error) {
	where, err := c.plan(ctx, &q)
	if err != nil {
		return nil, err
	}
	switch {
	case c.localOnly && c.tx == nil && some(q.stmts, isControl):
		return nil, errLocalControl()
	case c.localOnly && c.tx == nil:
		return c.execHere(ctx, q)
	case c.tx != nil && len(q.stmts) > 1 && some(q.stmts, isControl):
		return c.execPieces(ctx, q)
	case c.tx != nil:
		return c.tx.exec(ctx, q)
	}
	switch where {
	case control:
		return c.session.result(), c.control(ctx, &q.stmts[0])
	case pieces:
		return c.execPieces(ctx, q)
	case here:
		if elsewhere, err := c.behind(ctx, q); err != nil {
			return nil, err
		} else if !elsewhere {
			res, err := c.execHere(ctx, q)
			if !c.askPrimary(q, err) {
				return res, err
			}
		}
	}
	return c.execOnPrimary(ctx, q)
}

func (c *conn) query(ctx context.Context, q call) (driver.Rows, error) {
	where, err := c.plan(ctx, &q)
	if err != nil {
		return nil, err
	}
	switch {
	case c.localOnly && c.tx == nil && some(q.stmts, isControl):
		return nil, errLocalControl()
	case c.localOnly && c.tx == nil:
		return c.queryHere(ctx, q)
	case c.tx != nil && len(q.stmts) > 1 && some(q.stmts, isControl):
		return c.queryPieces(ctx, q)
	case c.tx != nil:
		return c.tx.query(ctx, q)
	}
	switch where {
	case control:
		if err := c.control(ctx, &q.stmts[0]); err != nil {
			return nil, err
		}
		return &localRows{rows: noRows{}}, nil
	case pieces:
		return c.queryPieces(ctx, q)
	case here:
		if elsewhere, err := c.behind(ctx, q); err != nil {
			return nil, err
		} else if !elsewhere {
			rows, err := c.queryHere(ctx, q)
			if !c.askPrimary(q, err) {
				return rows, err
			}
		}
	}
	return c.queryOnPrimary(ctx, q)
}

// behind decides where a text that belongs here runs while the local copy lacks
// what this process has written:
//
//	it only reads the main database      | on the primary (true)
//	it needs the connection and the copy | here, once that has caught up;
//	                                     | ErrReplicaBehind after AwaitTimeout
//	it needs only the connection         | here
func (c *conn) behind(ctx context.Context, q call) (elsewhere bool, err error) {
	switch {
	case c.db.readsHere():
		return false, nil
	case allReads(q.stmts) && !some(q.stmts, usesCounters):
		return true, nil
	case some(q.stmts, mayReadMain):
		return false, c.db.catchUp(ctx)
	default:
		return false, nil
	}
}

func errLocalControl() error {
	return fault.Refuse(fault.Unsupported, "transaction control as SQL text on Node.Local; "+
		"use BeginTx with sql.TxOptions{ReadOnly: true}")
}

// plan classifies the text and says where it runs outside a transaction.
func (c *conn) plan(ctx context.Context, q *call) (place, error) {
	if err := c.usable(); err != nil {
		return 0, err
	}
	stmts, err := c.classify(ctx, q.text)
	if err != nil {
		return 0, err
	}
	q.stmts = stmts
	if c.tx != nil && !c.tx.here && some(stmts, runsInTx) {
		return onPrimary, nil // transaction.check refuses the rest
	}
	return placeOf(stmts)
}

// askPrimary reports whether a read that failed here with err must be run on
// the primary: nothing ran here, and the primary may know better.
func (c *conn) askPrimary(q call, err error) bool {
	if err == nil || !allReads(q.stmts) {
		return false
	}
	var e *fault.SQLError
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case e.Code == fault.CodeReadOnly:
		c.db.stats.misroutes.Add(1)
		c.db.core.log.Debug("a statement taken for a read wants to write; it runs on the primary",
			"db", c.db.name, "sql", q.text)
		return true
	case e.Code == fault.CodeError && strings.Contains(e.Msg, "no such "):
		// The local copy may lack a table that the primary has.
		return !c.db.isPrimary()
	default:
		return false
	}
}

// execHere runs the text on the local handle.
func (c *conn) execHere(ctx context.Context, q call) (_ driver.Result, err error) {
	restore, err := c.readyHere(ctx, q)
	if err != nil {
		return nil, err
	}
	var res driver.Result
	if q.prepared != nil {
		res, err = q.prepared.Exec(ctx, q.args)
	} else {
		res, err = c.local.Exec(ctx, q.text, q.args)
	}
	if err := firstError(err, restore()); err != nil {
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
	var rows driver.Rows
	if q.prepared != nil {
		rows, err = q.prepared.Query(ctx, q.args)
	} else {
		rows, err = c.local.Query(ctx, q.text, q.args)
	}
	// Both drivers take the first step with Query, so the statement has got
	// past the check of query_only.
	if err := firstError(err, restore()); err != nil {
		if rows != nil {
			rows.Close()
		}
		return nil, err
	}
	c.changedHere(q.stmts)
	local := &localRows{rows: rows}
	if some(q.stmts, writesTemp) {
		did := effectsOf(q.stmts)
		local.closed = func() error { return c.readCounters(did) } // not before it is over
	}
	return local, nil
}

// readyHere prepares the local handle for the text; the function it returns
// undoes that.
func (c *conn) readyHere(ctx context.Context, q call) (restore func() error, err error) {
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

// execOnPrimary forwards the whole text.
func (c *conn) execOnPrimary(ctx context.Context, q call) (driver.Result, error) {
	st := c.statement(q.text, q.args)
	st.ReadOnly = allReads(q.stmts)
	if st.ReadOnly {
		done, err := c.redirect(ctx)
		if err != nil {
			return nil, err
		}
		defer done()
	} else {
		c.db.stats.writes.Add(1)
	}
	var res forward.Result
	err := c.db.onPrimary(ctx, func(t forward.Target) (err error) {
		res, err = t.Exec(ctx, st)
		return err
	})
	if err != nil {
		return nil, c.forwardedError(err, st.ReadOnly)
	}
	c.ranThere(q.stmts, res)
	if err := c.db.awaitCommit(ctx, c.db.await(ctx), res.Position); err != nil {
		return nil, err
	}
	return c.session.result(), nil
}

// queryOnPrimary forwards the whole text and returns its rows. The rows of a
// write are returned once it is committed and, if so set, the local copy has
// it.
func (c *conn) queryOnPrimary(ctx context.Context, q call) (driver.Rows, error) {
	st := c.statement(q.text, q.args)
	st.ReadOnly = allReads(q.stmts)
	var done func()
	if st.ReadOnly {
		var err error
		if done, err = c.redirect(ctx); err != nil {
			return nil, err
		}
	} else {
		c.db.stats.writes.Add(1)
	}
	var rows forward.Rows
	err := c.db.onPrimary(ctx, func(t forward.Target) (err error) {
		rows, err = t.Query(ctx, st)
		return err
	})
	if err != nil {
		if done != nil {
			done()
		}
		return nil, c.forwardedError(err, st.ReadOnly)
	}
	res := rows.Result()
	c.ranThere(q.stmts, res)
	if err := c.db.awaitCommit(ctx, c.db.await(ctx), res.Position); err != nil {
		return nil, firstError(err, rows.Close())
	}
	return &remoteRows{rows: rows, done: done, mapEr: c.mapError}, nil
}

// ranThere notes what a text did that ran on the primary.
func (c *conn) ranThere(stmts []sqlclass.Statement, res forward.Result) {
	// Rows that are still on their way have no Result yet, if nothing counted.
	if !allReads(stmts) && (effectsOf(stmts).counts || res != (forward.Result{})) {
		c.session.ran(res.LastInsertID, res.RowsAffected)
		c.session.forwarded = true
	}
	c.dropDeferred()
}

// dropDeferred forgets PRAGMA defer_foreign_keys, which SQLite drops at each
// COMMIT and ROLLBACK.
func (c *conn) dropDeferred() {
	if c.session.unset(deferForeignKeys) {
		// It can only fail by the handle being of no use any more.
		c.local.Exec(context.Background(), "PRAGMA "+deferForeignKeys+"=0", nil)
	}
}

// redirect counts a read that goes to the primary and bounds how many do; the
// function it returns must be called when the read is over.
func (c *conn) redirect(ctx context.Context) (func(), error) {
	c.db.stats.forwardedReads.Add(1)
	done := func() { <-c.db.redirected }
	select {
	case c.db.redirected <- struct{}{}:
		return done, nil
	default:
	}
	bound := time.NewTimer(c.db.core.cfg.PrimaryWait)
	defer bound.Stop()
	select {
	case c.db.redirected <- struct{}{}:
		return done, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.db.core.stop:
		return nil, errNodeClosed()
	case <-bound.C:
		return nil, fault.Refuse(fault.Overloaded, "%d reads of %s are at the primary, which is the limit, and none ended within %v; "+
			"close rows that are not read to their end", maxRedirected, c.db.name, c.db.core.cfg.PrimaryWait)
	}
}

// forwardedError gives an error from the primary its final form.
func (c *conn) forwardedError(err error, read bool) error {
	if id, n, ok := fault.Counters(err); ok {
		c.session.ran(id, n)
	}
	switch {
	case errors.Is(err, fault.OutcomeUnknown):
		c.db.stats.unknown.Add(1)
	case read && errors.Is(err, fault.NoPrimary) && !c.db.readsHere():
		return fault.Refuse(fault.ReplicaBehind, "this node's copy of %s has not caught up with this process's own writes, "+
			"and the primary cannot be asked: %w", c.db.name, err)
	}
	return c.mapError(err)
}

// mapError lets the application turn a forwarded SQLite error into its
// driver's own.
func (c *conn) mapError(err error) error {
	var e *fault.SQLError
	if !errors.As(err, &e) || e.Err != nil || c.db.core.cfg.MapError == nil {
		return err
	}
	mapped := *e
	mapped.Err = c.db.core.cfg.MapError(e)
	return &mapped
}

// execPieces runs the text's statements one after the other, each in its own
// place; each is classified when those before it have run.
func (c *conn) execPieces(ctx context.Context, q call) (driver.Result, error) {
	if err := c.firstPieces(ctx, q, len(q.stmts)); err != nil {
		return nil, err
	}
	return c.session.result(), nil
}

// queryPieces is execPieces for a query: the rows are those of the last
// statement.
func (c *conn) queryPieces(ctx context.Context, q call) (driver.Rows, error) {
	last := len(q.stmts) - 1
	if err := c.firstPieces(ctx, q, last); err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, call{text: q.stmts[last].SQL})
	return rows, fault.SomethingRan(err)
}

// firstPieces runs the first n statements of the text.
func (c *conn) firstPieces(ctx context.Context, q call, n int) error {
	if err := piecesWithoutArgs(q); err != nil {
		return err
	}
	for i := range q.stmts[:n] {
		if _, err := c.exec(ctx, call{text: q.stmts[i].SQL}); err != nil {
			if i > 0 {
				err = fault.SomethingRan(err)
			}
			return err
		}
	}
	return nil
}

func piecesWithoutArgs(q call) error {
	if len(q.args) == 0 {
		return nil
	}
	return fault.Refuse(fault.Unsupported, "a text with arguments whose statements run in different places "+
		"(temp tables and connection settings here, writes on the primary); give each statement its own call")
}
