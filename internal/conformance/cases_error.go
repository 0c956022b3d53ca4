package conformance

import "strings"

// errorCases are about SQLite's own errors: code, extended code and text.
func errorCases() []Case {
	constraints := []string{`CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, nn NOT NULL DEFAULT 1,
		c INT CHECK (c > 0), d INT CONSTRAINT named CHECK (d <> 5), a, b, UNIQUE (a, b))`,
		`INSERT INTO t(id, u, a, b) VALUES (1, 'x', 1, 2)`}
	return []Case{
		{Name: "syntax", Setup: numbers, Steps: []Step{
			query(`SELEC 1`).fails(1), exec(`SELEC 1`).fails(1),
			query(`SELECT`).fails(1), query(`SELECT * FROM`).fails(1), query(`SELECT (1`).fails(1),
			exec(`INSERT INTO numbers VALUES`).fails(1), exec(`UPDATE SET n = 1`).fails(1),
			query(`SELECT 'unclosed`).fails(1), query(`SELECT "unclosed`).fails(1), query(`SELECT x'0'`).fails(1),
			query(`SELECT 1 2 3`).fails(1), query(`SELECT @`).fails(1), query(`SELECT 1a`).fails(1),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "no such table", Setup: numbers, Steps: []Step{
			query(`SELECT * FROM nosuch`).fails(1), exec(`INSERT INTO nosuch VALUES (1)`).fails(1),
			exec(`UPDATE nosuch SET a = 1`).fails(1), exec(`DELETE FROM nosuch`).fails(1),
			exec(`DROP TABLE nosuch`).fails(1),
			query(`SELECT * FROM other.numbers`).fails(1), exec(`DELETE FROM other.numbers`).fails(1),
			prepQuery(`SELECT * FROM nosuch`, bind()).fails(1), prepExec(`DELETE FROM nosuch`, bind()).fails(1),
		}},
		{Name: "no such column", Setup: numbers, Steps: []Step{
			query(`SELECT nosuch FROM numbers`).fails(1), query(`SELECT numbers.nosuch FROM numbers`).fails(1),
			query(`SELECT x.n FROM numbers`).fails(1),
			exec(`INSERT INTO numbers(nosuch) VALUES (1)`).fails(1), exec(`UPDATE numbers SET nosuch = 1`).fails(1),
			exec(`DELETE FROM numbers WHERE nosuch = 1`).fails(1),
			query(`SELECT * FROM numbers ORDER BY 9`).fails(1),
		}},
		{Name: "no such function or collation", Setup: numbers, Steps: []Step{
			query(`SELECT nosuch(1)`).fails(1), exec(`UPDATE numbers SET n = nosuch(n)`).fails(1),
			query(`SELECT 'a' = 'b' COLLATE nosuch`).fails(257),
			query(`SELECT length()`).fails(1), query(`SELECT length(1, 2)`).fails(1),
			query(`SELECT sum(sum(n)) FROM numbers`).fails(1), query(`SELECT n FROM numbers WHERE sum(n) > 1`).fails(1),
			query(`SELECT * FROM nosuch(1)`).fails(1),
		}},
		{Name: "ambiguous column", Setup: numbers, Steps: []Step{
			query(`SELECT n FROM numbers a, numbers b`).fails(1),
			exec(`UPDATE numbers SET n = n FROM numbers b`).fails(1).either(),
		}},
		{Name: "wrong number of values", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers VALUES (1)`).fails(1), exec(`INSERT INTO numbers(n) VALUES (1, 2)`).fails(1),
			query(`VALUES (1), (1, 2)`).fails(1), query(`SELECT 1 UNION SELECT 1, 2`).fails(1),
			exec(`UPDATE numbers SET (n, name) = (1)`).fails(1), query(`SELECT (SELECT 1, 2)`).fails(1),
		}},
		{Name: "primary key", Setup: constraints, Steps: []Step{
			exec(`INSERT INTO t(id) VALUES (1)`).fails(1555), exec(`UPDATE t SET id = 'x'`).fails(20),
			exec(`INSERT INTO t(id) VALUES ('a')`).fails(20), exec(`INSERT INTO t(id) VALUES (?)`, "2x").fails(20),
			exec(`INSERT INTO t(id) VALUES (?)`, "2"), exec(`INSERT INTO t(id) VALUES (?)`, 3.0),
			exec(`INSERT INTO t(id) VALUES (?)`, 3.5).fails(20),
		}},
		{Name: "unique", Setup: constraints, Steps: []Step{
			exec(`INSERT INTO t(u) VALUES ('x')`).fails(2067), exec(`INSERT INTO t(a, b) VALUES (1, 2)`).fails(2067),
			exec(`INSERT INTO t(u) VALUES (NULL), (NULL)`),
			exec(`UPDATE t SET u = 'x'`).fails(2067),
			prepExec(`INSERT INTO t(u) VALUES (?)`, bind("y"), bind("y"), bind("z")).fails(2067),
			query(`SELECT count(*) FROM t`).gives(`5`),
		}},
		{Name: "unique index", Setup: with(numbers, `CREATE UNIQUE INDEX even ON numbers(n % 4) WHERE n > 30`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (44)`).fails(2067),
			exec(`CREATE UNIQUE INDEX bad ON numbers(length(name))`).fails(2067),
			query(`SELECT count(*) FROM sqlite_schema WHERE type = 'index'`).gives(`1`),
		}},
		{Name: "not null", Setup: constraints, Steps: []Step{
			exec(`INSERT INTO t(nn) VALUES (NULL)`).fails(1299), exec(`UPDATE t SET nn = NULL`).fails(1299),
			exec(`INSERT OR REPLACE INTO t(nn) VALUES (NULL)`), exec(`INSERT OR IGNORE INTO t(nn) VALUES (NULL)`),
			query(`SELECT count(*) FROM t`).gives(`2`),
		}},
		{Name: "check", Setup: constraints, Steps: []Step{
			exec(`INSERT INTO t(c) VALUES (0)`).fails(275), exec(`INSERT INTO t(d) VALUES (5)`).fails(275),
			exec(`UPDATE t SET c = -1`).fails(275), exec(`INSERT INTO t(c) VALUES (NULL)`),
		}},
		{Name: "readable after each failure", Setup: constraints, Steps: []Step{
			exec(`INSERT INTO t(id) VALUES (1)`).fails(1555), query(`SELECT count(*) FROM t`).gives(`1`),
			exec(`NONSENSE`).fails(1), query(`SELECT count(*) FROM t`).gives(`1`),
			query(`SELECT * FROM nosuch`).fails(1), exec(`INSERT INTO t(id) VALUES (2)`),
			query(`SELECT count(*) FROM t`).gives(`2`),
		}},
		{Name: "string too big", Setup: numbers, Steps: []Step{
			query(`SELECT length(zeroblob(2000000000))`).fails(18),
			exec(`UPDATE numbers SET name = zeroblob(2000000000)`).fails(18),
		}},
		{Name: "expression too deep", Steps: []Step{query(`SELECT ` + deep(1200)).fails(1)}},
		{Name: "too many columns", Steps: []Step{
			exec(`CREATE TABLE wide(` + joined(2001, "c%d") + `)`).fails(1),
			query(`SELECT ` + joined(2001, "%d")).fails(1),
		}},
		{Name: "too many terms", Steps: []Step{query(`SELECT 1` + strings.Repeat(` UNION ALL SELECT 1`, 600)).fails(1)}},
		{Name: "json", Needs: []string{json1}, Setup: numbers, Steps: []Step{
			query(`SELECT json('{')`).fails(1), exec(`UPDATE numbers SET name = json('nope')`).fails(1),
			query(`SELECT json_extract('{}', 'bad path')`).fails(1),
		}},
		{Name: "raise and misuse", Setup: numbers, Steps: []Step{
			query(`SELECT RAISE(ABORT, 'x')`).fails(1),
			exec(`INSERT INTO numbers(rowid, id) VALUES (1, 2)`).either(),
			exec(`REINDEX nosuch`).fails(1), exec(`ANALYZE nosuch.x`).fails(1),
			exec(`DETACH nosuch`).fails(1), exec(`DROP VIEW numbers`).fails(1), exec(`DROP INDEX nosuch`).fails(1),
		}},
		{Name: "by query", Setup: constraints, Steps: []Step{
			query(`INSERT INTO t(id) VALUES (1)`).fails(1555), query(`DELETE FROM nosuch`).fails(1),
			query(`UPDATE t SET c = 0 RETURNING c`).fails(275), query(`CREATE TABLE t(a)`).fails(1),
			query(`SELECT count(*) FROM t`).gives(`1`),
		}},
	}
}

