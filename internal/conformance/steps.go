package conformance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Reasons for Case.NotInTx.
const (
	ownTx     = "the steps begin and end transactions themselves"
	alone     = "SQLite refuses or ignores it inside a transaction"
	endsTx    = "SQLite itself ends the transaction, which a sql.Tx does not notice"
	usesConns = "the steps use several connections"
	usesDB    = "it is about the *sql.DB or *sql.Conn itself"
)

// begin begins a sql.Tx on which the following steps run.
func begin(opts *sql.TxOptions) Step {
	name := "begin"
	if opts != nil {
		name = fmt.Sprintf("begin isolation=%v read-only=%t", opts.Isolation, opts.ReadOnly)
	}
	return do(name, func(e *Env) error {
		beginTx := e.DB.BeginTx
		if e.Conn != nil {
			beginTx = e.Conn.BeginTx
		}
		tx, err := beginTx(e.Ctx, opts)
		if err != nil {
			return e.Err("begin", err)
		}
		e.T.Cleanup(func() { tx.Rollback() }) // if a step between fails
		e.Vars["tx"], e.Vars["outside"] = tx, e.X
		e.X = tx
		return nil
	})
}

// commit ends what begin began. Steps may still use it with [onEndedTx].
func commit() Step { return ending("commit", (*sql.Tx).Commit) }

// rollback ends what begin began.
func rollback() Step { return ending("rollback", (*sql.Tx).Rollback) }

func ending(name string, end func(*sql.Tx) error) Step {
	return do(name, func(e *Env) error {
		err := end(e.Vars["tx"].(*sql.Tx))
		if outside, ok := e.Vars["outside"].(Execer); ok {
			e.X = outside
		}
		return e.Err(name, err)
	})
}

// onEndedTx runs s on the transaction that has ended.
func onEndedTx(s Step) Step {
	return wrapped("on the ended tx: ", s, func(e *Env) error {
		defer func(x Execer) { e.X = x }(e.X)
		e.X = e.Vars["tx"].(*sql.Tx)
		return s.run(e)
	})
}

// outside runs s on the *sql.DB while a transaction or *sql.Conn is in use.
func outside(s Step) Step {
	return wrapped("on the DB: ", s, func(e *Env) error {
		defer func(x Execer) { e.X = x }(e.X)
		e.X = e.DB
		return s.run(e)
	})
}

// canceled runs s with a context that was cancelled before.
func canceled(s Step) Step {
	return wrapped("cancelled: ", s, func(e *Env) error {
		ctx, cancel := context.WithCancel(e.Ctx)
		cancel()
		return e.with(ctx, s)
	}).errors("context canceled")
}

// expired runs s with a context whose deadline has passed.
func expired(s Step) Step {
	return wrapped("expired: ", s, func(e *Env) error {
		ctx, cancel := context.WithDeadline(e.Ctx, time.Unix(1, 0))
		defer cancel()
		return e.with(ctx, s)
	}).errors("context deadline exceeded")
}

// inTime runs s with a context that is cancelled when s is done: what s began
// must not depend on it any more.
func inTime(s Step) Step {
	return wrapped("in time: ", s, func(e *Env) error {
		ctx, cancel := context.WithTimeout(e.Ctx, time.Minute)
		defer cancel()
		return e.with(ctx, s)
	})
}

func (e *Env) with(ctx context.Context, s Step) error {
	defer func(ctx context.Context) { e.Ctx = ctx }(e.Ctx)
	e.Ctx = ctx
	return s.run(e)
}

func wrapped(prefix string, s Step, run func(e *Env) error) Step {
	return Step{name: prefix + s.name, run: run, want: s.want}
}

// times runs s n times and keeps the last error.
func times(n int, s Step) Step {
	return wrapped(fmt.Sprintf("%d times: ", n), s, func(e *Env) (err error) {
		for range n {
			err = errors.Join(err, s.run(e))
		}
		return err
	})
}

// partly reads n rows of query and closes the rest unread.
func partly(n int, query string, args ...any) Step {
	return do(fmt.Sprintf("%d rows of %s", n, clip(query)), func(e *Env) error {
		rows, err := e.X.QueryContext(e.Ctx, query, args...)
		if err != nil {
			return e.Err("query", err)
		}
		defer rows.Close()
		for range n {
			if !rows.Next() {
				break
			}
			var v any
			if err := rows.Scan(&v); err != nil {
				return e.Err("scan", err)
			}
			e.row([]any{v})
		}
		if err := rows.Err(); err != nil {
			return e.Err("rows", err)
		}
		return e.Err("close", rows.Close())
	})
}
