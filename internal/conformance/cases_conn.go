package conformance

// connCases are about what belongs to one connection.
func connCases() []Case {
	return onConn([]Case{
		{Name: "begin variants", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`BEGIN`), exec(`DELETE FROM numbers WHERE id = 1`), exec(`COMMIT`),
			exec(`BEGIN DEFERRED TRANSACTION`), exec(`DELETE FROM numbers WHERE id = 2`), exec(`END`),
			exec(`BEGIN IMMEDIATE`), exec(`DELETE FROM numbers WHERE id = 3`), exec(`END TRANSACTION`),
			exec(`BEGIN EXCLUSIVE TRANSACTION`), exec(`DELETE FROM numbers WHERE id = 4`), exec(`COMMIT TRANSACTION`),
			exec(`BEGIN TRANSACTION`), exec(`DELETE FROM numbers`), exec(`ROLLBACK TRANSACTION`),
			query(`SELECT id FROM numbers`).gives(`5`),
		}},
		{Name: "begin by query", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			query(`BEGIN`).either(), exec(`DELETE FROM numbers WHERE id = 1`), query(`COMMIT`).either(),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "begin twice", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`BEGIN`), exec(`BEGIN`).fails(1), exec(`BEGIN IMMEDIATE`).fails(1),
			exec(`DELETE FROM numbers`), exec(`ROLLBACK`),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "end without begin", NotInTx: ownTx, Steps: []Step{
			exec(`COMMIT`).fails(1), exec(`ROLLBACK`).fails(1), exec(`END`).fails(1),
			exec(`RELEASE a`).fails(1), exec(`ROLLBACK TO a`).fails(1),
		}},
		{Name: "empty transactions", NotInTx: ownTx, Steps: []Step{
			exec(`BEGIN`), exec(`COMMIT`), exec(`BEGIN IMMEDIATE`), exec(`ROLLBACK`), exec(`SAVEPOINT a`), exec(`RELEASE a`),
		}},
		{Name: "only reads", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`BEGIN`), query(`SELECT count(*) FROM numbers`).gives(`5`), exec(`COMMIT`),
		}},
		{Name: "prepared control", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			prepExec(`BEGIN`, bind()), exec(`DELETE FROM numbers WHERE id = 1`), prepExec(`COMMIT`, bind()),
			prepExec(`SAVEPOINT s`, bind()), exec(`DELETE FROM numbers`), prepExec(`ROLLBACK TO s`, bind()),
			prepExec(`RELEASE s`, bind()),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "statement error inside", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`BEGIN`),
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`INSERT INTO numbers(id) VALUES (1)`).fails(1555),
			exec(`INSERT INTO nosuch VALUES (1)`).fails(1),
			exec(`COMMIT`),
			query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "savepoints nested", Setup: numbers, Steps: []Step{
			exec(`SAVEPOINT one`), exec(`DELETE FROM numbers WHERE id = 1`),
			exec(`SAVEPOINT two`), exec(`DELETE FROM numbers WHERE id = 2`),
			exec(`SAVEPOINT three`), exec(`DELETE FROM numbers WHERE id = 3`),
			exec(`ROLLBACK TO SAVEPOINT two`),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
			exec(`RELEASE three`).fails(1),
			exec(`DELETE FROM numbers WHERE id = 4`),
			exec(`RELEASE SAVEPOINT one`),
			query(`SELECT id FROM numbers`).gives(`2`, `3`, `5`),
		}},
		{Name: "savepoints of one name", Setup: numbers, Steps: []Step{
			exec(`SAVEPOINT s`), exec(`DELETE FROM numbers WHERE id = 1`),
			exec(`SAVEPOINT s`), exec(`DELETE FROM numbers WHERE id = 2`),
			exec(`ROLLBACK TO s`), exec(`RELEASE s`), exec(`DELETE FROM numbers WHERE id = 3`),
			exec(`ROLLBACK TO "S"`), exec(`RELEASE [s]`),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "rollback ends all savepoints", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`SAVEPOINT a`), exec(`DELETE FROM numbers`), exec(`SAVEPOINT b`), exec(`ROLLBACK`),
			exec(`RELEASE a`).fails(1),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
			exec(`SAVEPOINT a`), exec(`DELETE FROM numbers`), exec(`COMMIT`),
			query(`SELECT count(*) FROM numbers`).gives(`0`),
		}},
		{Name: "savepoint inside begin", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`BEGIN`), exec(`SAVEPOINT a`), exec(`DELETE FROM numbers`), exec(`ROLLBACK TO a`), exec(`RELEASE a`),
			exec(`DELETE FROM numbers WHERE id = 1`), exec(`COMMIT`),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "begin inside savepoint", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`SAVEPOINT a`), exec(`BEGIN`).fails(1), exec(`DELETE FROM numbers WHERE id = 1`), exec(`RELEASE a`),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "deferred foreign key keeps it open", NotInTx: ownTx, Setup: []string{
			`CREATE TABLE p(id INTEGER PRIMARY KEY)`, `CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`}, Steps: []Step{
			exec(`PRAGMA foreign_keys = ON`),
			exec(`BEGIN`), exec(`INSERT INTO c VALUES (1)`), exec(`COMMIT`).fails(787),
			exec(`INSERT INTO p VALUES (1)`), exec(`COMMIT`),
			query(`SELECT * FROM c`).gives(`1`),
			exec(`SAVEPOINT s`), exec(`INSERT INTO c VALUES (2)`), exec(`RELEASE s`).fails(787), exec(`ROLLBACK`),
			query(`SELECT count(*) FROM c`).gives(`1`),
		}},
		{Name: "or rollback inside", NotInTx: endsTx, Setup: numbers, Steps: []Step{
			exec(`BEGIN`), exec(`DELETE FROM numbers WHERE id = 5`),
			exec(`INSERT OR ROLLBACK INTO numbers(id) VALUES (1)`).fails(1555),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
			exec(`COMMIT`).fails(1),
			exec(`DELETE FROM numbers WHERE id = 4`),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "full inside", NotInTx: endsTx, Setup: []string{
			`CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, v)`}, Steps: []Step{
			exec(`BEGIN`), exec(`INSERT INTO a VALUES (9223372036854775807, 1)`),
			exec(`INSERT INTO a(v) VALUES (2)`).fails(13),
			exec(`ROLLBACK`).fails(1),
			query(`SELECT count(*) FROM a`).gives(`0`),
		}},
	})
}

