package conformance

import "database/sql"

func txCases() []Case {
	readOnly := &sql.TxOptions{ReadOnly: true}
	return []Case{
		{Name: "commit", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`UPDATE numbers SET n = 61 WHERE n = 60`),
			query(`SELECT count(*), max(n) FROM numbers`).gives(`6|61`),
			commit(),
			query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "rollback", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`DELETE FROM numbers`),
			query(`SELECT count(*) FROM numbers`).gives(`0`),
			rollback(),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "empty", NotInTx: ownTx, Steps: []Step{begin(nil), commit(), begin(nil), rollback()}},
		{Name: "only reads", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil), query(`SELECT sum(n) FROM numbers`).gives(`150`), commit(),
		}},
		{Name: "use after commit", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil), exec(`DELETE FROM numbers WHERE id = 1`), commit(),
			onEndedTx(exec(`DELETE FROM numbers`)).errors("transaction has already been committed"),
			onEndedTx(query(`SELECT 1`)).errors("transaction has already been committed"),
			commit().errors("transaction has already been committed"),
			rollback().errors("transaction has already been committed"),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "use after rollback", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil), exec(`DELETE FROM numbers`), rollback(),
			onEndedTx(exec(`DELETE FROM numbers`)).errors("transaction has already been committed"),
			commit().errors("transaction has already been committed"),
		}},
		{Name: "statement error keeps it usable", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`INSERT INTO nosuch VALUES (1)`).fails(1),
			exec(`SELEC`).fails(1),
			exec(`INSERT INTO numbers(n) VALUES (70)`),
			commit(),
			query(`SELECT count(*) FROM numbers`).gives(`7`),
		}},
		{Name: "constraint error then commit", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`INSERT INTO numbers(id, n) VALUES (6, 60)`),
			exec(`INSERT INTO numbers(id, n) VALUES (7, 70), (6, 61)`).fails(1555),
			query(`SELECT n FROM numbers WHERE id > 5`).gives(`60`),
			commit(),
			query(`SELECT n FROM numbers WHERE id > 5`).gives(`60`),
		}},
		{Name: "error as the first statement", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`INSERT INTO numbers(id) VALUES (1)`).fails(1555),
			exec(`INSERT INTO numbers(id) VALUES (6)`),
			commit(),
			query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "unknown table as the first statement", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			query(`SELECT * FROM nosuch`).fails(1),
			exec(`INSERT INTO numbers(id) VALUES (6)`),
			commit(),
			query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "read-only", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(readOnly), query(`SELECT count(*) FROM numbers`).gives(`5`),
			prepQuery(`SELECT n FROM numbers WHERE id = ?`, bind(1), bind(2)).gives(`10`, `20`),
			commit(),
			begin(readOnly), query(`SELECT count(*) FROM numbers`).gives(`5`), rollback(),
			exec(`DELETE FROM numbers WHERE id = 1`),
		}},
		{Name: "isolation levels", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(&sql.TxOptions{Isolation: sql.LevelSerializable}), exec(`DELETE FROM numbers WHERE id = 1`), commit(),
			begin(&sql.TxOptions{Isolation: sql.LevelReadCommitted}), exec(`DELETE FROM numbers WHERE id = 2`), commit(),
			begin(&sql.TxOptions{Isolation: sql.LevelLinearizable}), exec(`DELETE FROM numbers WHERE id = 3`), commit(),
			query(`SELECT count(*) FROM numbers`).gives(`2`),
		}},
		{Name: "schema change rolled back", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`CREATE TABLE made(a)`),
			exec(`INSERT INTO made VALUES (1)`),
			query(`SELECT * FROM made`).gives(`1`),
			exec(`ALTER TABLE numbers ADD COLUMN extra`),
			exec(`DROP TABLE numbers`),
			rollback(),
			query(`SELECT * FROM made`).fails(1),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "prepared on the tx", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			prepExec(`INSERT INTO numbers(n) VALUES (?)`, bind(1), bind(2), bind(3)),
			prepQuery(`SELECT count(*) FROM numbers WHERE n < ?`, bind(3), bind(4)).gives(`2`, `3`),
			commit(),
		}},
		{Name: "two in a row on one conn", NotInTx: ownTx, OnConn: true, Setup: numbers, Steps: []Step{
			begin(nil), exec(`INSERT INTO numbers(n) VALUES (60)`), rollback(),
			begin(nil), exec(`INSERT INTO numbers(n) VALUES (70)`), commit(),
			query(`SELECT n FROM numbers WHERE id > 5`).gives(`70`),
			query(`SELECT last_insert_rowid()`).gives(`6`),
		}},
		{Name: "nested begin", NotInTx: ownTx, OnConn: true, Setup: numbers, Steps: []Step{
			exec(`BEGIN`),
			begin(nil).fails(1),
			exec(`INSERT INTO numbers(n) VALUES (60)`),
			exec(`COMMIT`),
			query(`SELECT count(*) FROM numbers`).gives(`6`),
		}},
		{Name: "not visible outside", NotInTx: usesConns, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`DELETE FROM numbers`),
			outside(query(`SELECT count(*) FROM numbers`)).gives(`5`),
			query(`SELECT count(*) FROM numbers`).gives(`0`),
			commit(),
			query(`SELECT count(*) FROM numbers`).gives(`0`),
		}},
		{Name: "snapshot of a read-only one", NotInTx: usesConns, Setup: numbers, Steps: []Step{
			begin(readOnly),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
			outside(exec(`DELETE FROM numbers WHERE id = 1`)),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
			commit(),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "deferred foreign key fails at commit", NotInTx: ownTx, OnConn: true, Setup: []string{
			`CREATE TABLE p(id INTEGER PRIMARY KEY)`, `CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`}, Steps: []Step{
			exec(`PRAGMA foreign_keys = ON`),
			begin(nil), exec(`INSERT INTO c VALUES (1)`), commit().fails(787),
		}},
		{Name: "deferred foreign key mended before commit", NotInTx: ownTx, OnConn: true, Setup: []string{
			`CREATE TABLE p(id INTEGER PRIMARY KEY)`, `CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`}, Steps: []Step{
			exec(`PRAGMA foreign_keys = ON`),
			begin(nil), exec(`INSERT INTO c VALUES (1)`), exec(`INSERT INTO p VALUES (1)`), commit(),
			query(`SELECT * FROM c, p`).gives(`1|1`),
		}},
		{Name: "many statements", NotInTx: ownTx, Setup: numbers[:1], Steps: []Step{
			begin(nil), times(300, exec(`INSERT INTO numbers(n) SELECT count(*) FROM numbers`)), commit(),
			query(`SELECT count(*), sum(n) FROM numbers`).gives(`300|44850`),
		}},
		{Name: "rows read in part at commit", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			partly(2, `SELECT n FROM numbers ORDER BY n`).gives(`10`, `20`),
			exec(`DELETE FROM numbers WHERE id = 1`),
			commit(),
			query(`SELECT count(*) FROM numbers`).gives(`4`),
		}},
		{Name: "context of begin ends it", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			canceled(begin(nil)),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "statement with a cancelled context", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil),
			exec(`DELETE FROM numbers WHERE id = 1`),
			canceled(exec(`DELETE FROM numbers WHERE id = 2`)),
			exec(`DELETE FROM numbers WHERE id = 3`),
			commit(),
			query(`SELECT id FROM numbers`).gives(`2`, `4`, `5`),
		}},
	}
}
