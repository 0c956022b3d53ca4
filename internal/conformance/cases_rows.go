package conformance

import (
	"database/sql"
	"slices"
)

// rowsCases are about rows that are open while something else happens.
func rowsCases() []Case {
	return []Case{
		{Name: "read in part", Setup: numbers, Steps: []Step{
			partly(2, `SELECT n FROM numbers ORDER BY n`).gives(`10`, `20`), exec(`DELETE FROM numbers WHERE id = 1`),
			partly(0, `SELECT n FROM numbers`), query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "many read in part", Steps: []Step{
			partly(3, `WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 100000) SELECT i FROM c`).gives(`1`, `2`, `3`),
			times(5, partly(1, `WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c) SELECT i FROM c`)),
			query(`SELECT 1`).gives(`1`),
		}},
		{Name: "nested query", Setup: family, Steps: []Step{
			loop(`SELECT id FROM parent ORDER BY id`, func(e *Env, id int64) error {
				return e.Query(e.X, `SELECT age FROM child WHERE parent = ? ORDER BY id`, id)
			}).gives(`7`, `5`, `3`),
		}},
		{Name: "exec in a loop", Differs: differs("outside a transaction the loop's writes take a second connection of the pool", "bare/tx"),
			Setup: numbers,
			Steps: []Step{
				loop(`SELECT id FROM numbers WHERE id < 4 ORDER BY id`, func(e *Env, id int64) error { return e.Exec(e.X, `UPDATE numbers SET n = n * 2 WHERE id = ?`, id) }),
				query(`SELECT n FROM numbers ORDER BY id`).gives(`20`, `40`, `60`, `40`, `50`),
			}},
		{Name: "exec in a loop on a conn", OnConn: true, Setup: numbers, Steps: []Step{
			loop(`SELECT id FROM numbers WHERE id < 4 ORDER BY id`, func(e *Env, id int64) error { return e.Exec(e.X, `INSERT INTO numbers(id, n) VALUES (? + 100, 0)`, id) }),
			query(`SELECT count(*), max(id) FROM numbers`).gives(`8|103`),
		}},
		{Name: "returning in a loop", Setup: numbers, Steps: []Step{
			loop(`SELECT id FROM numbers ORDER BY id LIMIT 2`, func(e *Env, id int64) error {
				return e.Query(e.X, `DELETE FROM numbers WHERE id = ? RETURNING name`, id+2)
			}).gives(`thirty`, `forty`),
		}},
		{Name: "exec in a returning loop", Differs: slices.Concat(
			differs("outside a transaction the loop's reads take a second connection of the pool", "bare/tx"),
			differs("a write is committed before its first row is given, so others see it while the rows are read", "primary", "replica"),
		), Setup: numbers, Steps: []Step{
			loop(`UPDATE numbers SET n = 0 WHERE id < 3 RETURNING id`, func(e *Env, id int64) error { return e.Query(e.X, `SELECT n FROM numbers WHERE id = ?`, id) }),
		}},
		{Name: "two open at once", Setup: numbers, Steps: []Step{
			do("two sets of rows", func(e *Env) error {
				a, err := e.X.QueryContext(e.Ctx, `SELECT n FROM numbers ORDER BY n`)
				if err != nil {
					return e.Err("query", err)
				}
				defer a.Close()
				b, err := e.X.QueryContext(e.Ctx, `SELECT n FROM numbers ORDER BY n DESC`)
				if err != nil {
					return e.Err("query", err)
				}
				defer b.Close()
				for a.Next() && b.Next() {
					var x, y int64
					if err := a.Scan(&x); err != nil {
						return e.Err("scan", err)
					}
					if err := b.Scan(&y); err != nil {
						return e.Err("scan", err)
					}
					e.row([]any{x, y})
				}
				e.Err("rows", a.Err())
				return e.Err("rows", b.Err())
			}).gives(`10|50`, `20|40`, `30|30`, `40|20`, `50|10`),
		}},
		{Name: "close twice and use after close", Setup: numbers, Steps: []Step{
			do("rows", func(e *Env) error {
				rows, err := e.X.QueryContext(e.Ctx, `SELECT n FROM numbers`)
				if err != nil {
					return e.Err("query", err)
				}
				e.Err("scan before Next", rows.Scan(new(int)))
				e.Note("next %t", rows.Next())
				e.Err("close", rows.Close())
				e.Err("close", rows.Close())
				e.Note("next %t", rows.Next())
				e.Err("scan", rows.Scan(new(int)))
				_, err = rows.Columns()
				e.Err("columns", err)
				return e.Err("err", rows.Err())
			}),
		}},
		{Name: "RawBytes", Setup: numbers, Steps: []Step{
			do("RawBytes", func(e *Env) error {
				rows, err := e.X.QueryContext(e.Ctx, `SELECT name, n, x'0102' FROM numbers ORDER BY id`)
				if err != nil {
					return e.Err("query", err)
				}
				defer rows.Close()
				for rows.Next() {
					var a, b, c sql.RawBytes
					if err := rows.Scan(&a, &b, &c); err != nil {
						return e.Err("scan", err)
					}
					e.Note("%q %q %x", a, b, c)
				}
				return e.Err("rows", rows.Err())
			}),
		}},
		{Name: "no rows", Setup: numbers, Steps: []Step{
			do("QueryRow", func(e *Env) error {
				var n int
				e.Err("one of several", e.X.QueryRowContext(e.Ctx, `SELECT n FROM numbers ORDER BY n`).Scan(&n))
				e.Note("%d", n)
				return e.Err("none", e.X.QueryRowContext(e.Ctx, `SELECT n FROM numbers WHERE 0`).Scan(&n))
			}).errors("no rows in result set"),
		}},
		{Name: "large rows", Setup: []string{`CREATE TABLE big(id INTEGER PRIMARY KEY, b BLOB)`}, Steps: []Step{
			exec(`WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 40) INSERT INTO big(b) SELECT zeroblob(i * 1000) FROM c`),
			query(`SELECT id, b FROM big`), query(`SELECT sum(length(b)) FROM big`).gives(`820000`),
		}},
		{Name: "wide rows", Steps: []Step{
			query(`SELECT ` + joined(300, "%d AS c") + `, 1`).either(), query(`SELECT ` + joined(300, "%d")),
		}},
	}
}

// loop runs body for each row of query, which has one integer column.
func loop(query string, body func(e *Env, id int64) error) Step {
	return do("for each row of "+clip(query), func(e *Env) error {
		rows, err := e.X.QueryContext(e.Ctx, query)
		if err != nil {
			return e.Err("query", err)
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return e.Err("scan", err)
			}
			if err := body(e, id); err != nil {
				return err
			}
		}
		return e.Err("rows", rows.Err())
	})
}
