package conformance

func returningCases() []Case {
	return []Case{
		{Name: "insert by query", Setup: numbers[:1], Steps: []Step{
			query(`INSERT INTO numbers(n, name) VALUES (1,'a'), (2,'b') RETURNING id, name`).gives(`1|a`, `2|b`),
			query(`SELECT count(*) FROM numbers`).gives(`2`),
		}},
		{Name: "insert by exec", Setup: numbers[:1], Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (1), (2) RETURNING id`),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "star and expressions", Setup: numbers[:1], Steps: []Step{
			query(`INSERT INTO numbers(n) VALUES (?) RETURNING *, n * 2 AS twice, typeof(name), numbers.id`, 21).gives(`1|21|NULL|42|null|1`),
		}},
		{Name: "update", Setup: numbers, Steps: []Step{
			query(`UPDATE numbers SET n = n / 10 WHERE id <= 2 RETURNING id, n`).gives(`1|1`, `2|2`),
			query(`UPDATE numbers SET n = 0 WHERE 0 RETURNING id`).empty(),
			exec(`UPDATE numbers SET n = 5 WHERE id = 5 RETURNING n`),
		}},
		{Name: "delete", Setup: numbers, Steps: []Step{
			query(`DELETE FROM numbers WHERE n >= ? RETURNING name`, 40).gives(`forty`, `fifty`),
			query(`DELETE FROM numbers RETURNING id`).gives(`1`, `2`, `3`),
			query(`DELETE FROM numbers RETURNING id`).empty(),
		}},
		{Name: "upsert", Setup: numbers, Steps: []Step{
			query(`INSERT INTO numbers(id, n) VALUES (1, 11), (9, 99) ON CONFLICT(id) DO UPDATE SET n = excluded.n RETURNING id, n, name`).
				gives(`1|11|ten`, `9|99|NULL`),
			query(`INSERT INTO numbers(id, n) VALUES (1, 12) ON CONFLICT DO NOTHING RETURNING id`).empty(),
			query(`INSERT OR IGNORE INTO numbers(id) VALUES (1), (77) RETURNING id`).gives(`77`),
			query(`REPLACE INTO numbers(id, n) VALUES (1, 13) RETURNING id, n`).gives(`1|13`),
		}},
		{Name: "with", Setup: numbers, Steps: []Step{
			query(`WITH x(v) AS (VALUES (7), (8)) INSERT INTO numbers(n) SELECT v FROM x RETURNING id, n`).gives(`6|7`, `7|8`),
			query(`WITH x(v) AS (VALUES (7)) UPDATE numbers SET name = 'seven' WHERE n IN x RETURNING name`).gives(`seven`),
			query(`WITH x(v) AS (VALUES (7)) DELETE FROM numbers WHERE n IN x RETURNING id`).gives(`6`),
		}},
		{Name: "constraint", Setup: numbers, Steps: []Step{
			query(`INSERT INTO numbers(id) VALUES (100), (1) RETURNING id`).fails(1555),
			exec(`INSERT INTO numbers(id) VALUES (1) RETURNING id`).fails(1555),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "column types",
			Setup: []string{`CREATE TABLE t(id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, price DECIMAL(10,2), at DATETIME, ok BOOLEAN, raw BLOB, any)`},
			Steps: []Step{
				query(`INSERT INTO t VALUES (1, 'a', 1.5, '2024-05-06 07:08:09', 1, x'00', 'any') RETURNING *`),
				query(`UPDATE t SET name = 'b' RETURNING id, at, ok, price + 1, lower(name) AS lower`),
				query(`DELETE FROM t WHERE 0 RETURNING *`),
				query(`SELECT * FROM t`),
			}},
		{Name: "many rows", Setup: numbers[:1], Steps: []Step{
			query(`WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 3000)
				INSERT INTO numbers(n, name) SELECT i, 'number ' || i FROM c RETURNING id, n, name`),
			query(`SELECT count(*) FROM numbers`).gives(`3000`),
		}},
		{Name: "read in part", Setup: numbers[:1], Steps: []Step{
			partly(1, `INSERT INTO numbers(n) VALUES (1), (2), (3) RETURNING n`).gives(`1`),
			query(`SELECT count(*) FROM numbers`).gives(`3`),
			partly(0, `INSERT INTO numbers(n) VALUES (4) RETURNING n`),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "one row", Setup: numbers[:1], Steps: []Step{
			do("QueryRow", func(e *Env) error {
				for i := range 3 {
					var id int64
					err := e.X.QueryRowContext(e.Ctx, `INSERT INTO numbers(n) VALUES (?) RETURNING id`, i).Scan(&id)
					if err != nil {
						return e.Err("QueryRow", err)
					}
					e.Note("id %d", id)
				}
				return nil
			}),
			query(`SELECT id FROM numbers`).gives(`1`, `2`, `3`),
		}},
		{Name: "prepared", Setup: numbers[:1], Steps: []Step{
			prepQuery(`INSERT INTO numbers(n, name) VALUES (?, ?) RETURNING id, n`, bind(1, "a"), bind(2, "b"), bind(nil, nil)).gives(`1|1`, `2|2`, `3|NULL`),
			prepExec(`DELETE FROM numbers WHERE n = ? RETURNING id`, bind(1), bind(1)),
		}},
		{Name: "generated and default values",
			Setup: []string{`CREATE TABLE t(a INT, b AS (a*2), c AS (a+1) STORED, d DEFAULT 'd')`},
			Steps: []Step{
				query(`INSERT INTO t(a) VALUES (1), (2) RETURNING *`).gives(`1|2|2|d`, `2|4|3|d`),
				query(`UPDATE t SET a = 10 WHERE a = 1 RETURNING b, c`).gives(`20|11`),
			}},
		{Name: "without rowid", Setup: []string{`CREATE TABLE t(k TEXT PRIMARY KEY, v) WITHOUT ROWID`}, Steps: []Step{
			query(`INSERT INTO t VALUES ('b', 1), ('a', 2) RETURNING k, v`).gives(`b|1`, `a|2`),
			query(`DELETE FROM t RETURNING k`).gives(`a`, `b`),
		}},
		{Name: "in a subquery is an error", Setup: numbers, Steps: []Step{
			query(`SELECT * FROM (DELETE FROM numbers RETURNING id)`).fails(1),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "with a trigger",
			Setup: with(numbers, `CREATE TRIGGER tr AFTER INSERT ON numbers BEGIN UPDATE numbers SET name = 'by trigger' WHERE id = new.id; END`),
			Steps: []Step{
				query(`INSERT INTO numbers(n, name) VALUES (1, 'mine') RETURNING id, name`).gives(`6|mine`),
				query(`SELECT name FROM numbers WHERE id = 6`).gives(`by trigger`),
			}},
		{Name: "arguments in returning", Setup: numbers, Steps: []Step{
			query(`UPDATE numbers SET n = ?1 WHERE id = ?2 RETURNING n + ?1, ?3`, 1, 2, "three").gives(`2|three`),
		}},
		{Name: "values of each type", Setup: []string{`CREATE TABLE t(a, b, c, d, e)`}, Steps: []Step{
			query(`INSERT INTO t VALUES (?, ?, ?, ?, ?) RETURNING *, typeof(a), typeof(b), typeof(c), typeof(d), typeof(e)`,
				int64(1)<<62, 1.25, "text", []byte{0, 255}, nil),
		}},
	}
}
