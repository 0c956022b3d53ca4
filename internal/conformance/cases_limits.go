package conformance

import "database/sql"

// limitCases are what doc.go says litefwd refuses or does otherwise; all but
// the first few are marked in differences.go.
func limitCases() []Case {
	return onConn([]Case{
		{Name: "settings stay with their connection", NotInTx: usesConns, Setup: family, Steps: []Step{
			exec(`PRAGMA foreign_keys = ON`), outside(exec(`INSERT INTO child(id, parent) VALUES (50, 99)`)),
			exec(`INSERT INTO child(id, parent) VALUES (51, 99)`).fails(787),
			exec(`PRAGMA ignore_check_constraints = ON`),
			outside(exec(`INSERT INTO child(age) VALUES (-1)`)).fails(275),
			exec(`INSERT INTO child(id, age) VALUES (60, -1)`),
			outside(query(`PRAGMA foreign_keys`)).gives(`0`), query(`PRAGMA foreign_keys`).gives(`1`),
		}},
		{Name: "counters stay with their connection", NotInTx: usesConns, Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(id) VALUES (70)`), outside(exec(`INSERT INTO numbers(id) VALUES (80), (81)`)),
			query(`SELECT last_insert_rowid(), changes()`).gives(`70|1`),
			outside(query(`SELECT last_insert_rowid(), changes()`)).gives(`81|2`),
			outside(exec(`DELETE FROM numbers WHERE id > 69`)), exec(`UPDATE numbers SET n = 0 WHERE id < 3`),
			query(`SELECT last_insert_rowid(), changes()`).gives(`70|2`),
		}},
		{Name: "writes of one connection are seen by all at once", NotInTx: usesConns, Setup: numbers, Steps: []Step{
			times(20, do("write here, read there", func(e *Env) error {
				if err := e.Exec(e.X, `UPDATE numbers SET n = n + 1 WHERE id = 1`); err != nil {
					return err
				}
				return e.Query(e.DB, `SELECT n FROM numbers WHERE id = 1`)
			})),
		}},
		{Name: "schema of one connection is seen by all at once", NotInTx: usesConns, Setup: numbers, Steps: []Step{
			outside(query(`SELECT * FROM numbers WHERE id = 1`)),
			exec(`ALTER TABLE numbers ADD COLUMN x DEFAULT 'x'`),
			outside(query(`SELECT * FROM numbers WHERE id = 1`)).gives(`1|10|ten|x`),
			exec(`CREATE TABLE made(a)`), outside(query(`SELECT * FROM made`)).empty(),
			outside(exec(`DROP TABLE made`)), query(`SELECT * FROM made`).fails(1),
			query(`SELECT count(*) FROM pragma_table_info('numbers')`).gives(`4`),
		}},
		{Name: "a write lock is waited for", NotInTx: usesConns, Setup: numbers, Steps: []Step{
			begin(nil), exec(`DELETE FROM numbers WHERE id = 1`), commit(),
			outside(exec(`DELETE FROM numbers WHERE id = 2`)), exec(`DELETE FROM numbers WHERE id = 3`),
			query(`SELECT count(*) FROM numbers`).gives(`2`),
		}},
		{Name: "write in a read-only transaction", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(&sql.TxOptions{ReadOnly: true}), exec(`DELETE FROM numbers WHERE id = 1`).either(),
			query(`SELECT count(*) FROM numbers`), rollback(),
		}},
		{Name: "total_changes after a write", Setup: numbers, Steps: []Step{
			exec(`DELETE FROM numbers WHERE id = 1`), query(`SELECT total_changes() > 0`).gives(`1`),
		}},
		{Name: "write that reads a temp table", Setup: numbers, Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v)`), exec(`INSERT INTO mine VALUES (60)`),
			exec(`INSERT INTO numbers(n) SELECT v FROM mine`),
			exec(`DELETE FROM numbers WHERE n IN (SELECT v FROM temp.mine)`), exec(`DROP TABLE mine`),
		}, NotInTx: "temp objects are not for transactions"},
		{Name: "temp trigger on a main table", NotInTx: "temp objects are not for transactions",
			Setup: with(numbers, `CREATE TABLE log(n)`),
			Steps: []Step{
				exec(`CREATE TEMP TRIGGER t AFTER INSERT ON main.numbers BEGIN INSERT INTO log VALUES (new.n); END`),
				exec(`INSERT INTO numbers(n) VALUES (60)`),
			}},
		{Name: "temp table used in a transaction", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			exec(`CREATE TEMP TABLE mine(v)`), exec(`INSERT INTO mine VALUES (1)`), begin(nil),
			query(`SELECT * FROM mine`), exec(`INSERT INTO mine VALUES (2)`),
			exec(`DELETE FROM numbers WHERE id = 1`), commit(), query(`SELECT count(*) FROM mine`),
		}},
		{Name: "unsafe journal and locking modes", NotInTx: alone, Steps: []Step{
			exec(`PRAGMA journal_mode = MEMORY`), exec(`PRAGMA journal_mode = OFF`),
			exec(`PRAGMA locking_mode = EXCLUSIVE`), exec(`PRAGMA locking_mode = NORMAL`),
			query(`SELECT 1`).gives(`1`),
		}},
		{Name: "query_only", Steps: []Step{
			query(`PRAGMA query_only`), exec(`PRAGMA query_only = ON`), exec(`PRAGMA query_only = OFF`),
			exec(`CREATE TABLE t(a)`),
		}},
		{Name: "writable_schema", Setup: numbers, Steps: []Step{
			exec(`PRAGMA writable_schema = ON`), exec(`PRAGMA writable_schema = OFF`),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "changes of very many rows", Setup: numbers[:1], Steps: []Step{
			exec(`WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 100001) INSERT INTO numbers(n) SELECT 0 FROM c`),
			query(`SELECT changes()`), exec(`DELETE FROM numbers`),
		}},
	})
}
