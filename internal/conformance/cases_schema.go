package conformance

func schemaCases() []Case {
	return []Case{
		{Name: "create and read at once", Steps: []Step{
			exec(`CREATE TABLE fresh(id INTEGER PRIMARY KEY, v TEXT)`),
			query(`SELECT * FROM fresh`).empty(),
			exec(`INSERT INTO fresh(v) VALUES ('a')`),
			query(`SELECT * FROM fresh`).gives(`1|a`),
		}},
		{Name: "if not exists", Setup: numbers, Steps: []Step{
			exec(`CREATE TABLE IF NOT EXISTS numbers(other)`), exec(`CREATE TABLE IF NOT EXISTS made(a)`),
			exec(`CREATE TABLE numbers(a)`).fails(1), exec(`CREATE INDEX IF NOT EXISTS i ON numbers(n)`),
			exec(`CREATE INDEX IF NOT EXISTS i ON numbers(name)`), exec(`CREATE VIEW IF NOT EXISTS v AS SELECT 1`), exec(`CREATE VIEW v AS SELECT 2`).fails(1),
			query(`SELECT name FROM sqlite_schema ORDER BY name`).gives(`i`, `made`, `numbers`, `v`),
		}},
		{Name: "drop", Setup: with(numbers, `CREATE INDEX i ON numbers(n)`, `CREATE VIEW v AS SELECT 1`), Steps: []Step{
			exec(`DROP VIEW v`), exec(`DROP INDEX i`), exec(`DROP TABLE numbers`), exec(`DROP TABLE numbers`).fails(1),
			exec(`DROP TABLE IF EXISTS numbers`), exec(`DROP VIEW IF EXISTS v`), exec(`DROP INDEX IF EXISTS i`), exec(`DROP TRIGGER IF EXISTS t`),
			query(`SELECT count(*) FROM sqlite_schema`).gives(`0`), query(`SELECT * FROM numbers`).fails(1),
		}},
		{Name: "drop and create again", Setup: numbers, Steps: []Step{
			exec(`DROP TABLE numbers`), exec(`CREATE TABLE numbers(other TEXT)`), exec(`INSERT INTO numbers VALUES ('x')`),
			query(`SELECT * FROM numbers`).gives(`x`), query(`SELECT n FROM numbers`).fails(1),
		}},
		{Name: "add column", Setup: numbers, Steps: []Step{
			query(`SELECT * FROM numbers WHERE id = 1`).gives(`1|10|ten`),
			exec(`ALTER TABLE numbers ADD COLUMN extra TEXT NOT NULL DEFAULT 'd'`),
			query(`SELECT * FROM numbers WHERE id = 1`).gives(`1|10|ten|d`),
			exec(`ALTER TABLE numbers ADD extra`).fails(1), exec(`ALTER TABLE numbers ADD COLUMN bad NOT NULL`).fails(1),
			exec(`INSERT INTO numbers(extra) VALUES ('e')`),
		}},
		{Name: "rename and drop column", Setup: with(numbers, `CREATE INDEX i ON numbers(name)`), Steps: []Step{
			exec(`ALTER TABLE numbers RENAME COLUMN name TO label`), query(`SELECT label FROM numbers WHERE id = 1`).gives(`ten`),
			query(`SELECT name FROM numbers`).fails(1), exec(`ALTER TABLE numbers DROP COLUMN label`).fails(1),
			exec(`DROP INDEX i`), exec(`ALTER TABLE numbers DROP COLUMN label`), query(`SELECT * FROM numbers WHERE id = 1`).gives(`1|10`),
		}},
		{Name: "rename table", Setup: with(family, `CREATE VIEW v AS SELECT name FROM parent`), Steps: []Step{
			exec(`ALTER TABLE parent RENAME TO people`), query(`SELECT name FROM people`).gives(`ann`, `bob`),
			query(`SELECT * FROM parent`).fails(1), query(`SELECT * FROM v`).gives(`ann`, `bob`),
			query(`SELECT sql FROM sqlite_schema ORDER BY name`), exec(`ALTER TABLE people RENAME TO child`).fails(1),
		}},
		{Name: "create as select", Setup: numbers, Steps: []Step{
			exec(`CREATE TABLE copy AS SELECT n, name || '!' AS loud, 1.5 AS r FROM numbers`),
			query(`SELECT * FROM copy WHERE n = 10`).gives(`10|ten!|1.5`), query(`SELECT sql FROM sqlite_schema WHERE name = 'copy'`),
		}},
		{Name: "indexes", Setup: numbers, Steps: []Step{
			exec(`CREATE INDEX a ON numbers(n DESC, name COLLATE NOCASE)`), exec(`CREATE INDEX b ON numbers(n + 1) WHERE n > 10`),
			query(`PRAGMA index_list(numbers)`), query(`PRAGMA index_info(a)`), query(`PRAGMA index_xinfo(a)`),
			query(`SELECT name FROM numbers WHERE n + 1 = 21 AND n > 10`).gives(`twenty`),
			exec(`CREATE INDEX c ON nosuch(a)`).fails(1), exec(`CREATE INDEX c ON numbers(nosuch)`).fails(1), exec(`CREATE INDEX a ON numbers(n)`).fails(1),
		}},
		{Name: "generated columns", Setup: []string{`CREATE TABLE g(a INT, b TEXT, len AS (length(b)), twice INT GENERATED ALWAYS AS (a * 2) STORED, UNIQUE (twice))`}, Steps: []Step{
			exec(`INSERT INTO g(a, b) VALUES (1, 'one'), (2, 'three')`), query(`SELECT * FROM g`).gives(`1|one|3|2`, `2|three|5|4`),
			exec(`UPDATE g SET twice = 1`).fails(1), exec(`INSERT INTO g(len) VALUES (1)`).fails(1), exec(`INSERT INTO g(a) VALUES (1)`).fails(2067),
			query(`PRAGMA table_info(g)`), query(`PRAGMA table_xinfo(g)`),
		}},
		{Name: "without rowid", Setup: []string{`CREATE TABLE w(a TEXT, b INT, v, PRIMARY KEY (a, b)) WITHOUT ROWID`}, Steps: []Step{
			exec(`INSERT INTO w VALUES ('x', 1, 'a'), ('x', 2, 'b'), ('a', 1, 'c')`), query(`SELECT * FROM w`).gives(`a|1|c`, `x|1|a`, `x|2|b`),
			exec(`INSERT INTO w VALUES ('x', 1, 'd')`).fails(1555), exec(`INSERT INTO w VALUES (NULL, 1, 'd')`).fails(1299),
			query(`SELECT rowid FROM w`).fails(1), exec(`INSERT INTO w VALUES ('x', 1, 'e') ON CONFLICT DO UPDATE SET v = excluded.v`),
			exec(`DELETE FROM w WHERE a = 'x'`), query(`SELECT count(*) FROM w`).gives(`1`),
		}},
		{Name: "strict", Setup: []string{`CREATE TABLE s(i INT, t TEXT, r REAL, b BLOB, x ANY) STRICT`}, Steps: []Step{
			exec(`INSERT INTO s VALUES (1, 'a', 2, x'00', 'any')`), exec(`INSERT INTO s(i) VALUES ('x')`).fails(3091), exec(`INSERT INTO s(i) VALUES ('12')`),
			exec(`INSERT INTO s(r) VALUES (?)`, "x").fails(3091), exec(`INSERT INTO s(b) VALUES (?)`, "text").fails(3091), exec(`INSERT INTO s(x) VALUES (?)`, "5"),
			exec(`CREATE TABLE bad(a NUMERIC) STRICT`).fails(1), query(`SELECT *, typeof(x), typeof(r) FROM s`),
		}},
		{Name: "many tables", Steps: []Step{
			exec(`CREATE TABLE a(x); CREATE TABLE b(x); CREATE TABLE c(x)`), query(`SELECT * FROM a, b, c`).empty(),
			exec(`DROP TABLE b`), query(`SELECT * FROM a, b`).fails(1), query(`SELECT name FROM pragma_table_list WHERE schema = 'main' ORDER BY name`).gives(`a`, `c`, `sqlite_schema`),
		}},
		{Name: "table of odd name", Steps: []Step{
			exec("CREATE TABLE \"täble; --\"(\"cölumn 1\", [2], `3`)"), exec(`INSERT INTO "täble; --" VALUES (1, 2, 3)`),
			query(`SELECT "cölumn 1", "2" FROM "TäBLE; --"`).gives(`1|2`),
		}},
		{Name: "read before and after a change by others", Setup: numbers, Steps: []Step{
			query(`SELECT * FROM numbers WHERE id = 1`), exec(`ALTER TABLE numbers ADD COLUMN a`), query(`SELECT * FROM numbers WHERE id = 1`),
			exec(`ALTER TABLE numbers ADD COLUMN b`), query(`SELECT * FROM numbers WHERE id = 1`), exec(`ALTER TABLE numbers DROP COLUMN a`), query(`SELECT * FROM numbers WHERE id = 1`),
		}},
	}
}

