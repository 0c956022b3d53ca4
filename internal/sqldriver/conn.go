// Package sqldriver runs statements on one connection of the local SQLite
// driver, below database/sql. It hides which optional interfaces the driver
// has and turns its errors into *fault.SQLError.
package sqldriver

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"sync"

	"github.com/litefwd/litefwd/internal/fault"
)

// Conn is one connection. It is used by one goroutine at a time, unless
// Serialize was called.
type Conn struct {
	raw driver.Conn
	mu  *turn // held while the driver uses the connection; nil before Serialize
}

// Serialize lets several goroutines use the connection, with its statements and
// rows, from now on: each call waits for the one before. What is got by Raw is
// not covered. Call it before anything is prepared.
func (c *Conn) Serialize() { c.mu = new(turn) }

// turn is a mutex; nil is one that nobody needs.
type turn sync.Mutex

func (t *turn) Lock() {
	if t != nil {
		(*sync.Mutex)(t).Lock()
	}
}

func (t *turn) Unlock() {
	if t != nil {
		(*sync.Mutex)(t).Unlock()
	}
}

// Connect opens a connection; the caller closes it.
func Connect(ctx context.Context, connector driver.Connector) (*Conn, error) {
	raw, err := connector.Connect(ctx)
	if err != nil {
		return nil, fault.FromDriver(err)
	}
	return &Conn{raw: raw}, nil
}

// Wrap returns a Conn for a connection that the driver has made.
func Wrap(raw driver.Conn) *Conn { return &Conn{raw: raw} }

// Raw returns the driver's own connection.
func (c *Conn) Raw() driver.Conn { return c.raw }

// Close closes the connection, which rolls back an open transaction.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fault.FromDriver(c.raw.Close())
}

// Valid reports whether the driver considers the connection usable.
func (c *Conn) Valid() bool {
	v, ok := c.raw.(driver.Validator)
	if !ok {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return v.IsValid()
}

// Exec runs sql, which may be several statements, as the driver does.
func (c *Conn) Exec(ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	if e, ok := c.raw.(driver.ExecerContext); ok {
		res, err := c.exec(e, ctx, sql, args)
		if !errors.Is(err, driver.ErrSkip) {
			return res, fault.FromDriver(err)
		}
	}
	stmt, err := c.Prepare(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	return stmt.Exec(ctx, args)
}

// exec and query call the driver, while nobody else uses the connection.
func (c *Conn) exec(e driver.ExecerContext, ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.ExecContext(ctx, sql, args)
}

func (c *Conn) query(q driver.QueryerContext, ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return q.QueryContext(ctx, sql, args)
}

// Query runs sql and returns its rows; closing them frees the statement.
func (c *Conn) Query(ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error) {
	if q, ok := c.raw.(driver.QueryerContext); ok {
		rows, err := c.query(q, ctx, sql, args)
		if !errors.Is(err, driver.ErrSkip) {
			return serialized(c.mu, rows), fault.FromDriver(err)
		}
	}
	stmt, err := c.Prepare(ctx, sql)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.Query(ctx, args)
	if err != nil {
		stmt.Close()
		return nil, err
	}
	return &stmtRows{Rows: rows, stmt: stmt}, nil
}

// stmtRows closes its statement with the rows. It hides the column types of
// the driver's rows, which no driver without QueryerContext is known to need.
type stmtRows struct {
	driver.Rows
	stmt *Stmt
}

func (r *stmtRows) Close() error {
	return errors.Join(r.Rows.Close(), r.stmt.Close())
}

// QueryRow runs sql and copies its first row into a new slice, which is nil if
// there is none. Byte slices in it are the caller's own.
func (c *Conn) QueryRow(ctx context.Context, sql string, args ...any) ([]driver.Value, error) {
	rows, err := c.Query(ctx, sql, Args(args...))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	dest := make([]driver.Value, len(rows.Columns()))
	switch err := rows.Next(dest); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fault.FromDriver(err)
	}
	for i, v := range dest {
		if b, ok := v.([]byte); ok {
			dest[i] = append([]byte{}, b...)
		}
	}
	return dest, nil
}

// Args numbers driver values as positional arguments.
func Args(values ...any) []driver.NamedValue {
	args := make([]driver.NamedValue, len(values))
	for i, v := range values {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return args
}
