package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// Where an engine's other process replaces the database's file under the open
// handle (LiteFS), a local read runs in a read transaction of its own: while it
// is open the file cannot be replaced, so that the engine can tell of which
// history the handle's answer is. Its rows are fetched before the application
// asks for them, so that the transaction is short: LiteFS cannot replicate
// while one is open. It is kept for the reads that follow, for as short a time; see
// readTx.

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
	return res, firstError(err, t.end())
}

// querySnapshot runs the text in a read transaction of its own, and fetches as many of
// its rows as Config.ReadBuffer allows. The transaction ends when all are fetched, or
// with the rows.
func (c *conn) querySnapshot(ctx context.Context, q call) (driver.Rows, error) {
	t, err := c.beginRead(ctx)
	if err != nil {
		return nil, c.failedHere(err)
	}
	returned := false
	defer func() {
		if !returned { // a user's function has panicked
			t.h.lost.Store(true)
			t.drop()
		}
	}()
	rows, err := c.db.settleRead(c.handle, t.fetch(ctx, q, c.emptyRows()))
	returned = true
	if err != nil {
		return nil, err
	}
	return c.handOut(rows, nil), nil
}

// settleRead decides what becomes of a read on h: rows that end with an error are
// given up to there, unless the read is to be run again.
func (db *database) settleRead(h *handle, f fetched) (*fetchedRows, error) {
	if f.rows == nil {
		return nil, db.failedRead(h, f.err)
	}
	err := firstError(f.rows.err, f.err) // a driver may say the former again
	if err == nil {
		return f.rows, nil
	}
	if lost := db.failedRead(h, err); isLost(lost) || f.rows.err == nil || errors.Is(err, fault.ReadTooLong) {
		return nil, firstError(lost, f.rows.Close())
	}
	return f.rows, nil
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
	rows, err := t.query(ctx, call{text: "SELECT 1 FROM sqlite_schema LIMIT 1"})
	if err == nil {
		err = rows.Close()
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
	case c.tx != nil || c.reading.inUse():
		return nil // an open read transaction keeps what it sees
	case c.standIn && !c.lost.Load():
		return nil // it has no history; see plan
	}
	if c.lost.Load() || c.history != c.db.history() {
		c.lost.Store(true)
		return &lostHandle{c.handle, fault.Refuse(fault.HistoryChanged,
			"this node's copy of %s was replaced, or its role has changed, since the connection was opened", c.db.name)}
	}
	return nil
}

// failedHere gives the error of a local read its final form, and the handle up
// if that is the reason.
func (c *conn) failedHere(err error) error { return c.db.failedRead(c.handle, err) }

func (db *database) failedRead(h *handle, err error) error {
	if err == nil || db.replica == nil {
		return err
	}
	switch {
	case errors.Is(err, fault.ReadTooLong):
		return err // on another handle it would take as long
	case errors.Is(err, fault.HistoryChanged), errors.Is(err, errReadEnded):
	case fault.OfStorage(err):
		db.replica.Failed(err)
	case fault.Code(err) == fault.CodeBusy && h.history != db.history():
		// On a mount that has died SQLite cannot give locks back, and takes its own
		// process's for held for ever (os_unix.c, posixUnlock).
	default:
		return err
	}
	h.lost.Store(true)
	return &lostHandle{h, err}
}

// lostHandle is the failure of a read on a handle that must not be used any
// more. The read has changed nothing, so it is run again on another handle, see
// renew; for a connection whose own state cannot be had again it is
// driver.ErrBadConn to database/sql. What the caller sees in the end is the cause.
type lostHandle struct {
	h     *handle
	cause error
}

// final is what the caller gets. With rows or a transaction open it is not
// driver.ErrBadConn: a sql.Conn closes itself on that, and waits for its rows.
func (c *conn) final(err error) error {
	if l, ok := err.(*lostHandle); ok && (c.openRows > 0 || c.handedOut > 0 || c.tx != nil) { //nolint:errorlint // it is never wrapped
		return l.cause
	}
	return err
}

func isLost(err error) bool { _, ok := err.(*lostHandle); return ok } //nolint:errorlint // it is never wrapped

func (e *lostHandle) Error() string        { return e.cause.Error() }
func (e *lostHandle) Unwrap() error        { return e.cause }
func (e *lostHandle) Is(target error) bool { return target == driver.ErrBadConn }
