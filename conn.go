package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// Conn is what sql.Conn.Raw passes to its function.
type Conn interface {
	// Local returns the local driver's own connection to this node's copy,
	// for what that driver offers beyond database/sql. It is query_only, and
	// must not be used after the function has returned.
	Local() driver.Conn
}

// conn is one connection of the application: a local, query_only one for
// reads, and the state that belongs to the application's connection wherever
// its statements run.
type conn struct {
	db        *database
	*handle        // to this node's copy; see renew
	localOnly bool // Node.Local: nothing is forwarded

	session session
	tx      *transaction       // the open transaction, or nil
	stmts   map[*stmt]struct{} // those that are prepared on the handle
	own     bool               // it has settings of its own, so that no lease will do
	reads   uint64             // that began on this node, for giveWay
	// handedOut are the fetched rows that the application has not closed.
	handedOut int
	spare     *fetchedRows // closed ones; or nil

	closed  bool
	onClose func() error // or nil
}

var (
	_ Conn                      = (*conn)(nil)
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
)

func (c *conn) Local() driver.Conn {
	c.own = true // what is done to it is to be seen by its reads
	return c.local.Raw()
}

// Ping checks the local copy only: reads work without a primary.
func (c *conn) Ping(ctx context.Context) error {
	if err := c.usable(); err != nil {
		return err
	}
	if p, ok := c.local.Raw().(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return ctx.Err()
}

// ResetSession refuses a connection on which somebody left a transaction open,
// and one that was opened before the local copy was replaced.
func (c *conn) ResetSession(context.Context) error {
	if !c.IsValid() {
		return driver.ErrBadConn // nothing has run
	}
	return nil
}

// IsValid reports whether the pool may keep the connection.
func (c *conn) IsValid() bool {
	return !c.closed && c.tx == nil && c.generation == c.db.generation.Load() && c.local.Valid() && !c.discard.Load() && c.fresh() == nil
}

// Close rolls an open transaction back.
func (c *conn) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	var errs []error
	if c.tx != nil {
		errs = append(errs, c.tx.Rollback())
	}
	errs = append(errs, c.closeLocal())
	if c.onClose != nil {
		errs = append(errs, c.onClose())
	}
	return errors.Join(errs...)
}

// Begin implements driver.Conn for callers without contexts.
func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// Prepare implements driver.Conn for callers without contexts.
func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// CheckNamedValue asks the local driver what it accepts. What cannot travel is
// refused when a statement is forwarded.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.local.Raw().(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) usable() error {
	if c.closed {
		return driver.ErrBadConn // nothing has run
	}
	if c.db.core.stopping() {
		return errNodeClosed()
	}
	return nil
}

// classify splits and classifies query for this connection.
func (c *conn) classify(ctx context.Context, query string) ([]sqlclass.Statement, error) {
	if c.private != nil {
		return c.private.Classify(ctx, c.local, query)
	}
	return c.db.classifier.Classify(ctx, c.local, query)
}

// statement makes the forwarded form of query.
func (c *conn) statement(query string, args []driver.NamedValue) forward.Statement {
	return forward.Statement{
		ID:      forward.NewID(),
		SQL:     query,
		Args:    withoutMonotonic(args),
		Session: c.session.forward(),
	}
}

// withoutMonotonic strips times of their monotonic clock reading, which would
// mean nothing on another node.
func withoutMonotonic(args []driver.NamedValue) []driver.NamedValue {
	isTime := func(v driver.NamedValue) bool { _, ok := v.Value.(time.Time); return ok }
	if !slices.ContainsFunc(args, isTime) {
		return args
	}
	args = slices.Clone(args)
	for i, a := range args {
		if t, ok := a.Value.(time.Time); ok {
			args[i].Value = t.Round(0)
		}
	}
	return args
}
