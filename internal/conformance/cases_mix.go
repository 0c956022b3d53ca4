package conformance

import "database/sql"

// mixCases put together what the other areas try alone, as applications do.
func mixCases() []Case {
	shop := []string{
		`CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock INT NOT NULL CHECK (stock >= 0))`,
		`CREATE TABLE sale(id INTEGER PRIMARY KEY AUTOINCREMENT, item INT REFERENCES item(id), n INT, at DATETIME)`,
		`CREATE INDEX sale_item ON sale(item)`, `CREATE VIEW sold AS SELECT item, sum(n) AS n FROM sale GROUP BY item`,
		`CREATE TRIGGER take AFTER INSERT ON sale BEGIN UPDATE item SET stock = stock - new.n WHERE id = new.item; END`,
		`INSERT INTO item(name, stock) VALUES ('pen', 10), ('ink', 2)`,
	}
	return []Case{
		{Name: "sale", NotInTx: ownTx, Setup: shop, Steps: []Step{
			begin(nil), query(`SELECT id, stock FROM item WHERE name = ?`, "pen").gives(`1|10`),
			query(`INSERT INTO sale(item, n) VALUES (?, ?) RETURNING id`, 1, 3).gives(`1`),
			query(`SELECT stock FROM item WHERE id = 1`).gives(`7`), commit(),
			query(`SELECT * FROM sold`).gives(`1|3`),
		}},
		{Name: "sale of too many", NotInTx: ownTx, Setup: shop, Steps: []Step{
			begin(nil), exec(`INSERT INTO sale(item, n) VALUES (1, 1)`),
			exec(`INSERT INTO sale(item, n) VALUES (2, 3)`).fails(275), query(`SELECT count(*) FROM sale`).gives(`1`),
			exec(`INSERT INTO sale(item, n) VALUES (2, 2)`), commit(),
			query(`SELECT name, stock FROM item ORDER BY id`).gives(`pen|9`, `ink|0`), query(`SELECT id FROM sale`),
		}},
		{Name: "optimistic lock", Setup: shop, Steps: []Step{
			exec(`UPDATE item SET stock = 9 WHERE id = 1 AND stock = 10`),
			exec(`UPDATE item SET stock = 8 WHERE id = 1 AND stock = 10`),
			query(`SELECT stock FROM item WHERE id = 1`).gives(`9`),
		}},
		{Name: "migration in one text", NotInTx: ownTx, OnConn: true, Setup: shop, Steps: []Step{
			exec(`PRAGMA foreign_keys = OFF`),
			exec(`BEGIN; CREATE TABLE item2(id INTEGER PRIMARY KEY, label TEXT, stock INT); INSERT INTO item2 SELECT * FROM item; DROP TRIGGER take; DROP VIEW sold; DROP TABLE item; ALTER TABLE item2 RENAME TO item; PRAGMA user_version = 2; COMMIT`),
			exec(`PRAGMA foreign_keys = ON`), query(`PRAGMA foreign_key_check`).empty(),
			query(`SELECT label FROM item ORDER BY id`).gives(`pen`, `ink`), query(`PRAGMA user_version`).gives(`2`),
			exec(`INSERT INTO sale(item) VALUES (99)`).fails(787),
		}},
		{Name: "migration that fails", NotInTx: ownTx, OnConn: true, Setup: shop, Steps: []Step{
			exec(`BEGIN`), exec(`ALTER TABLE item ADD COLUMN price`), exec(`UPDATE item SET price = 1`),
			exec(`INSERT INTO nosuch VALUES (1)`).fails(1), exec(`ROLLBACK`),
			query(`SELECT * FROM item WHERE id = 1`).gives(`1|pen|10`),
		}},
		{Name: "queue", Setup: []string{`CREATE TABLE job(id INTEGER PRIMARY KEY, state TEXT DEFAULT 'new', data BLOB)`}, Steps: []Step{
			prepExec(`INSERT INTO job(data) VALUES (?)`, bind([]byte("a")), bind([]byte("b")), bind([]byte{})),
			query(`UPDATE job SET state = 'busy' WHERE id = (SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1) RETURNING id, data`).gives(`1|x'61'`),
			query(`UPDATE job SET state = 'busy' WHERE id = (SELECT id FROM job WHERE state = 'new' ORDER BY id LIMIT 1) RETURNING id, data`).gives(`2|x'62'`),
			exec(`DELETE FROM job WHERE state = 'busy'`),
			query(`SELECT state, count(*) FROM job GROUP BY 1`).gives(`new|1`),
		}},
		{Name: "tree",
			Setup: []string{`CREATE TABLE node(id INTEGER PRIMARY KEY, up INT REFERENCES node(id), name TEXT)`, `INSERT INTO node VALUES (1, NULL, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'c')`},
			Steps: []Step{
				query(`WITH RECURSIVE path(id, name) AS (SELECT id, name FROM node WHERE up IS NULL UNION ALL SELECT n.id, p.name || '/' || n.name FROM node n JOIN path p ON n.up = p.id) SELECT name FROM path ORDER BY name`).gives(`root`, `root/a`, `root/a/c`, `root/b`),
				exec(`WITH RECURSIVE below(id) AS (VALUES(2) UNION ALL SELECT n.id FROM node n JOIN below b ON n.up = b.id) DELETE FROM node WHERE id IN below`),
				query(`SELECT id FROM node`).gives(`1`, `3`),
			}},
		{Name: "bulk in a transaction", NotInTx: ownTx, Setup: numbers[:1], Steps: []Step{
			begin(nil), do("prepared inserts", func(e *Env) error {
				stmt, err := e.Prepare(e.X, `INSERT INTO numbers(n, name) VALUES (?, ?)`)
				if err != nil {
					return err
				}
				defer e.closing("stmt", stmt)
				for i := range 500 {
					if _, err := stmt.ExecContext(e.Ctx, i, sql.NullString{String: "x", Valid: i%2 == 0}); err != nil {
						return e.Err("insert", err)
					}
				}
				return nil
			}), query(`SELECT count(*), count(name), sum(n) FROM numbers`).gives(`500|250|124750`), commit(), query(`SELECT max(id) FROM numbers`).gives(`500`),
		}},
		{Name: "key and value",
			Setup: []string{`CREATE TABLE kv(k TEXT PRIMARY KEY, v BLOB, n INT DEFAULT 1) WITHOUT ROWID`},
			Steps: []Step{
				prepExec(`INSERT INTO kv(k, v) VALUES (?, ?) ON CONFLICT(k) DO UPDATE SET v = excluded.v, n = n + 1`, bind("a", []byte("1")), bind("b", "2"), bind("a", nil), bind("a", 3.5)),
				query(`SELECT k, v, n, typeof(v) FROM kv`).gives(`a|3.5|3|real`, `b|2|1|text`),
				query(`DELETE FROM kv WHERE k = ? RETURNING v`, "a").gives(`3.5`),
				exec(`REPLACE INTO kv(k, v) VALUES (?, zeroblob(100000))`, "big"), query(`SELECT k, v FROM kv`),
			}},
		{Name: "savepoint for each item", NotInTx: ownTx, Setup: shop, Steps: []Step{
			begin(nil), exec(`SAVEPOINT one`), exec(`INSERT INTO sale(item, n) VALUES (1, 1)`), exec(`RELEASE one`),
			exec(`SAVEPOINT two`), exec(`INSERT INTO sale(item, n) VALUES (1, 1)`),
			exec(`INSERT INTO sale(item, n) VALUES (2, 100)`).fails(275), exec(`ROLLBACK TO two`),
			exec(`RELEASE two`), commit(),
			query(`SELECT count(*) FROM sale`).gives(`1`),
		}},
	}
}
