package conformance

// scriptCases are about the text: several statements, comments, spacing.
func scriptCases() []Case {
	return []Case{
		{Name: "several writes by exec", Setup: numbers[:1], Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (1); INSERT INTO numbers(n) VALUES (2), (3); UPDATE numbers SET n = n * 10;`),
			query(`SELECT n FROM numbers`).gives(`10`, `20`, `30`),
		}},
		{Name: "schema and rows by exec", Steps: []Step{
			exec(`CREATE TABLE a(x); CREATE INDEX ax ON a(x); INSERT INTO a VALUES (1); CREATE VIEW v AS SELECT x + 1 AS y FROM a;`),
			query(`SELECT y FROM v`).gives(`2`),
		}},
		{Name: "read then write by exec", Setup: numbers, Steps: []Step{
			exec(`SELECT * FROM numbers; DELETE FROM numbers WHERE id = 1`),
			exec(`DELETE FROM numbers WHERE id = 2; SELECT * FROM numbers`),
			query(`SELECT count(*) FROM numbers`).gives(`3`),
		}},
		{Name: "several reads by query", Setup: numbers, Steps: []Step{
			query(`SELECT n FROM numbers WHERE id = 1; SELECT name FROM numbers WHERE id = 2`).either(),
			query(`SELECT 1 WHERE 0; SELECT 2`).either(),
		}},
		{Name: "write then read by query", Setup: numbers, Steps: []Step{
			query(`INSERT INTO numbers(n) VALUES (60); SELECT n FROM numbers WHERE id = 6`).either(),
			query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "read then write by query", Setup: numbers, Steps: []Step{
			query(`SELECT count(*) FROM numbers; INSERT INTO numbers(n) VALUES (60)`).either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "returning then returning by query", Setup: numbers, Steps: []Step{
			query(`INSERT INTO numbers(n) VALUES (60) RETURNING id; INSERT INTO numbers(n) VALUES (70) RETURNING n`).either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "with arguments by exec", Setup: numbers, Steps: []Step{
			exec(`UPDATE numbers SET n = ? WHERE id = ?; UPDATE numbers SET n = ? WHERE id = ?`, 1, 1, 2, 2).either(),
			query(`SELECT n FROM numbers WHERE id < 3`),
		}},
		{Name: "with too few arguments by exec", Setup: numbers, Steps: []Step{
			exec(`UPDATE numbers SET n = ? WHERE id = 1; UPDATE numbers SET n = ? WHERE id = 2`, 1).either(),
			query(`SELECT n FROM numbers WHERE id < 3`),
		}},
		{Name: "with arguments by query", Setup: numbers, Steps: []Step{
			query(`SELECT ?; SELECT ?`, 1, 2).either(),
			query(`INSERT INTO numbers(n) VALUES (?); SELECT max(n) FROM numbers WHERE n < ?`, 60, 100).either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "numbered arguments shared by statements", Setup: numbers, Steps: []Step{
			exec(`UPDATE numbers SET n = ?1 WHERE id = 1; UPDATE numbers SET n = ?1 WHERE id = 2`, 5).either(),
			query(`SELECT n FROM numbers WHERE id < 3`),
		}},
		{Name: "named arguments shared by statements", Setup: numbers, Steps: []Step{
			exec(`UPDATE numbers SET n = :n WHERE id = 1; UPDATE numbers SET n = :n + 1 WHERE id = 2`, arg("n", 5)).either(),
			query(`SELECT n FROM numbers WHERE id < 3`),
		}},
		{Name: "error in the middle", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60); INSERT INTO numbers(id) VALUES (1); INSERT INTO numbers(n) VALUES (70)`).fails(1555),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "syntax error in the middle", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60); INSRT INTO numbers(n) VALUES (70)`).fails(1),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "made and used in one text", Steps: []Step{
			exec(`CREATE TABLE fresh(a); INSERT INTO fresh VALUES (1), (2)`),
			query(`SELECT count(*) FROM fresh`).gives(`2`),
			exec(`DROP TABLE fresh; CREATE TABLE fresh(a, b); INSERT INTO fresh VALUES (1, 2)`),
			query(`SELECT * FROM fresh`).gives(`1|2`),
		}},
		{Name: "comments", Setup: numbers, Steps: []Step{
			query("-- a comment; with a semicolon\nSELECT 1 -- and another").gives(`1`),
			query("/* SELECT 2; */ SELECT /* 'x' */ 3 /* unclosed").gives(`3`),
			exec("/* INSERT */ -- INSERT\n DELETE /* ; */ FROM numbers -- WHERE id = 1\n WHERE id = 2"),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
			query(`SELECT '-- no comment', '/* nor this */'`).gives(`-- no comment|/* nor this */`),
		}},
		{Name: "odd spacing", Setup: numbers, Steps: []Step{
			query("\n\t\r\n  select\n1\n;\n\n").gives(`1`),
			query(";;  ;SELECT 2").either(),
			exec("\t\tdElEtE\r\nFROM\fnumbers\tWHERE(id)=1;;;  -- end"),
			query(`SELECT(1)+(2),'a'AS"b"`).gives(`3|a`),
			query(`SELECT count(*)FROM"numbers"`).gives(`4`),
		}},
		{Name: "byte order mark", Steps: []Step{query("\ufeffSELECT 1").either()}},
		{Name: "empty by exec", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(id, n) VALUES (6, 60)`), exec(`DELETE FROM numbers WHERE id = 6`),
			exec(``), exec(`  `), exec(`;`), exec(` ; ; `), exec(`-- nothing`), exec(`/* nothing */`),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "empty by query", Steps: []Step{
			query(``).either(), query(`;`).either(), query(`-- nothing`).either(),
		}},
		{Name: "empty prepared", NotOn: map[string]string{"sqlite3": "mattn/go-sqlite3 crashes the process (sqlite3_reset of NULL)"}, Steps: []Step{
			prepExec(``, bind()).either(), prepQuery(`-- nothing`, bind()).either(),
		}},
		{Name: "empty with arguments", Steps: []Step{
			exec(``, 1).either(), query(`/* ? */`, 1).either(),
		}},
		{Name: "comment with arguments", Steps: []Step{exec(`-- ?`, 1).either()}},
		{Name: "trailing comment after a write", Setup: numbers, Steps: []Step{
			exec(`DELETE FROM numbers WHERE id = 1; -- done`),
			exec(`DELETE FROM numbers WHERE id = 2 /* done */`),
			query(`DELETE FROM numbers WHERE id = 3 RETURNING id; -- done`).either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "semicolons inside", Setup: numbers, Steps: []Step{
			query(`SELECT ';', "id" FROM numbers WHERE name <> ';' AND id = 1`).gives(`;|1`),
			exec(`CREATE TRIGGER t AFTER DELETE ON numbers BEGIN INSERT INTO numbers(n) VALUES (old.n); UPDATE numbers SET name = ';' WHERE n = old.n; END; DELETE FROM numbers WHERE id = 1`),
			query(`SELECT n, name FROM numbers WHERE name = ';'`).gives(`10|;`),
		}},
		{Name: "NUL in the text", Setup: numbers, Steps: []Step{
			query("SELECT 1\x00, 2").either(),
			exec("DELETE FROM numbers WHERE id = 1\x00 OR 1").either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "invalid UTF-8 in the text", Setup: numbers, Steps: []Step{
			query("SELECT 'a\xff'").either(),
			exec("UPDATE numbers SET name = 'a\xff\xfe' WHERE id = 1").either(),
			query(`SELECT name, hex(name) FROM numbers WHERE id = 1`),
		}},
		{Name: "long text", Setup: numbers[:1], Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (1) /* ` + repeated(30_000, "x") + ` */`),
			query(`SELECT ` + joined(1500, "%d")),
		}},
		{Name: "transaction in one text", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`BEGIN; INSERT INTO numbers(n) VALUES (60); INSERT INTO numbers(n) VALUES (70); COMMIT`),
			query(`SELECT count(*) FROM numbers`).gives(`7`),
			exec(`BEGIN IMMEDIATE; DELETE FROM numbers; ROLLBACK;`),
			query(`SELECT count(*) FROM numbers`).gives(`7`),
		}},
		{Name: "transaction in one text fails", NotInTx: ownTx, OnConn: true, Setup: numbers, Steps: []Step{
			exec(`BEGIN; INSERT INTO numbers(n) VALUES (60); INSERT INTO numbers(id) VALUES (1); COMMIT`).fails(1555),
			query(`SELECT count(*) FROM numbers`).gives(`6`),
			exec(`ROLLBACK`),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "savepoints in one text", Setup: numbers, Steps: []Step{
			exec(`SAVEPOINT a; DELETE FROM numbers WHERE id = 1; SAVEPOINT b; DELETE FROM numbers; ROLLBACK TO b; RELEASE a`),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
	}
}
