package sqldriver

import (
	"context"
	"database/sql/driver"
	"sync/atomic"

	"github.com/litefwd/litefwd/internal/fault"
)

// Stmt is a prepared statement of one Conn, and used like it.
type Stmt struct {
	// Busy is its user's note that rows of it are open. Drivers have one statement of
	// SQLite's for it, so that to run it again would be the end of those rows.
	Busy atomic.Bool

	raw   driver.Stmt
	exec  driver.StmtExecContext  // raw, or nil
	query driver.StmtQueryContext // raw, or nil
	mu    *turn                   // the Conn's
}

// Prepare prepares sql; the caller closes the statement.
func (c *Conn) Prepare(ctx context.Context, sql string) (*Stmt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var raw driver.Stmt
	var err error
	if p, ok := c.raw.(driver.ConnPrepareContext); ok {
		raw, err = p.PrepareContext(ctx, sql)
	} else {
		raw, err = c.raw.Prepare(sql)
	}
	if err != nil {
		return nil, fault.FromDriver(err)
	}
	s := &Stmt{raw: raw, mu: c.mu}
	s.exec, _ = raw.(driver.StmtExecContext)
	s.query, _ = raw.(driver.StmtQueryContext)
	return s, nil
}

// NumInput is the driver's own answer, -1 if it does not count.
func (s *Stmt) NumInput() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.NumInput()
}

// Close frees the statement.
func (s *Stmt) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fault.FromDriver(s.raw.Close())
}

// Exec runs the statement.
func (s *Stmt) Exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.exec != nil {
		res, err := s.exec.ExecContext(ctx, args)
		return res, fault.FromDriver(err)
	}
	res, err := s.raw.Exec(values(args)) //nolint:staticcheck // for drivers without contexts
	return res, fault.FromDriver(err)
}

// Query runs the statement and returns its rows.
func (s *Stmt) Query(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if s.mu != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	if s.query != nil {
		rows, err := s.query.QueryContext(ctx, args)
		return serialized(s.mu, rows), fault.FromDriver(err)
	}
	rows, err := s.raw.Query(values(args)) //nolint:staticcheck // for drivers without contexts
	return serialized(s.mu, rows), fault.FromDriver(err)
}

func values(args []driver.NamedValue) []driver.Value {
	vs := make([]driver.Value, len(args))
	for i, a := range args {
		vs[i] = a.Value
	}
	return vs
}
