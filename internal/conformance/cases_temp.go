package conformance

func tempCases() []Case {
	return onConn([]Case{
		{Name: "table", Setup: numbers, Steps: []Step{
			exec(`CREATE TEMP TABLE mine(id INTEGER PRIMARY KEY, v)`),
			exec(`INSERT INTO mine(v) VALUES ('a'), ('b')`), query(`SELECT * FROM mine`).gives(`1|a`, `2|b`),
			query(`SELECT count(*) FROM temp.mine, main.numbers`).gives(`10`),
			exec(`UPDATE mine SET v = 'c' WHERE id = 1`), exec(`DELETE FROM temp.mine WHERE id = 2`),
			query(`INSERT INTO mine(v) VALUES ('r') RETURNING *`).gives(`2|r`), exec(`DROP TABLE mine`),
			query(`SELECT * FROM mine`).fails(1),
		}},
		{Name: "table from main", Setup: numbers, Steps: []Step{
			exec(`CREATE TEMPORARY TABLE copy AS SELECT * FROM numbers WHERE n > 20`),
			query(`SELECT count(*) FROM copy`).gives(`3`),
			exec(`INSERT INTO copy SELECT id + 100, n, name FROM main.numbers`),
			query(`SELECT count(*) FROM copy`).gives(`8`), query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "shadows a main table", Setup: numbers, Steps: []Step{
			exec(`CREATE TEMP TABLE numbers(x)`), exec(`INSERT INTO numbers VALUES (1)`),
			query(`SELECT * FROM numbers`).gives(`1`), query(`SELECT count(*) FROM main.numbers`).gives(`5`),
			exec(`DELETE FROM main.numbers WHERE id = 1`),
			exec(`DROP TABLE numbers`), query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "view", Setup: numbers, Steps: []Step{
			exec(`CREATE TEMP VIEW v AS SELECT name FROM numbers WHERE n > 40`),
			query(`SELECT * FROM v`).gives(`fifty`), exec(`INSERT INTO numbers(n, name) VALUES (60, 'sixty')`),
			query(`SELECT * FROM temp.v`).gives(`fifty`, `sixty`), exec(`DROP VIEW v`),
		}},
		{Name: "counters", Setup: numbers, Steps: []Step{
			exec(`CREATE TEMP TABLE mine(id INTEGER PRIMARY KEY, v)`), exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`INSERT INTO mine VALUES (77, 1), (78, 2)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`78|2`),
			exec(`INSERT INTO numbers(n) VALUES (70)`), query(`SELECT last_insert_rowid(), changes()`).gives(`7|1`),
			query(`INSERT INTO mine(v) VALUES (3) RETURNING id`).gives(`79`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`79|1`),
		}},
		{Name: "rolled back", NotInTx: ownTx, Steps: []Step{
			begin(nil), exec(`CREATE TEMP TABLE mine(v)`), exec(`INSERT INTO mine VALUES (1)`),
			query(`SELECT * FROM mine`).gives(`1`), rollback(), query(`SELECT * FROM mine`).fails(1),
		}},
		{Name: "index and trigger", Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v)`), exec(`CREATE INDEX temp.i ON mine(v)`),
			exec(`CREATE TEMP TRIGGER t AFTER INSERT ON mine WHEN new.v < 3 BEGIN INSERT INTO mine VALUES (new.v + 10); END`),
			exec(`INSERT INTO mine VALUES (1), (5)`), query(`SELECT v FROM mine ORDER BY v`).gives(`1`, `5`, `11`),
		}},
		{Name: "prepared", Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v)`), prepExec(`INSERT INTO mine VALUES (?)`, bind(1), bind(2)),
			prepQuery(`SELECT count(*) FROM mine WHERE v >= ?`, bind(1), bind(2)).gives(`2`, `1`),
		}},
		{Name: "in one text", Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v); INSERT INTO mine VALUES (1), (2)`), query(`SELECT sum(v) FROM mine`).gives(`3`),
		}},
		{Name: "schema", Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v INT)`),
			query(`SELECT type, name FROM sqlite_temp_schema`).gives(`table|mine`),
			query(`SELECT name, type FROM pragma_table_info('mine')`).gives(`v|INT`),
			query(`PRAGMA temp.table_info(mine)`),
		}},
		{Name: "attached memory database", NotInTx: alone, Setup: numbers, Steps: []Step{
			exec(`ATTACH ':memory:' AS mem`), exec(`CREATE TABLE mem.t(a)`),
			exec(`INSERT INTO mem.t SELECT n FROM main.numbers`), query(`SELECT count(*) FROM t`).gives(`5`),
			exec(`DELETE FROM numbers WHERE id = 1`), query(`SELECT count(*) FROM mem.t, numbers`).gives(`20`),
			exec(`DETACH DATABASE mem`), query(`SELECT * FROM mem.t`).fails(1),
		}},
		{Name: "not seen by other connections", NotInTx: usesConns, Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v)`), outside(query(`SELECT * FROM mine`)).fails(1),
		}},
		{Name: "errors", Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v UNIQUE)`), exec(`INSERT INTO mine VALUES (1), (1)`).fails(2067),
			exec(`CREATE TEMP TABLE mine(v)`).fails(1), exec(`INSERT INTO temp.nosuch VALUES (1)`).fails(1),
			query(`SELECT count(*) FROM mine`).gives(`0`),
		}},
	})
}
