package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"math"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// Where an engine's other process replaces the database's file under the open
// handle (LiteFS), a local read runs in a read transaction of its own: while it
// is open the file cannot be replaced, so that the engine can tell of which
// history the handle's answer is. Its rows are fetched before the application
// asks for them, so that the transaction is short: LiteFS cannot replicate
// while one is open.

// snapshots reports whether a text, which runs on the local handle, gets a read
// transaction of its own.
func (c *conn) snapshots(stmts []sqlclass.Statement) bool {
	return c.db.replica != nil && c.tx == nil && some(stmts, mayReadMain) && !some(stmts, doesMoreThanRead)
}

func doesMoreThanRead(s *sqlclass.Statement) bool {
	return s.Kind != sqlclass.Read && s.Kind != sqlclass.Empty
}

// execSnapshot runs the text in a read transaction of its own.
func (c *conn) execSnapshot(ctx context.Context, q call) (res driver.Result, err error) {
	t, err := c.beginRead(ctx)
	if err != nil {
		return nil, c.failedHere(err)
	}
	err = t.use(func() (err error) {
		if res, err = c.localExec(t.ctx, q); err != nil {
			return err
		}
		return c.checkSnapshot(ctx)
	})
	return res, c.failedHere(firstError(t.explain(err), t.end()))
}

// querySnapshot runs the text in a read transaction of its own, and fetches as
// many of its rows as Config.ReadBuffer allows. The transaction ends when all
// are fetched, or with the rows.
func (c *conn) querySnapshot(ctx context.Context, q call) (driver.Rows, error) {
	t, err := c.beginRead(ctx)
	if err != nil {
		return nil, c.failedHere(err)
	}
	var raw driver.Rows
	var set *rowset.Set
	var all bool
	err = t.use(func() (err error) {
		if raw, err = c.localQuery(t.ctx, q); err != nil {
			return err
		}
		// Both drivers take the first step with Query, so it has read.
		if err = c.checkSnapshot(ctx); err == nil {
			set, all, err = rowset.Fill(raw, c.db.rowTypes.Load(), math.MaxInt, int64(c.db.core.cfg.ReadBuffer))
		}
		if err != nil || all {
			err = firstError(fault.FromDriver(err), fault.FromDriver(raw.Close()))
		}
		return err
	})
	if err != nil || all {
		if err = firstError(t.explain(err), t.end()); err != nil {
			return nil, c.failedHere(err)
		}
		return &remoteRows{rows: set, mapEr: fault.FromDriver}, nil
	}
	c.db.stats.longReads.Add(1)
	return &spilledRows{
		typedRows: &remoteRows{rows: set, mapEr: fault.FromDriver},
		rest:      t.hold(raw, t.end),
	}, nil
}

// checkSnapshot asks the engine about the open read transaction, once it has
// read something.
func (c *conn) checkSnapshot(ctx context.Context) error {
	if c.standIn {
		return nil
	}
	_, err := c.db.replica.Snapshot(ctx, c.history)
	return err
}

// beginSnapshot opens a read-only transaction on the local handle. The result
// is nil where the engine needs no watching.
func (c *conn) beginSnapshot(ctx context.Context) (*readTx, error) {
	if c.db.replica == nil {
		_, err := c.local.Exec(ctx, "BEGIN", nil)
		return nil, err
	}
	if err := c.fresh(); err != nil {
		return nil, err
	}
	t, err := c.beginRead(ctx)
	if err != nil {
		return nil, c.failedHere(err)
	}
	// It is checked once, so it has to take its snapshot now.
	err = t.use(func() error {
		if _, err := c.local.QueryRow(ctx, "SELECT 1 FROM sqlite_schema LIMIT 1"); err != nil {
			return err
		}
		return c.checkSnapshot(ctx)
	})
	if err != nil {
		return nil, c.failedHere(firstError(t.explain(err), t.end()))
	}
	return t, nil
}

// fresh refuses a handle that was opened in an older history.
func (c *conn) fresh() error {
	if c.db.replica == nil || c.tx != nil {
		return nil // an open read transaction keeps what it sees
	}
	if c.lost.Load() || c.history != c.db.history() || c.standIn && c.db.exists() {
		c.lost.Store(true)
		return &lostHandle{fault.Refuse(fault.HistoryChanged,
			"this node's copy of %s was replaced, or its role has changed, since the connection was opened", c.db.name)}
	}
	return nil
}

// failedHere gives the error of a local read its final form, and the handle up
// if that is the reason.
func (c *conn) failedHere(err error) error {
	if err == nil || c.db.replica == nil {
		return err
	}
	switch {
	case errors.Is(err, fault.HistoryChanged), errors.Is(err, errReadEnded):
	case fault.OfStorage(err):
		c.db.replica.Failed(err)
	default:
		return err
	}
	c.lost.Store(true)
	return &lostHandle{err}
}

// lostHandle is the failure of a read on a handle that must not be used any
// more. For database/sql it is driver.ErrBadConn: the read has changed nothing,
// so it is run again on another connection. What the caller sees, when that
// does not help, is the cause.
type lostHandle struct{ cause error }

func (e *lostHandle) Error() string        { return e.cause.Error() }
func (e *lostHandle) Unwrap() error        { return e.cause }
func (e *lostHandle) Is(target error) bool { return target == driver.ErrBadConn }

// typedRows are rows with all that database/sql asks of their columns.
type typedRows interface {
	driver.Rows
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
}

// spilledRows are rows of which some are in memory, and the others still come
// from the local handle.
type spilledRows struct {
	typedRows // the first ones, then rest
	rest      *localRows
}

func (r *spilledRows) Next(dest []driver.Value) error {
	if buffered, ok := r.typedRows.(*remoteRows); ok {
		if buffered.rows.(*rowset.Set).Len() > 0 {
			return buffered.Next(dest)
		}
		r.typedRows = r.rest
	}
	return r.rest.Next(dest)
}

func (r *spilledRows) Close() error { return r.rest.Close() }