// counterCases are about last_insert_rowid(), changes() and what a Result says.
func counterCases() []Case {
	return onConn([]Case{
		{Name: "after an insert", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60), (70), (80)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`8|3`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`8|3`),
		}},
		{Name: "after update and delete", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`UPDATE numbers SET n = 0 WHERE id < 4`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`6|3`),
			exec(`DELETE FROM numbers WHERE id = 1`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`6|1`),
			exec(`DELETE FROM numbers WHERE id = 1`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`6|0`),
		}},
		{Name: "result after DDL", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60), (70)`),
			exec(`CREATE TABLE made(a)`),
			exec(`CREATE INDEX i ON numbers(n)`),
			exec(`SELECT 1`),
			exec(`PRAGMA user_version`),
			exec(`DROP TABLE made`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`7|2`),
		}},
		{Name: "result after a failed insert", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`INSERT INTO numbers(id) VALUES (90), (1)`).fails(1555),
			query(`SELECT last_insert_rowid(), changes()`),
			exec(`UPDATE numbers SET n = 1 WHERE id = 1`),
		}},
		{Name: "result after a failed fail", Setup: numbers, Steps: []Step{
			exec(`INSERT OR FAIL INTO numbers(id) VALUES (90), (1)`).fails(1555),
			query(`SELECT last_insert_rowid(), changes()`),
		}},
		{Name: "after returning", Setup: numbers, Steps: []Step{
			query(`INSERT INTO numbers(n) VALUES (60), (70) RETURNING id`).gives(`6`, `7`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`7|2`),
			query(`DELETE FROM numbers WHERE id < 4 RETURNING id`).gives(`1`, `2`, `3`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`7|3`),
		}},
		{Name: "with triggers", Setup: with(numbers, `CREATE TABLE log(id INTEGER PRIMARY KEY, what)`,
			`INSERT INTO log VALUES (500, 'start')`,
			`CREATE TRIGGER tr AFTER INSERT ON numbers BEGIN INSERT INTO log(what) VALUES (new.n); INSERT INTO log(what) VALUES (last_insert_rowid()); END`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`6|1`),
			query(`SELECT * FROM log ORDER BY id`),
		}},
		{Name: "in a write", Setup: family, Steps: []Step{
			exec(`INSERT INTO parent(name) VALUES ('cid')`),
			exec(`INSERT INTO child(parent, age) VALUES (last_insert_rowid(), 1)`),
			exec(`UPDATE child SET age = changes() WHERE id = last_insert_rowid()`),
			query(`SELECT * FROM child WHERE id = 4`).gives(`4|3|1`),
		}},
		{Name: "in a write's returning", Setup: family, Steps: []Step{
			query(`INSERT INTO parent(name) VALUES ('cid') RETURNING last_insert_rowid(), changes()`),
			query(`INSERT INTO parent(name) VALUES ('dan') RETURNING last_insert_rowid(), changes()`),
		}},
		{Name: "without rowid keeps it", Setup: with(numbers, `CREATE TABLE w(k PRIMARY KEY) WITHOUT ROWID`), Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`INSERT INTO w VALUES (1), (2)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`6|2`),
		}},
		{Name: "ignored and replaced rows", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`INSERT OR IGNORE INTO numbers(id) VALUES (1), (2)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`6|0`),
			exec(`REPLACE INTO numbers(id) VALUES (1), (2)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`2|2`),
			exec(`INSERT INTO numbers(id) VALUES (3) ON CONFLICT DO UPDATE SET n = 0`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`2|1`).either(),
		}},
		{Name: "in a transaction", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`INSERT INTO numbers(id) VALUES (77)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`77|1`),
			exec(`UPDATE numbers SET n = 1 WHERE id < 3`),
			commit(),
			query(`SELECT last_insert_rowid(), changes()`).gives(`77|2`),
			begin(nil), query(`SELECT last_insert_rowid(), changes()`).gives(`77|2`),
			exec(`INSERT INTO numbers(id) VALUES (88)`), rollback(),
			query(`SELECT last_insert_rowid(), changes()`).gives(`88|1`),
		}},
		{Name: "negative and zero rowids", Setup: numbers[:1], Steps: []Step{
			exec(`INSERT INTO numbers(id) VALUES (-5)`), query(`SELECT last_insert_rowid()`).gives(`-5`),
			exec(`INSERT INTO numbers(id) VALUES (0)`), query(`SELECT last_insert_rowid()`).gives(`0`),
			exec(`INSERT INTO numbers(id) VALUES (-9223372036854775808)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`-9223372036854775808|1`),
			exec(`INSERT INTO numbers(id) VALUES (9223372036854775807)`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`9223372036854775807|1`),
		}},
		{Name: "update of many rows",
			Setup: with(numbers[:1], `WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 2000) INSERT INTO numbers(n) SELECT i FROM c`),
			Steps: []Step{
				exec(`UPDATE numbers SET n = n + 1`),
				query(`SELECT changes()`).gives(`2000`),
			}},
		{Name: "total_changes before any write", Steps: []Step{query(`SELECT total_changes() IS NOT NULL`).gives(`1`)}},
	})
}

func onConn(cases []Case) []Case {
	for i := range cases {
		cases[i].OnConn = true
	}
	return cases
}