// foreignKeyCases turn foreign keys on, which is off by default in both
// drivers.
func foreignKeyCases() []Case {
	actions := []string{
		`CREATE TABLE p(id INTEGER PRIMARY KEY, k TEXT UNIQUE)`,
		`CREATE TABLE cascade(p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE)`,
		`CREATE TABLE setnull(p REFERENCES p ON DELETE SET NULL)`,
		`CREATE TABLE setdefault(p DEFAULT 1 REFERENCES p ON DELETE SET DEFAULT)`,
		`CREATE TABLE restricted(p REFERENCES p ON DELETE RESTRICT)`,
		`CREATE TABLE deferred(k REFERENCES p(k) DEFERRABLE INITIALLY DEFERRED)`,
		`INSERT INTO p VALUES (1,'a'), (2,'b'), (3,'c'), (4,'d'), (5,'e')`,
	}
	on := exec(`PRAGMA foreign_keys = ON`)
	return onConn([]Case{
		{Name: "off by default", Setup: family, Steps: []Step{
			query(`PRAGMA foreign_keys`).gives(`0`),
			exec(`INSERT INTO child(parent) VALUES (99)`),
			query(`PRAGMA foreign_key_check`).gives(`child|4|parent|0`),
		}},
		{Name: "insert update delete", NotInTx: alone, Setup: family, Steps: []Step{
			on, query(`PRAGMA foreign_keys`).gives(`1`),
			exec(`INSERT INTO child(parent) VALUES (99)`).fails(787),
			exec(`UPDATE child SET parent = 99`).fails(787),
			exec(`DELETE FROM parent WHERE id = 1`),
			query(`SELECT id FROM child`).gives(`3`),
			exec(`INSERT INTO child(parent) VALUES (NULL)`),
			query(`INSERT INTO child(parent) VALUES (98) RETURNING id`).fails(787),
		}},
		{Name: "on and off again", NotInTx: alone, Setup: family, Steps: []Step{
			on, exec(`INSERT INTO child(parent) VALUES (99)`).fails(787),
			exec(`PRAGMA foreign_keys = OFF`), query(`PRAGMA foreign_keys`).gives(`0`),
			exec(`INSERT INTO child(parent) VALUES (99)`),
			exec(`PRAGMA foreign_keys(1)`), exec(`INSERT INTO child(parent) VALUES (99)`).fails(787),
			exec(`PRAGMA main.foreign_keys = no`), exec(`INSERT INTO child(parent) VALUES (98)`),
		}},
		{Name: "set in a transaction is ignored", NotInTx: ownTx, Setup: family, Steps: []Step{
			begin(nil), on, query(`PRAGMA foreign_keys`).gives(`0`), exec(`INSERT INTO child(parent) VALUES (99)`), commit(),
			query(`PRAGMA foreign_keys`).gives(`0`),
		}},
		{Name: "set before a transaction", NotInTx: ownTx, Setup: family, Steps: []Step{
			on, begin(nil), query(`PRAGMA foreign_keys`).gives(`1`),
			exec(`INSERT INTO child(parent) VALUES (99)`).fails(787),
			exec(`DELETE FROM parent WHERE id = 2`), commit(), query(`SELECT count(*) FROM child`).gives(`2`),
		}},
		{Name: "actions", NotInTx: alone, Setup: actions, Steps: []Step{
			on,
			exec(`INSERT INTO cascade VALUES (2), (2)`), exec(`INSERT INTO setnull VALUES (2)`),
			exec(`INSERT INTO setdefault VALUES (2)`),
			exec(`DELETE FROM p WHERE id = 2`),
			query(`SELECT (SELECT count(*) FROM cascade), (SELECT p FROM setnull), (SELECT p FROM setdefault)`).gives(`0|NULL|1`),
			exec(`INSERT INTO restricted VALUES (3)`), exec(`DELETE FROM p WHERE id = 3`).fails(1811),
			exec(`INSERT INTO cascade VALUES (4)`), exec(`UPDATE p SET id = 40 WHERE id = 4`),
			query(`SELECT p FROM cascade`).gives(`40`),
		}},
		{Name: "deferred alone", NotInTx: alone, Setup: actions, Steps: []Step{
			on, exec(`INSERT INTO deferred VALUES ('nosuch')`).fails(787), exec(`INSERT INTO deferred VALUES ('a')`),
			exec(`DELETE FROM p WHERE k = 'a'`).fails(787),
		}},
		{Name: "deferred in a text", NotInTx: ownTx, Setup: actions, Steps: []Step{
			on, exec(`BEGIN; INSERT INTO deferred VALUES ('new'); INSERT INTO p(k) VALUES ('new'); COMMIT`),
			query(`SELECT * FROM deferred`).gives(`new`),
		}},
		{Name: "defer_foreign_keys", NotInTx: ownTx, Setup: family, Steps: []Step{
			on, begin(nil), exec(`PRAGMA defer_foreign_keys = ON`),
			exec(`INSERT INTO child(parent) VALUES (99)`), exec(`INSERT INTO parent VALUES (99, 'late')`), commit(),
			query(`PRAGMA defer_foreign_keys`).gives(`0`),
			exec(`INSERT INTO child(parent) VALUES (98)`).fails(787),
			query(`SELECT count(*) FROM child`).gives(`4`),
		}},
		{Name: "defer_foreign_keys fails at commit", NotInTx: ownTx, Setup: family, Steps: []Step{
			on, begin(nil), exec(`PRAGMA defer_foreign_keys = ON`), exec(`INSERT INTO child(parent) VALUES (99)`),
			commit().fails(787),
			query(`SELECT count(*) FROM child`).gives(`3`).either(),
		}},
		{Name: "defer_foreign_keys before the transaction", NotInTx: ownTx, Setup: family, Steps: []Step{
			on, exec(`PRAGMA defer_foreign_keys = ON`), query(`PRAGMA defer_foreign_keys`),
			exec(`BEGIN`), exec(`INSERT INTO child(parent) VALUES (99)`).either(), exec(`ROLLBACK`),
			query(`PRAGMA defer_foreign_keys`),
		}},
		{Name: "mismatch", NotInTx: alone, Setup: []string{`CREATE TABLE a(x)`, `CREATE TABLE b(x REFERENCES a(x))`}, Steps: []Step{
			on, exec(`INSERT INTO b VALUES (1)`).fails(1), exec(`INSERT INTO a VALUES (1)`), exec(`DELETE FROM a`).fails(1),
			query(`PRAGMA foreign_key_list(b)`),
		}},
		{Name: "check pragma", Setup: with(family, `INSERT INTO child(id, parent) VALUES (50, 77)`), Steps: []Step{
			query(`PRAGMA foreign_key_check`).gives(`child|50|parent|0`),
			query(`PRAGMA foreign_key_check(child)`).gives(`child|50|parent|0`),
			query(`SELECT "table", rowid FROM pragma_foreign_key_check`).gives(`child|50`),
		}},
		{Name: "drop of a parent", NotInTx: alone, Setup: family, Steps: []Step{
			on, exec(`DROP TABLE parent`), query(`SELECT count(*) FROM child`).gives(`0`),
		}},
		{Name: "drop of a restricting parent", NotInTx: alone, Setup: with(actions, `INSERT INTO restricted VALUES (1)`), Steps: []Step{
			on, exec(`DROP TABLE p`).fails(1811).either(), query(`SELECT count(*) FROM p`).gives(`5`).either(),
		}},
	})
}
