package litefwd

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// Statement is one statement of a batch, with arguments as for ExecContext.
type Statement struct {
	SQL  string
	Args []any
}

// BatchResult is what one statement of a batch did.
type BatchResult struct {
	// LastInsertID and RowsAffected are what last_insert_rowid() and changes()
	// gave after it; a batch begins with zero.
	LastInsertID, RowsAffected int64
	// Columns are the names of its columns, and Rows their values, as the local
	// driver gives them; nil for a statement that returns none.
	Columns []string
	Rows    [][]any
}

// BatchError says which statement of a batch failed: Index counts from 0, Err is
// the statement's own error, which errors.As and errors.Is find too.
type BatchError = fault.BatchError

// Batch runs statements in one transaction on the primary, in one round trip, and
// returns their results when it is committed and, as configured, the local copy
// has it. db is a Node's DB or Database.
//
// Each is a single statement that begins or ends no transaction: a SELECT, which
// reads what those before it have written, INSERT, UPDATE, DELETE or DDL. The first
// that fails rolls all back and is named by a *BatchError. Rows are kept in memory:
// Config.MaxResult and Config.MaxMessage bound them, and the latter the statements
// together, which are 4096 at most.
//
// It waits for its turn as a single write does. The end of ctx interrupts it, and it
// is rolled back, or, when that cannot be known, ErrOutcomeUnknown.
func Batch(ctx context.Context, db *sql.DB, stmts ...Statement) (results []BatchResult, err error) {
	from, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	err = from.Raw(func(raw any) error {
		c, ok := raw.(*conn)
		if !ok {
			return fault.Refuse(fault.Config, "Batch on a database that is not a litefwd node's (%T)", raw)
		}
		results, err = c.batch(ctx, stmts)
		return err
	})
	return results, err
}

// Batch is the function Batch on the database of Config.Path.
func (n *Node) Batch(ctx context.Context, stmts ...Statement) ([]BatchResult, error) {
	return Batch(ctx, n.DB(), stmts...)
}

func (c *conn) batch(ctx context.Context, stmts []Statement) ([]BatchResult, error) {
	switch {
	case len(stmts) == 0:
		return nil, nil
	case c.localOnly:
		return nil, fault.Refuse(fault.Unsupported, "Batch on Node.Local, which writes nothing")
	}
	if err := forward.CheckBatch(len(stmts)); err != nil {
		return nil, err
	}
	b := forward.Batch{ID: forward.NewID(), Statements: make([]forward.Statement, len(stmts))}
	for i, st := range stmts {
		args, err := c.namedValues(st.Args)
		if err != nil {
			return nil, &BatchError{Index: i, Err: err}
		}
		b.Statements[i] = forward.Statement{SQL: st.SQL, Args: withoutMonotonic(args)}
	}
	c.db.stats.writes.Add(1)
	var res forward.BatchResult
	term, err := c.db.onPrimary(ctx, func(t forward.Target) (err error) {
		res, err = t.Batch(ctx, b)
		return err
	})
	var failed *BatchError
	switch {
	case errors.As(err, &failed):
		return nil, &BatchError{Index: failed.Index, Err: c.forwardedError(failed.Err, false)}
	case err != nil:
		return nil, c.forwardedError(err, false)
	}
	results := make([]BatchResult, len(res.Items))
	for i, item := range res.Items {
		if results[i], err = batchResult(item); err != nil {
			return nil, err
		}
	}
	return results, c.db.awaitCommit(ctx, c.db.await(ctx), acked{res.Result.Position, term})
}

// namedValues converts arguments as database/sql does.
func (c *conn) namedValues(args []any) ([]driver.NamedValue, error) {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		v := &values[i]
		v.Ordinal, v.Value = i+1, arg
		if named, ok := arg.(sql.NamedArg); ok {
			v.Name, v.Value = named.Name, named.Value
		}
		err := c.CheckNamedValue(v)
		if errors.Is(err, driver.ErrSkip) {
			v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
		}
		if err != nil {
			return nil, fault.Refuse(fault.Unsupported, "argument %d: %w", i+1, err)
		}
	}
	return values, nil
}

func batchResult(item forward.BatchItem) (BatchResult, error) {
	r := BatchResult{LastInsertID: item.Result.LastInsertID, RowsAffected: item.Result.RowsAffected}
	if item.Rows == nil {
		return r, nil
	}
	for _, col := range item.Rows.Columns() {
		r.Columns = append(r.Columns, col.Name)
	}
	for {
		dest := make([]driver.Value, len(r.Columns))
		err := item.Rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return r, fmt.Errorf("rows of a batch that is committed: %w", err)
		}
		row := make([]any, len(dest))
		for i, v := range dest {
			row[i] = v
		}
		r.Rows = append(r.Rows, row)
	}
}
