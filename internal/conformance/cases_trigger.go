package conformance

func viewAndTriggerCases() []Case {
	audit := with(numbers, `CREATE TABLE log(id INTEGER PRIMARY KEY, what)`)
	return []Case{
		{Name: "views", Setup: numbers, Steps: []Step{
			exec(`CREATE VIEW big(a, b) AS SELECT n, name FROM numbers WHERE n > 30`),
			query(`SELECT * FROM big`).gives(`40|forty`, `50|fifty`),
			exec(`INSERT INTO numbers(n, name) VALUES (60, 'sixty')`), query(`SELECT max(a) FROM big`).gives(`60`),
			exec(`INSERT INTO big VALUES (1, 'x')`).fails(1), exec(`DELETE FROM big`).fails(1),
			exec(`DROP TABLE numbers`), query(`SELECT * FROM big`).fails(1),
		}},
		{Name: "view of counters", OnConn: true, Setup: numbers, Steps: []Step{
			exec(`CREATE VIEW counters AS SELECT last_insert_rowid() AS id, changes() AS n`),
			exec(`INSERT INTO numbers(n) VALUES (60), (70)`), query(`SELECT * FROM counters`).gives(`7|2`),
		}},
		{Name: "instead of", Setup: with(numbers, `CREATE VIEW v AS SELECT id, name FROM numbers`,
			`CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO numbers(name) VALUES (upper(new.name)); END`,
			`CREATE TRIGGER vu INSTEAD OF UPDATE OF name ON v BEGIN UPDATE numbers SET name = new.name WHERE id = old.id; END`,
			`CREATE TRIGGER vd INSTEAD OF DELETE ON v BEGIN DELETE FROM numbers WHERE id = old.id; END`), Steps: []Step{
			exec(`INSERT INTO v(name) VALUES ('new')`), exec(`UPDATE v SET name = 'changed' WHERE id = 1`),
			exec(`DELETE FROM v WHERE id = 2`),
			query(`SELECT * FROM v`).gives(`1|changed`, `3|thirty`, `4|forty`, `5|fifty`, `6|NEW`),
			query(`INSERT INTO v(name) VALUES ('r') RETURNING id, name`).gives(`NULL|r`),
		}},
		{Name: "before and after", Setup: with(audit,
			`CREATE TRIGGER b BEFORE UPDATE ON numbers WHEN new.n <> old.n BEGIN INSERT INTO log(what) VALUES (old.n || '->' || new.n); END`,
			`CREATE TRIGGER a AFTER DELETE ON numbers BEGIN INSERT INTO log(what) VALUES ('deleted ' || old.n); END`), Steps: []Step{
			exec(`UPDATE numbers SET n = n + 1 WHERE id < 3`), exec(`UPDATE numbers SET n = n`),
			exec(`DELETE FROM numbers WHERE id = 1`),
			query(`SELECT what FROM log ORDER BY id`).gives(`10->11`, `20->21`, `deleted 11`),
		}},
		{Name: "raise abort",
			Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(ABORT, 'no negatives, "please"'); END`),
			Steps: []Step{
				exec(`INSERT INTO numbers(n) VALUES (60), (-1)`).fails(1811), exec(`INSERT INTO numbers(n) VALUES (61)`),
				query(`SELECT count(*) FROM numbers`).gives(`6`),
			}},
		{Name: "raise fail",
			Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(FAIL, 'fail'); END`),
			Steps: []Step{
				exec(`INSERT INTO numbers(n) VALUES (60), (-1), (70)`).fails(1811),
				query(`SELECT count(*), max(n) FROM numbers`).gives(`6|60`),
			}},
		{Name: "raise ignore",
			Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(IGNORE); END`),
			Steps: []Step{
				exec(`INSERT INTO numbers(n) VALUES (60), (-1), (70)`), query(`SELECT count(*) FROM numbers`).gives(`7`),
				query(`INSERT INTO numbers(n) VALUES (-2) RETURNING id`).empty(),
			}},
		{Name: "raise rollback", NotInTx: endsTx,
			Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(ROLLBACK, 'all gone'); END`),
			Steps: []Step{
				exec(`INSERT INTO numbers(n) VALUES (60), (-1)`).fails(1811),
				query(`SELECT count(*) FROM numbers`).gives(`5`), exec(`INSERT INTO numbers(n) VALUES (70)`),
			}},
		{Name: "raise rollback inside a transaction", OnConn: true, NotInTx: ownTx,
			Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(ROLLBACK, 'all gone'); END`),
			Steps: []Step{
				exec(`BEGIN`), exec(`DELETE FROM numbers`), exec(`INSERT INTO numbers(n) VALUES (-1)`).fails(1811),
				query(`SELECT count(*) FROM numbers`).gives(`5`),
				exec(`COMMIT`).fails(1), exec(`INSERT INTO numbers(n) VALUES (70)`),
				query(`SELECT count(*) FROM numbers`).gives(`6`),
			}},
		{Name: "raise with an expression",
			Setup: with(audit, `CREATE TRIGGER t BEFORE DELETE ON numbers BEGIN SELECT RAISE(ABORT, 'keep it') WHERE old.id = 3; END`),
			Steps: []Step{
				exec(`DELETE FROM numbers WHERE id = 1`), exec(`DELETE FROM numbers`).fails(1811),
				query(`DELETE FROM numbers WHERE id = 3 RETURNING id`).fails(1811),
				query(`SELECT count(*) FROM numbers`).gives(`4`),
			}},
		{Name: "recursive triggers", OnConn: true,
			Setup: []string{`CREATE TABLE r(n)`, `CREATE TRIGGER t AFTER INSERT ON r WHEN new.n < 5 BEGIN INSERT INTO r VALUES (new.n + 1); END`},
			Steps: []Step{
				exec(`INSERT INTO r VALUES (1)`), query(`SELECT count(*) FROM r`).gives(`2`),
				exec(`PRAGMA recursive_triggers = ON`), query(`PRAGMA recursive_triggers`).gives(`1`),
				exec(`INSERT INTO r VALUES (1)`), query(`SELECT count(*) FROM r`).gives(`7`),
				exec(`PRAGMA recursive_triggers = 0`), exec(`INSERT INTO r VALUES (1)`),
				query(`SELECT count(*) FROM r`).gives(`9`),
			}},
		{Name: "trigger chains and nested writes", Setup: with(audit, `CREATE TABLE other(a)`,
			`CREATE TRIGGER one AFTER INSERT ON numbers BEGIN INSERT INTO other VALUES (new.n); END`,
			`CREATE TRIGGER two AFTER INSERT ON other BEGIN INSERT INTO log(what) SELECT 'saw ' || new.a; END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) SELECT n + 1 FROM numbers`),
			query(`SELECT count(*), max(what) FROM log`).gives(`5|saw 51`),
		}},
		{Name: "create and drop", Setup: audit, Steps: []Step{
			exec(`CREATE TRIGGER t AFTER INSERT ON numbers BEGIN INSERT INTO log(what) VALUES (1); END`),
			exec(`INSERT INTO numbers(n) VALUES (1)`),
			exec(`CREATE TRIGGER IF NOT EXISTS t AFTER INSERT ON numbers BEGIN SELECT 1; END`),
			exec(`CREATE TRIGGER t AFTER INSERT ON numbers BEGIN SELECT 1; END`).fails(1),
			exec(`DROP TRIGGER t`), exec(`INSERT INTO numbers(n) VALUES (2)`),
			query(`SELECT count(*) FROM log`).gives(`1`), exec(`DROP TRIGGER t`).fails(1),
		}},
		{Name: "trigger with an error in it",
			Setup: with(audit, `CREATE TRIGGER t AFTER INSERT ON numbers BEGIN INSERT INTO gone VALUES (1); END`),
			Steps: []Step{
				exec(`INSERT INTO numbers(n) VALUES (1)`).fails(1), query(`SELECT count(*) FROM numbers`).gives(`5`),
				exec(`CREATE TABLE gone(a)`), exec(`INSERT INTO numbers(n) VALUES (1)`),
				query(`SELECT count(*) FROM gone`).gives(`1`),
			}},
	}
}
