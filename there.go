package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// execOnPrimary forwards the whole text.
func (c *conn) execOnPrimary(ctx context.Context, q call) (driver.Result, error) {
	if allReads(q.stmts) && !q.misrouted {
		return c.execReadOnPrimary(ctx, q)
	}
	st := c.statement(q.text, q.args)
	c.db.stats.writes.Add(1)
	var res forward.Result
	term, err := c.db.onPrimary(ctx, func(t forward.Target) (err error) {
		res, err = t.Exec(ctx, st)
		return err
	})
	if err != nil {
		c.awaitAftermath(ctx, err, term)
		return nil, c.forwardedError(err, false)
	}
	c.ranThere(q.stmts, res)
	if err := c.db.awaitCommit(ctx, c.db.await(ctx), acked{res.Position, term}); err != nil {
		return nil, err
	}
	return c.session.result(), nil
}

// execReadOnPrimary runs a text that only reads as a query, which takes no part
// in the primary's queue of writes, and drops its rows.
func (c *conn) execReadOnPrimary(ctx context.Context, q call) (driver.Result, error) {
	rows, err := c.queryOnPrimary(ctx, q)
	if err != nil {
		return nil, err
	}
	dest := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		err = rows.Next(dest)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err := firstError(err, rows.Close()); err != nil {
		return nil, err
	}
	return c.session.result(), nil
}

// queryOnPrimary forwards the whole text and returns its rows. The rows of a
// write are returned once it is committed and, if so set, the local copy has
// it.
func (c *conn) queryOnPrimary(ctx context.Context, q call) (driver.Rows, error) {
	st := c.statement(q.text, q.args)
	st.ReadOnly = allReads(q.stmts) && !q.misrouted
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
	term, err := c.db.onPrimary(ctx, func(t forward.Target) (err error) {
		rows, err = t.Query(ctx, st)
		return err
	})
	if err != nil {
		if done != nil {
			done()
		}
		c.awaitAftermath(ctx, err, term)
		return nil, c.forwardedError(err, st.ReadOnly)
	}
	if s, ok := rows.(forward.Seer); ok {
		c.db.saw(acked{s.Seen(), term})
	}
	res := rows.Result()
	c.ranThere(q.stmts, res)
	if err := c.db.awaitCommit(ctx, c.db.await(ctx), acked{res.Position, term}); err != nil {
		if done != nil {
			done()
		}
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

// awaitAftermath waits, as for a success, until the local copy has what a text
// that failed has committed all the same.
func (c *conn) awaitAftermath(ctx context.Context, err error, term uint64) {
	if a, ok := fault.AftermathOf(err); ok {
		c.db.awaitCommit(ctx, c.db.await(ctx), acked{a.Position, term}) //nolint:errcheck // err is what counts
	}
}

// forwardedError gives an error from the primary its final form.
func (c *conn) forwardedError(err error, read bool) error {
	if a, ok := fault.AftermathOf(err); ok {
		c.session.ran(a.LastInsertID, a.Changes)
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
