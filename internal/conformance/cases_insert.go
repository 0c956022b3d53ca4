package conformance

func insertCases() []Case {
	return []Case{
		{Name: "insert", Setup: numbers[:1], Steps: []Step{
			exec(`INSERT INTO numbers(n, name) VALUES (?, ?)`, 1, "one"),
			exec(`INSERT INTO numbers VALUES (7, 2, 'two'), (9, 3, 'three')`),
			exec(`INSERT INTO numbers DEFAULT VALUES`),
			query(`SELECT * FROM numbers`).gives(`1|1|one`, `7|2|two`, `9|3|three`, `10|NULL|NULL`),
		}},
		{Name: "insert select", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n, name) SELECT n + ?, name || '!' FROM numbers ORDER BY id`, 1),
			exec(`INSERT INTO numbers(n) SELECT 1 WHERE 0`),
			query(`SELECT count(*), max(id) FROM numbers`).gives(`10|10`),
		}},
		{Name: "insert into parts of columns in odd order", Setup: numbers[:1], Steps: []Step{
			exec(`INSERT INTO main.numbers AS x (name, id) VALUES ('a', -5)`),
			query(`SELECT * FROM numbers`).gives(`-5|NULL|a`),
		}},
		{Name: "update", Setup: numbers, Steps: []Step{
			exec(`UPDATE numbers SET n = n + 1 WHERE id < 3`),
			exec(`UPDATE numbers SET n = 0 WHERE 0`),
			exec(`UPDATE numbers SET (n, name) = (SELECT 99, 'x') WHERE id = ?`, 5),
			exec(`UPDATE numbers SET name = name`),
			query(`SELECT n, name FROM numbers ORDER BY id`).gives(`11|ten`, `21|twenty`, `30|thirty`, `40|forty`, `99|x`),
		}},
		{Name: "update from", Setup: family, Steps: []Step{
			exec(`UPDATE child SET age = age + length(p.name) FROM parent p WHERE p.id = child.parent AND p.name = 'ann'`),
			query(`SELECT age FROM child ORDER BY id`).gives(`10`, `8`, `3`),
		}},
		{Name: "delete", Setup: numbers, Steps: []Step{
			exec(`DELETE FROM numbers WHERE n > ?`, 30),
			exec(`DELETE FROM numbers WHERE n > ?`, 30),
			exec(`DELETE FROM numbers`),
			query(`SELECT count(*) FROM numbers`).gives(`0`),
		}},
		{Name: "update and delete with limit", Needs: []string{updateLimit},
			Setup: numbers, Steps: []Step{
				exec(`UPDATE numbers SET n = 0 ORDER BY id DESC LIMIT 2`),
				exec(`DELETE FROM numbers ORDER BY id LIMIT 1 OFFSET 1`),
				query(`SELECT id, n FROM numbers ORDER BY id`).gives(`1|10`, `3|30`, `4|0`, `5|0`),
			}},
		{Name: "with insert update delete", Setup: numbers, Steps: []Step{
			exec(`WITH x(a) AS (VALUES (60), (70)) INSERT INTO numbers(n) SELECT a FROM x`),
			exec(`WITH x AS (SELECT max(n) AS m FROM numbers) UPDATE numbers SET name = 'max' WHERE n = (SELECT m FROM x)`),
			exec(`WITH x AS (SELECT min(n) AS m FROM numbers) DELETE FROM numbers WHERE n = (SELECT m FROM x)`),
			exec(`WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 1000) INSERT INTO numbers(n) SELECT i*1000 FROM c`),
			query(`SELECT count(*), sum(n), max(name) FROM numbers`).gives(`1006|500770|twenty`).either(),
		}},
		{Name: "or ignore", Setup: family, Steps: []Step{
			exec(`INSERT OR IGNORE INTO parent(name) VALUES ('ann'), ('cid'), (NULL)`),
			exec(`INSERT OR IGNORE INTO parent(name) VALUES ('ann')`),
			exec(`UPDATE OR IGNORE parent SET name = 'bob'`),
			query(`SELECT name FROM parent ORDER BY id`).gives(`ann`, `bob`, `cid`),
		}},
		{Name: "or replace",
			Setup: with(family, `CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b)`, `INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2)`),
			Steps: []Step{
				exec(`INSERT OR REPLACE INTO t(a, b) VALUES ('x', 10)`),
				exec(`REPLACE INTO t VALUES (2, 'x', 20)`),
				exec(`UPDATE OR REPLACE t SET id = 5`),
				query(`SELECT * FROM t`).gives(`5|x|20`),
			}},
		{Name: "or abort", Setup: numbers, Steps: []Step{
			exec(`INSERT OR ABORT INTO numbers(id) VALUES (100), (1), (101)`).fails(1555),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "or fail keeps the rows before", Setup: numbers, Steps: []Step{
			exec(`INSERT OR FAIL INTO numbers(id) VALUES (100), (1), (101)`).fails(1555),
			query(`SELECT id FROM numbers WHERE id > 5`).gives(`100`),
			exec(`UPDATE OR FAIL numbers SET id = id + 1 WHERE id IN (3, 100)`).fails(1555),
			query(`SELECT changes(), count(*) FROM numbers`).either(),
		}},
		{Name: "or rollback", Setup: numbers, Steps: []Step{
			exec(`INSERT OR ROLLBACK INTO numbers(id) VALUES (100), (1), (101)`).fails(1555),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}, NotInTx: endsTx},
		{Name: "upsert do nothing", Setup: family, Steps: []Step{
			exec(`INSERT INTO parent(name) VALUES ('ann'), ('dan') ON CONFLICT DO NOTHING`),
			exec(`INSERT INTO parent(name) VALUES ('ann') ON CONFLICT(name) DO NOTHING`),
			exec(`INSERT INTO parent(id, name) VALUES (1, 'eve') ON CONFLICT(name) DO NOTHING`).fails(1555),
			query(`SELECT count(*) FROM parent`).gives(`3`),
		}},
		{Name: "upsert do update",
			Setup: []string{`CREATE TABLE hits(word TEXT PRIMARY KEY, n INT DEFAULT 1, last TEXT)`},
			Steps: []Step{
				exec(`INSERT INTO hits(word) VALUES ('a') ON CONFLICT(word) DO UPDATE SET n = n + 1`),
				exec(`INSERT INTO hits(word) VALUES ('a') ON CONFLICT(word) DO UPDATE SET n = n + 1`),
				exec(`INSERT INTO hits(word, last) VALUES ('a','x'), ('b','y') ON CONFLICT(word) DO UPDATE SET n = n + 1, last = excluded.last WHERE hits.n > 1`),
				exec(`INSERT INTO hits(word) VALUES ('b') ON CONFLICT(word) DO UPDATE SET n = 100 WHERE hits.n > 1`),
				query(`SELECT * FROM hits ORDER BY word`).gives(`a|3|x`, `b|1|y`),
			}},
		{Name: "upsert several targets",
			Setup: []string{`CREATE TABLE t(a INT UNIQUE, b INT UNIQUE, c)`, `INSERT INTO t VALUES (1, 2, 'old')`},
			Steps: []Step{
				exec(`INSERT INTO t VALUES (9, 2, 'new') ON CONFLICT(a) DO NOTHING ON CONFLICT(b) DO UPDATE SET c = 'b: ' || excluded.c`),
				exec(`INSERT INTO t VALUES (1, 9, 'new') ON CONFLICT(a) DO NOTHING ON CONFLICT DO UPDATE SET c = 'last'`),
				query(`SELECT * FROM t`).gives(`1|2|b: new`),
				exec(`INSERT INTO t VALUES (1, 1, 1) ON CONFLICT(c) DO NOTHING`).fails(1),
			}},
		{Name: "upsert on a partial index",
			Setup: []string{`CREATE TABLE t(a, live INT, v)`, `CREATE UNIQUE INDEX u ON t(a) WHERE live`},
			Steps: []Step{
				exec(`INSERT INTO t VALUES ('k', 1, 'x'), ('k', 0, 'y'), ('k', 0, 'z')`),
				exec(`INSERT INTO t VALUES ('k', 1, 'new') ON CONFLICT(a) WHERE live DO UPDATE SET v = excluded.v`),
				query(`SELECT * FROM t ORDER BY v`).gives(`k|1|new`, `k|0|y`, `k|0|z`),
			}},
		{Name: "upsert from select", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(id, n) SELECT id + 3, -n FROM numbers WHERE true ON CONFLICT(id) DO UPDATE SET n = excluded.n`),
			query(`SELECT id, n FROM numbers ORDER BY id`),
		}},
		{Name: "autoincrement", NotInTx: endsTx,
			Setup: []string{`CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, v)`},
			Steps: []Step{
				exec(`INSERT INTO a(v) VALUES (1), (2), (3)`),
				exec(`DELETE FROM a WHERE id = 3`),
				exec(`INSERT INTO a(v) VALUES (4)`),
				query(`SELECT * FROM sqlite_sequence`).gives(`a|4`),
				exec(`INSERT INTO a VALUES (9223372036854775807, 'last')`),
				exec(`INSERT INTO a(v) VALUES ('too many')`).fails(13),
				exec(`UPDATE sqlite_sequence SET seq = 100 WHERE name = 'a'`),
			}},
		{Name: "last rowid", Setup: []string{`CREATE TABLE a(id INTEGER PRIMARY KEY, v)`}, Steps: []Step{
			exec(`INSERT INTO a VALUES (9223372036854775806, 1), (9223372036854775807, 2)`),
			exec(`INSERT INTO a VALUES (-1, 0)`),
			exec(`INSERT INTO a VALUES (0, 0)`),
			exec(`DELETE FROM a WHERE id < 9223372036854775807`),
			query(`SELECT * FROM a`).gives(`9223372036854775807|2`),
		}},
		{Name: "defaults",
			Setup: []string{`CREATE TABLE d(a DEFAULT 5, b TEXT DEFAULT 'x', c DEFAULT (1+1), d DEFAULT NULL, e INT NOT NULL DEFAULT -1, f BLOB DEFAULT x'01')`},
			Steps: []Step{
				exec(`INSERT INTO d DEFAULT VALUES`),
				exec(`INSERT INTO d(a) VALUES (NULL)`),
				query(`SELECT * FROM d`).gives(`5|x|2|NULL|-1|x'01'`, `NULL|x|2|NULL|-1|x'01'`),
			}},
		{Name: "time defaults", Setup: []string{`CREATE TABLE d(id INTEGER PRIMARY KEY, at DEFAULT CURRENT_TIMESTAMP)`}, Steps: []Step{
			exec(`INSERT INTO d DEFAULT VALUES`),
			query(`SELECT length(at), at <= datetime('now'), at > '2020' FROM d`).gives(`19|1|1`),
			exec(`DELETE FROM d`),
		}},
		{Name: "many rows in one statement", Setup: numbers[:1], Steps: []Step{
			exec(`INSERT INTO numbers(n) VALUES ` + joined(2000, "(%d)")),
			exec(`UPDATE numbers SET n = -n`),
			query(`SELECT count(*), sum(n) FROM numbers`).gives(`2000|-2001000`),
		}},
		{Name: "writes to sqlite_schema", Steps: []Step{
			exec(`DELETE FROM sqlite_schema`).fails(1),
			exec(`CREATE TABLE sqlite_mine(a)`).fails(1),
		}},
		{Name: "write of what is read", Setup: numbers, Steps: []Step{
			exec(`DELETE FROM numbers WHERE n = (SELECT max(n) FROM numbers)`),
			exec(`UPDATE numbers SET n = (SELECT sum(n) FROM numbers)`),
			query(`SELECT DISTINCT n FROM numbers`).gives(`100`),
		}},
	}
}
