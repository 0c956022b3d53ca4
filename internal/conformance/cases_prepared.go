package conformance

import "fmt"

func preparedCases() []Case {
	return []Case{
		{Name: "query 100 times", Setup: numbers, Steps: []Step{
			prepQuery(`SELECT n FROM numbers WHERE id = ?`, cycle(100, bind(1), bind(2), bind(9))...),
		}},
		{Name: "insert 100 times", Setup: numbers[:1], Steps: []Step{
			prepExec(`INSERT INTO numbers(n, name) VALUES (?, ?)`, cycle(100, bind(1, "a"), bind(2, "b"))...),
			query(`SELECT count(*), sum(n) FROM numbers`).gives(`100|150`),
		}},
		{Name: "exec and query on one statement", Setup: numbers, Steps: []Step{
			do("prepare", func(e *Env) error {
				stmt, err := e.Prepare(e.X, `SELECT n FROM numbers WHERE id = ?`)
				if err != nil {
					return err
				}
				defer e.closing("stmt", stmt)
				e.StmtQuery(stmt, 1)
				e.StmtExec(stmt, 2)
				return e.StmtQuery(stmt, 3)
			}),
		}},
		{Name: "write used by query", Setup: numbers, Steps: []Step{
			prepQuery(`DELETE FROM numbers WHERE id = ?`, bind(1), bind(2)), query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "before the table is altered", Setup: numbers, Steps: []Step{
			held(`SELECT * FROM numbers WHERE id = 1`, `ALTER TABLE numbers ADD COLUMN extra DEFAULT 'x'`),
			query(`SELECT * FROM numbers WHERE id = 1`).gives(`1|10|ten|x`),
		}},
		{Name: "before the table is dropped", Setup: numbers, Steps: []Step{
			held(`SELECT * FROM numbers WHERE id = 1`, `DROP TABLE numbers`).fails(1),
		}},
		{Name: "before the table is made anew", Setup: numbers, Steps: []Step{
			held(`SELECT * FROM numbers`, `DROP TABLE numbers; CREATE TABLE numbers(other TEXT); INSERT INTO numbers VALUES ('new')`),
		}},
		{Name: "insert before a column is added", Setup: numbers, Steps: []Step{
			held(`INSERT INTO numbers(n) VALUES (1) RETURNING *`, `ALTER TABLE numbers ADD COLUMN extra DEFAULT 'x'`),
			query(`SELECT count(*) FROM numbers`).gives(`7`),
		}},
		{Name: "before an index and a trigger are made", Setup: numbers, Steps: []Step{
			held(`UPDATE numbers SET n = n + 1 WHERE n = 10 RETURNING n`, `CREATE INDEX i ON numbers(n); CREATE TRIGGER t AFTER UPDATE ON numbers BEGIN DELETE FROM numbers WHERE id = 5; END; UPDATE numbers SET n = 10 WHERE id = 2`),
			query(`SELECT id, n FROM numbers`),
		}},
		{Name: "errors", Setup: numbers, Steps: []Step{
			prepQuery(`SELEC 1`, bind()).fails(1), prepExec(`INSERT INTO numbers VALUES`, bind()).fails(1),
			prepQuery(`SELECT nosuch FROM numbers`, bind()).fails(1),
			prepExec(`INSERT INTO nosuch VALUES (?)`, bind(1)).fails(1),
			prepExec(`INSERT INTO numbers(id) VALUES (?)`, bind(1), bind(6), bind(6), bind(7)).fails(1555),
			query(`SELECT count(*) FROM numbers`).gives(`7`),
		}},
		{Name: "closed", Setup: numbers, Steps: []Step{
			do("use after close", func(e *Env) error {
				stmt, err := e.Prepare(e.X, `SELECT 1`)
				if err != nil {
					return err
				}
				e.Err("close", stmt.Close())
				e.Err("close again", stmt.Close())
				return e.StmtQuery(stmt)
			}).errors("statement is closed"),
		}},
		{Name: "several statements", Setup: numbers, Steps: []Step{
			prepExec(`DELETE FROM numbers WHERE id = 1; DELETE FROM numbers WHERE id = 2`, bind()).either(),
			query(`SELECT count(*) FROM numbers`),
			prepQuery(`SELECT 1; SELECT 2`, bind()).either(),
			prepExec(`DELETE FROM numbers WHERE id = ?; -- end`, bind(3)).either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "DDL", Steps: []Step{
			prepExec(`CREATE TABLE t(a)`, bind()), prepExec(`CREATE TABLE t(a)`, bind()).fails(1),
			prepExec(`CREATE TABLE IF NOT EXISTS t(a)`, bind(), bind()),
			prepExec(`INSERT INTO t VALUES (?)`, bind(1)), prepExec(`DROP TABLE t`, bind()),
			query(`SELECT * FROM t`).fails(1),
		}},
		{Name: "on the tx from the DB", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			do("Tx.Stmt", func(e *Env) error {
				stmt, err := e.DB.PrepareContext(e.Ctx, `INSERT INTO numbers(n) VALUES (?)`)
				if err != nil {
					return e.Err("prepare", err)
				}
				defer e.closing("stmt", stmt)
				for _, keep := range []bool{false, true} {
					tx, err := e.DB.BeginTx(e.Ctx, nil)
					if err != nil {
						return e.Err("begin", err)
					}
					e.StmtExec(tx.StmtContext(e.Ctx, stmt), 60)
					e.StmtExec(tx.StmtContext(e.Ctx, stmt), 70)
					end := tx.Rollback
					if keep {
						end = tx.Commit
					}
					if err := end(); err != nil {
						return e.Err("end", err)
					}
				}
				return e.StmtExec(stmt, 80)
			}),
			query(`SELECT n FROM numbers WHERE id > 5`).gives(`60`, `70`, `80`),
		}},
		{Name: "two at once", Setup: numbers, Steps: []Step{
			do("two statements", func(e *Env) error {
				read, err := e.Prepare(e.X, `SELECT sum(n) FROM numbers`)
				if err != nil {
					return err
				}
				defer e.closing("read", read)
				write, err := e.Prepare(e.X, `UPDATE numbers SET n = n + ?`)
				if err != nil {
					return err
				}
				defer e.closing("write", write)
				for i := range 3 {
					e.StmtExec(write, i)
					e.StmtQuery(read)
				}
				return nil
			}).gives(`150`, `155`, `165`),
		}},
		{Name: "column types", Setup: numbers, Steps: []Step{
			prepQuery(`SELECT id, n AS number, name, n + 1, NULL FROM numbers WHERE id = ?`, bind(1), bind(99)),
		}},
	}
}

// cycle is n sets, taken from sets in turn.
func cycle(n int, sets ...[]any) [][]any {
	out := make([][]any, n)
	for i := range out {
		out[i] = sets[i%len(sets)]
	}
	return out
}

// held prepares query, runs it, runs change beside it, and runs it again.
func held(query, change string) Step {
	return do(fmt.Sprintf("prepare %s, %s, again", clip(query), clip(change)), func(e *Env) error {
		stmt, err := e.Prepare(e.X, query)
		if err != nil {
			return err
		}
		defer e.closing("stmt", stmt)
		if err := e.StmtQuery(stmt); err != nil {
			return err
		}
		if err := e.Exec(e.X, change); err != nil {
			return err
		}
		return e.StmtQuery(stmt)
	})
}
