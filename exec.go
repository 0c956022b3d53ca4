package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/litefwd/litefwd/internal/fault"
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
	// noLease: it is to run on the connection's own handle.
	noLease bool
	// misrouted: it was taken for a read and wants to write.
	misrouted bool
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
	switch where {
	case inTx:
		res, err := c.tx.exec(ctx, q)
		return res, c.final(err)
	case control:
		return c.session.result(), c.control(ctx, &q.stmts[0])
	case pieces:
		return c.execPieces(ctx, q)
	case here:
		res, err := c.execHere(ctx, q)
		for n := 0; c.again(ctx, &q, n, &err); n++ {
			if c.onlyThere(&q) {
				return c.execOnPrimary(ctx, q)
			}
			res, err = c.execHere(ctx, q)
		}
		if !c.askPrimary(&q, err) {
			return res, c.final(err)
		}
	}
	return c.execOnPrimary(ctx, q)
}

func (c *conn) query(ctx context.Context, q call) (driver.Rows, error) {
	where, err := c.plan(ctx, &q)
	if err != nil {
		return nil, err
	}
	switch where {
	case inTx:
		rows, err := c.tx.query(ctx, q)
		return rows, c.final(err)
	case control:
		if err := c.control(ctx, &q.stmts[0]); err != nil {
			return nil, err
		}
		return &localRows{rows: noRows{}}, nil
	case pieces:
		return c.queryPieces(ctx, q)
	case here:
		rows, err := c.queryHere(ctx, q)
		for n := 0; c.again(ctx, &q, n, &err); n++ {
			if c.onlyThere(&q) {
				return c.queryOnPrimary(ctx, q)
			}
			rows, err = c.queryHere(ctx, q)
		}
		if !c.askPrimary(&q, err) {
			return rows, c.final(err)
		}
	}
	return c.queryOnPrimary(ctx, q)
}

// plan classifies the text and says where it runs.
func (c *conn) plan(ctx context.Context, q *call) (place, error) {
	if err := c.usable(); err != nil {
		return 0, err
	}
	if left, err := c.leaveStandIn(ctx); err != nil {
		return 0, err
	} else if left {
		q.prepared = nil // it was the stand-in's
	}
	if q.stmts == nil {
		err := c.compile(ctx, q, func() (err error) {
			q.stmts, err = c.classify(ctx, q.text)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	stmts := q.stmts
	if c.tx != nil && !c.tx.here && some(stmts, runsInTx) {
		return inTx, nil // transaction.check refuses the rest
	}
	where, err := placeOf(stmts)
	switch {
	case err != nil:
		return 0, err
	case c.tx != nil && len(stmts) > 1 && some(stmts, isControl):
		return pieces, nil
	case c.tx != nil:
		return inTx, nil
	case c.localOnly && some(stmts, isControl):
		return 0, fault.Refuse(fault.Unsupported, "transaction control as SQL text on Node.Local; "+
			"use BeginTx with sql.TxOptions{ReadOnly: true}")
	case c.localOnly:
		return here, nil
	case where == here && (c.standIn || !c.db.readsHere()):
		return c.behind(ctx, stmts)
	}
	return where, nil
}

// behind decides where a text that belongs here runs while the local copy lacks
// what this process has written:
//
//	it only reads the main database      | on the primary
//	it needs the connection and the copy | here, once that has caught up;
//	                                     | ErrReplicaBehind after AwaitTimeout
//	it needs only the connection         | here
func (c *conn) behind(ctx context.Context, stmts []sqlclass.Statement) (place, error) {
	switch {
	case allReads(stmts) && !some(stmts, usesCounters):
		if !c.standIn && c.db.soonHere(ctx) {
			return here, nil
		}
		return onPrimary, nil
	case some(stmts, mayReadMain):
		return here, c.db.catchUp(ctx)
	default:
		return here, nil
	}
}

// onlyThere reports whether a read that was to be run here again finds no copy any
// more, but an empty stand-in.
func (c *conn) onlyThere(q *call) bool { return c.standIn && !c.localOnly && allReads(q.stmts) }

// askPrimary reports whether a read that failed here with err must be run on
// the primary: nothing ran here, and the primary may know better.
func (c *conn) askPrimary(q *call, err error) bool {
	if err == nil || c.localOnly || !allReads(q.stmts) {
		return false
	}
	if errors.Is(err, fault.ReadTooLong) {
		return c.db.core.cfg.LongReadsOnPrimary
	}
	var e *fault.SQLError
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case e.Code == fault.CodeReadOnly:
		q.misrouted = true
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
