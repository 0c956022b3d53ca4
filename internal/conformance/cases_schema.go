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
			exec(`CREATE INDEX IF NOT EXISTS i ON numbers(name)`), exec(`CREATE VIEW IF NOT EXISTS v AS SELECT 1`),
			exec(`CREATE VIEW v AS SELECT 2`).fails(1),
			query(`SELECT name FROM sqlite_schema ORDER BY name`).gives(`i`, `made`, `numbers`, `v`),
		}},
		{Name: "drop", Setup: with(numbers, `CREATE INDEX i ON numbers(n)`, `CREATE VIEW v AS SELECT 1`), Steps: []Step{
			exec(`DROP VIEW v`), exec(`DROP INDEX i`), exec(`DROP TABLE numbers`), exec(`DROP TABLE numbers`).fails(1),
			exec(`DROP TABLE IF EXISTS numbers`), exec(`DROP VIEW IF EXISTS v`), exec(`DROP INDEX IF EXISTS i`),
			exec(`DROP TRIGGER IF EXISTS t`),
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
			exec(`ALTER TABLE numbers RENAME COLUMN name TO label`),
			query(`SELECT label FROM numbers WHERE id = 1`).gives(`ten`),
			query(`SELECT name FROM numbers`).fails(1), exec(`ALTER TABLE numbers DROP COLUMN label`).fails(1),
			exec(`DROP INDEX i`), exec(`ALTER TABLE numbers DROP COLUMN label`),
			query(`SELECT * FROM numbers WHERE id = 1`).gives(`1|10`),
		}},
		{Name: "rename table", Setup: with(family, `CREATE VIEW v AS SELECT name FROM parent`), Steps: []Step{
			exec(`ALTER TABLE parent RENAME TO people`), query(`SELECT name FROM people`).gives(`ann`, `bob`),
			query(`SELECT * FROM parent`).fails(1), query(`SELECT * FROM v`).gives(`ann`, `bob`),
			query(`SELECT sql FROM sqlite_schema ORDER BY name`), exec(`ALTER TABLE people RENAME TO child`).fails(1),
		}},
		{Name: "create as select", Setup: numbers, Steps: []Step{
			exec(`CREATE TABLE copy AS SELECT n, name || '!' AS loud, 1.5 AS r FROM numbers`),
			query(`SELECT * FROM copy WHERE n = 10`).gives(`10|ten!|1.5`),
			query(`SELECT sql FROM sqlite_schema WHERE name = 'copy'`),
		}},
		{Name: "indexes", Setup: numbers, Steps: []Step{
			exec(`CREATE INDEX a ON numbers(n DESC, name COLLATE NOCASE)`),
			exec(`CREATE INDEX b ON numbers(n + 1) WHERE n > 10`),
			query(`PRAGMA index_list(numbers)`), query(`PRAGMA index_info(a)`), query(`PRAGMA index_xinfo(a)`),
			query(`SELECT name FROM numbers WHERE n + 1 = 21 AND n > 10`).gives(`twenty`),
			exec(`CREATE INDEX c ON nosuch(a)`).fails(1), exec(`CREATE INDEX c ON numbers(nosuch)`).fails(1),
			exec(`CREATE INDEX a ON numbers(n)`).fails(1),
		}},
		{Name: "generated columns",
			Setup: []string{`CREATE TABLE g(a INT, b TEXT, len AS (length(b)), twice INT GENERATED ALWAYS AS (a * 2) STORED, UNIQUE (twice))`},
			Steps: []Step{
				exec(`INSERT INTO g(a, b) VALUES (1, 'one'), (2, 'three')`),
				query(`SELECT * FROM g`).gives(`1|one|3|2`, `2|three|5|4`),
				exec(`UPDATE g SET twice = 1`).fails(1), exec(`INSERT INTO g(len) VALUES (1)`).fails(1),
				exec(`INSERT INTO g(a) VALUES (1)`).fails(2067),
				query(`PRAGMA table_info(g)`), query(`PRAGMA table_xinfo(g)`),
			}},
		{Name: "without rowid", Setup: []string{`CREATE TABLE w(a TEXT, b INT, v, PRIMARY KEY (a, b)) WITHOUT ROWID`}, Steps: []Step{
			exec(`INSERT INTO w VALUES ('x', 1, 'a'), ('x', 2, 'b'), ('a', 1, 'c')`),
			query(`SELECT * FROM w`).gives(`a|1|c`, `x|1|a`, `x|2|b`),
			exec(`INSERT INTO w VALUES ('x', 1, 'd')`).fails(1555), exec(`INSERT INTO w VALUES (NULL, 1, 'd')`).fails(1299),
			query(`SELECT rowid FROM w`).fails(1),
			exec(`INSERT INTO w VALUES ('x', 1, 'e') ON CONFLICT DO UPDATE SET v = excluded.v`),
			exec(`DELETE FROM w WHERE a = 'x'`), query(`SELECT count(*) FROM w`).gives(`1`),
		}},
		{Name: "strict", Setup: []string{`CREATE TABLE s(i INT, t TEXT, r REAL, b BLOB, x ANY) STRICT`}, Steps: []Step{
			exec(`INSERT INTO s VALUES (1, 'a', 2, x'00', 'any')`), exec(`INSERT INTO s(i) VALUES ('x')`).fails(3091),
			exec(`INSERT INTO s(i) VALUES ('12')`),
			exec(`INSERT INTO s(r) VALUES (?)`, "x").fails(3091),
			exec(`INSERT INTO s(b) VALUES (?)`, "text").fails(3091), exec(`INSERT INTO s(x) VALUES (?)`, "5"),
			exec(`CREATE TABLE bad(a NUMERIC) STRICT`).fails(1), query(`SELECT *, typeof(x), typeof(r) FROM s`),
		}},
		{Name: "many tables", Steps: []Step{
			exec(`CREATE TABLE a(x); CREATE TABLE b(x); CREATE TABLE c(x)`), query(`SELECT * FROM a, b, c`).empty(),
			exec(`DROP TABLE b`), query(`SELECT * FROM a, b`).fails(1),
			query(`SELECT name FROM pragma_table_list WHERE schema = 'main' ORDER BY name`).gives(`a`, `c`, `sqlite_schema`),
		}},
		{Name: "table of odd name", Steps: []Step{
			exec("CREATE TABLE \"täble; --\"(\"cölumn 1\", [2], `3`)"), exec(`INSERT INTO "täble; --" VALUES (1, 2, 3)`),
			query(`SELECT "cölumn 1", "2" FROM "TäBLE; --"`).gives(`1|2`),
		}},
		{Name: "read before and after a change by others", Setup: numbers, Steps: []Step{
			query(`SELECT * FROM numbers WHERE id = 1`), exec(`ALTER TABLE numbers ADD COLUMN a`),
			query(`SELECT * FROM numbers WHERE id = 1`),
			exec(`ALTER TABLE numbers ADD COLUMN b`), query(`SELECT * FROM numbers WHERE id = 1`),
			exec(`ALTER TABLE numbers DROP COLUMN a`), query(`SELECT * FROM numbers WHERE id = 1`),
		}},
	}
}