func viewAndTriggerCases() []Case {
	audit := with(numbers, `CREATE TABLE log(id INTEGER PRIMARY KEY, what)`)
	return []Case{
		{Name: "views", Setup: numbers, Steps: []Step{
			exec(`CREATE VIEW big(a, b) AS SELECT n, name FROM numbers WHERE n > 30`), query(`SELECT * FROM big`).gives(`40|forty`, `50|fifty`),
			exec(`INSERT INTO numbers(n, name) VALUES (60, 'sixty')`), query(`SELECT max(a) FROM big`).gives(`60`),
			exec(`INSERT INTO big VALUES (1, 'x')`).fails(1), exec(`DELETE FROM big`).fails(1), exec(`DROP TABLE numbers`), query(`SELECT * FROM big`).fails(1),
		}},
		{Name: "view of counters", OnConn: true, Setup: with(numbers, `CREATE VIEW counters AS SELECT last_insert_rowid() AS id, changes() AS n`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60), (70)`), query(`SELECT * FROM counters`).gives(`7|2`),
		}},
		{Name: "instead of", Setup: with(numbers, `CREATE VIEW v AS SELECT id, name FROM numbers`,
			`CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO numbers(name) VALUES (upper(new.name)); END`,
			`CREATE TRIGGER vu INSTEAD OF UPDATE OF name ON v BEGIN UPDATE numbers SET name = new.name WHERE id = old.id; END`,
			`CREATE TRIGGER vd INSTEAD OF DELETE ON v BEGIN DELETE FROM numbers WHERE id = old.id; END`), Steps: []Step{
			exec(`INSERT INTO v(name) VALUES ('new')`), exec(`UPDATE v SET name = 'changed' WHERE id = 1`), exec(`DELETE FROM v WHERE id = 2`),
			query(`SELECT * FROM v`).gives(`1|changed`, `3|thirty`, `4|forty`, `5|fifty`, `6|NEW`),
			query(`INSERT INTO v(name) VALUES ('r') RETURNING id, name`).gives(`NULL|r`),
		}},
		{Name: "before and after", Setup: with(audit,
			`CREATE TRIGGER b BEFORE UPDATE ON numbers WHEN new.n <> old.n BEGIN INSERT INTO log(what) VALUES (old.n || '->' || new.n); END`,
			`CREATE TRIGGER a AFTER DELETE ON numbers BEGIN INSERT INTO log(what) VALUES ('deleted ' || old.n); END`), Steps: []Step{
			exec(`UPDATE numbers SET n = n + 1 WHERE id < 3`), exec(`UPDATE numbers SET n = n`), exec(`DELETE FROM numbers WHERE id = 1`),
			query(`SELECT what FROM log ORDER BY id`).gives(`10->11`, `20->21`, `deleted 11`),
		}},
		{Name: "raise abort", Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(ABORT, 'no negatives, "please"'); END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60), (-1)`).fails(1811), exec(`INSERT INTO numbers(n) VALUES (61)`), query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "raise fail", Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(FAIL, 'fail'); END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60), (-1), (70)`).fails(1811), query(`SELECT count(*), max(n) FROM numbers`).gives(`6|60`),
		}},
		{Name: "raise ignore", Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(IGNORE); END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60), (-1), (70)`), query(`SELECT count(*) FROM numbers`).gives(`7`), query(`INSERT INTO numbers(n) VALUES (-2) RETURNING id`).empty(),
		}},
		{Name: "raise rollback", NotInTx: endsTx, Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(ROLLBACK, 'all gone'); END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60), (-1)`).fails(1811), query(`SELECT count(*) FROM numbers`).gives(`5`), exec(`INSERT INTO numbers(n) VALUES (70)`),
		}},
		{Name: "raise rollback inside a transaction", OnConn: true, NotInTx: ownTx, Setup: with(audit, `CREATE TRIGGER t BEFORE INSERT ON numbers WHEN new.n < 0 BEGIN SELECT RAISE(ROLLBACK, 'all gone'); END`), Steps: []Step{
			exec(`BEGIN`), exec(`DELETE FROM numbers`), exec(`INSERT INTO numbers(n) VALUES (-1)`).fails(1811), query(`SELECT count(*) FROM numbers`).gives(`5`),
			exec(`COMMIT`).fails(1), exec(`INSERT INTO numbers(n) VALUES (70)`), query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "raise with an expression", Setup: with(audit, `CREATE TRIGGER t BEFORE DELETE ON numbers BEGIN SELECT RAISE(ABORT, 'keep it') WHERE old.id = 3; END`), Steps: []Step{
			exec(`DELETE FROM numbers WHERE id = 1`), exec(`DELETE FROM numbers`).fails(1811), query(`DELETE FROM numbers WHERE id = 3 RETURNING id`).fails(1811), query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "recursive triggers", OnConn: true, Setup: []string{`CREATE TABLE r(n)`, `CREATE TRIGGER t AFTER INSERT ON r WHEN new.n < 5 BEGIN INSERT INTO r VALUES (new.n + 1); END`}, Steps: []Step{
			exec(`INSERT INTO r VALUES (1)`), query(`SELECT count(*) FROM r`).gives(`2`),
			exec(`PRAGMA recursive_triggers = ON`), query(`PRAGMA recursive_triggers`).gives(`1`),
			exec(`INSERT INTO r VALUES (1)`), query(`SELECT count(*) FROM r`).gives(`7`),
			exec(`PRAGMA recursive_triggers = 0`), exec(`INSERT INTO r VALUES (1)`), query(`SELECT count(*) FROM r`).gives(`9`),
		}},
		{Name: "trigger chains and nested writes", Setup: with(audit, `CREATE TABLE other(a)`,
			`CREATE TRIGGER one AFTER INSERT ON numbers BEGIN INSERT INTO other VALUES (new.n); END`,
			`CREATE TRIGGER two AFTER INSERT ON other BEGIN INSERT INTO log(what) SELECT 'saw ' || new.a; END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) SELECT n + 1 FROM numbers`), query(`SELECT count(*), max(what) FROM log`).gives(`5|saw 51`),
		}},
		{Name: "create and drop", Setup: audit, Steps: []Step{
			exec(`CREATE TRIGGER t AFTER INSERT ON numbers BEGIN INSERT INTO log(what) VALUES (1); END`), exec(`INSERT INTO numbers(n) VALUES (1)`),
			exec(`CREATE TRIGGER IF NOT EXISTS t AFTER INSERT ON numbers BEGIN SELECT 1; END`), exec(`CREATE TRIGGER t AFTER INSERT ON numbers BEGIN SELECT 1; END`).fails(1),
			exec(`DROP TRIGGER t`), exec(`INSERT INTO numbers(n) VALUES (2)`), query(`SELECT count(*) FROM log`).gives(`1`), exec(`DROP TRIGGER t`).fails(1),
		}},
		{Name: "trigger with an error in it", Setup: with(audit, `CREATE TRIGGER t AFTER INSERT ON numbers BEGIN INSERT INTO gone VALUES (1); END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (1)`).fails(1), query(`SELECT count(*) FROM numbers`).gives(`5`),
			exec(`CREATE TABLE gone(a)`), exec(`INSERT INTO numbers(n) VALUES (1)`), query(`SELECT count(*) FROM gone`).gives(`1`),
		}},
	}
}
