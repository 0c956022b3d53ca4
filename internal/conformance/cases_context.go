package conformance

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// endless gives rows without end.
const endless = `WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c) SELECT i FROM c`

func contextCases() []Case {
	return []Case{
		{Name: "cancelled before", Setup: numbers, Steps: []Step{
			canceled(query(`SELECT 1`)), canceled(exec(`DELETE FROM numbers`)),
			canceled(query(`DELETE FROM numbers RETURNING id`)), canceled(prepExec(`DELETE FROM numbers`, bind())),
			canceled(exec(`NONSENSE`)),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "deadline passed", Setup: numbers, Steps: []Step{
			expired(query(`SELECT 1`)), expired(exec(`DELETE FROM numbers`)),
			expired(query(`DELETE FROM numbers RETURNING id`)), query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "ended after use", Setup: numbers, Steps: []Step{
			inTime(query(`SELECT 1`)).gives(`1`), inTime(exec(`DELETE FROM numbers WHERE id = 1`)),
			inTime(query(`DELETE FROM numbers WHERE id = 2 RETURNING id`)).gives(`2`),
			query(`SELECT count(*) FROM numbers`).gives(`3`),
		}},
		{Name: "statement prepared with an ended context", Setup: numbers, Steps: []Step{
			do("prepare", func(e *Env) error {
				ctx, cancel := context.WithCancel(e.Ctx)
				stmt, err := e.X.PrepareContext(ctx, `DELETE FROM numbers WHERE id = ?`)
				cancel()
				if err != nil {
					return e.Err("prepare", err)
				}
				defer e.closing("stmt", stmt)
				return e.StmtExec(stmt, 1)
			}),
		}},
		{Name: "cancelled while rows are read", NotInTx: "the local drivers differ in what becomes of the transaction",
			Setup: numbers,
			Steps: []Step{
				do("cancel", func(e *Env) error {
					ctx, cancel := context.WithCancel(e.Ctx)
					defer cancel()
					rows, err := e.X.QueryContext(ctx, endless)
					if err != nil {
						return e.Err("query", err)
					}
					defer rows.Close()
					e.Note("first %t", rows.Next())
					cancel()
					for rows.Next() { // until the cancellation arrives
					}
					e.Note("cancelled: %t", errors.Is(rows.Err(), context.Canceled))
					return nil
				}),
				query(`SELECT count(*) FROM numbers`).gives(`5`), exec(`DELETE FROM numbers WHERE id = 1`),
			}},
		{Name: "cancelled while it computes", NotInTx: "the local drivers differ in what becomes of the transaction",
			Setup: numbers,
			Steps: []Step{
				do("cancel", func(e *Env) error {
					ctx, cancel := context.WithTimeout(e.Ctx, 30*time.Millisecond)
					defer cancel()
					rows, err := e.X.QueryContext(ctx, `SELECT sum(i) FROM (`+endless+`)`)
					if err == nil {
						rows.Next()
						err = rows.Err()
						rows.Close()
					}
					e.Note("failed: %t", err != nil)
					return nil
				}),
				query(`SELECT count(*) FROM numbers`).gives(`5`), exec(`DELETE FROM numbers WHERE id = 1`),
			}},
		{Name: "tx whose context ends", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			do("cancel the tx", func(e *Env) error {
				ctx, cancel := context.WithCancel(e.Ctx)
				defer cancel()
				tx, err := e.DB.BeginTx(ctx, nil)
				if err != nil {
					return e.Err("begin", err)
				}
				if _, err := tx.ExecContext(e.Ctx, `DELETE FROM numbers`); err != nil {
					return e.Err("exec", err)
				}
				cancel()
				e.Note("commit fails: %t", tx.Commit() != nil)
				return nil
			}),
			query(`SELECT count(*) FROM numbers`).gives(`5`), exec(`DELETE FROM numbers WHERE id = 1`),
		}},
		{Name: "ping", NotInTx: usesDB, Steps: []Step{
			do("ping", func(e *Env) error {
				e.Err("DB", e.DB.PingContext(e.Ctx))
				conn, err := e.DB.Conn(e.Ctx)
				if err != nil {
					return e.Err("conn", err)
				}
				e.Err("conn", conn.PingContext(e.Ctx))
				e.Err("close", conn.Close())
				return e.Err("closed conn", conn.PingContext(e.Ctx))
			}).errors("connection is already closed"),
		}},
		{Name: "ping with a cancelled context", NotInTx: usesDB, Steps: []Step{
			canceled(do("ping", func(e *Env) error { return e.Err("ping", e.DB.PingContext(e.Ctx)) })),
		}},
		{Name: "use of a closed conn", NotInTx: usesDB, Steps: []Step{
			do("closed conn", func(e *Env) error {
				conn, err := e.DB.Conn(e.Ctx)
				if err != nil {
					return e.Err("conn", err)
				}
				conn.Close()
				e.Query(conn, `SELECT 1`)
				_, err = conn.BeginTx(e.Ctx, nil)
				e.Err("begin", err)
				return e.Exec(conn, `CREATE TABLE t(a)`)
			}).errors("connection is already closed"),
		}},
		{Name: "transaction left open on a conn", NotInTx: usesDB, Setup: numbers, Steps: []Step{
			do("leave it", func(e *Env) error {
				conn, err := e.DB.Conn(e.Ctx)
				if err != nil {
					return e.Err("conn", err)
				}
				tx, err := conn.BeginTx(e.Ctx, nil)
				if err != nil {
					return e.Err("begin", err)
				}
				e.Exec(tx, `DELETE FROM numbers`)
				e.Err("rollback", tx.Rollback())
				return e.Err("close", conn.Close())
			}),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "one connection only", NotInTx: usesDB, Setup: numbers, Steps: []Step{
			do("SetMaxOpenConns(1)", func(e *Env) error {
				e.DB.SetMaxOpenConns(1)
				defer e.DB.SetMaxOpenConns(0)
				for range 3 {
					e.Exec(e.DB, `UPDATE numbers SET n = n + 1`)
					e.Query(e.DB, `SELECT sum(n) FROM numbers`)
				}
				tx, err := e.DB.BeginTx(e.Ctx, &sql.TxOptions{})
				if err != nil {
					return e.Err("begin", err)
				}
				e.Exec(tx, `DELETE FROM numbers WHERE id = 1`)
				e.Err("commit", tx.Commit())
				return e.Query(e.DB, `SELECT count(*) FROM numbers`)
			}).gives(`155`, `160`, `165`, `4`),
		}},
	}
}
