package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
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
func (c *conn) execSnapshot(ctx context.Context, q call) (driver.Result, error) {
	t, err := c.beginRead(ctx)
	if err != nil {
		return nil, err
	}
	res, err := t.exec(ctx, q)
	if err == nil {
		err = c.checkSnapshot(ctx)
	}
	return res, firstError(err, t.end())
}

// querySnapshot runs the text in a read transaction of its own, and fetches as
// many of its rows as Config.ReadBuffer allows. The transaction ends when all
// are fetched, or with the rows.
func (c *conn) querySnapshot(ctx context.Context, q call) (driver.Rows, error) {
	t, err := c.beginRead(ctx)
	if err != nil {
		return nil, c.failedHere(err)
	}
	rest, err := t.query(ctx, q, t.end)
	if err != nil {
		return nil, c.failedHere(firstError(err, t.end()))
	}
	// Both drivers take the first step with Query, so it has read.
	if err := c.checkSnapshot(ctx); err != nil {
		return nil, firstError(c.failedHere(err), rest.Close())
	}
	var set *rowset.Set
	var all bool
	err = t.use(rest.cancel, func() (err error) {
		goOn := func() error {
			if t.ending.Load() {
				return readEnded()
			}
			return ctx.Err()
		}
		set, all, err = rowset.Fill(rest.rows, c.db.rowTypes.Load(), math.MaxInt, int64(c.db.core.cfg.ReadBuffer), goOn)
		return fault.FromDriver(err)
	})
	if err != nil {
		if lost := c.failedHere(err); isLost(lost) {
			return nil, firstError(lost, rest.Close())
		}
	}
	buffered := &remoteRows{rows: set, mapEr: fault.FromDriver}
	if err != nil || all {
		if e := rest.Close(); e != nil && err == nil { // a driver may say err again
			return nil, c.failedHere(e)
		}
		return &bufferedRows{typedRows: buffered, set: set, err: err}, nil
	}
	c.db.stats.longReads.Add(1)
	return &bufferedRows{typedRows: buffered, set: set, rest: rest}, nil
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
	rows, err := t.query(ctx, call{text: "SELECT 1 FROM sqlite_schema LIMIT 1"}, nil)
	if err == nil {
		err = firstError(c.checkSnapshot(ctx), rows.Close())
	}
	if err != nil {
		return nil, c.failedHere(firstError(err, t.end()))
	}
	return t, nil
}

// fresh refuses a handle that was opened in an older history.
func (c *conn) fresh() error {
	switch {
	case c.db.replica == nil:
		return nil
	case c.tx != nil || c.reading.isOpen():
		return nil // an open read transaction keeps what it sees
	case c.standIn && !c.lost.Load():
		return nil // it has no history; see plan
	}
	if c.lost.Load() || c.history != c.db.history() {
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
// more. The read has changed nothing, so it is run again on another handle, see
// renew; for a connection whose own state cannot be had again it is
// driver.ErrBadConn to database/sql. What the caller sees in the end is the cause.
type lostHandle struct{ cause error }

// final is what the caller gets. With rows or a transaction open it is not
// driver.ErrBadConn: a sql.Conn closes itself on that, and waits for its rows.
func (c *conn) final(err error) error {
	if l, ok := err.(*lostHandle); ok && (c.openRows > 0 || c.tx != nil) { //nolint:errorlint // it is never wrapped
		return l.cause
	}
	return err
}

func isLost(err error) bool { _, ok := err.(*lostHandle); return ok } //nolint:errorlint // it is never wrapped

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

// bufferedRows are rows of which the first, or all, are in memory; after them
// come the others from the local handle, or an error.
type bufferedRows struct {
	typedRows // the first ones, then rest
	set       *rowset.Set
	rest      *localRows // or nil
	err       error      // or nil
}

func (r *bufferedRows) Next(dest []driver.Value) error {
	switch {
	case r.set.Len() > 0:
		return r.typedRows.Next(dest)
	case r.err != nil:
		return r.err
	case r.rest == nil:
		return io.EOF
	}
	r.typedRows = r.rest
	return r.rest.Next(dest)
}

func (r *bufferedRows) Close() error {
	if r.rest == nil {
		return nil
	}
	return r.rest.Close()
}
