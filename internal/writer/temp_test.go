package writer

import (
	"fmt"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// TestTempInTxLikeBareDriver runs the same statements in a transaction of the
// Writer and in one of a bare connection: rows and errors must be the same.
func TestTempInTxLikeBareDriver(t *testing.T) {
	t.Parallel()
	queries := []string{
		"CREATE TEMP TABLE mine (id INTEGER PRIMARY KEY, v UNIQUE)", "INSERT INTO mine VALUES (5, 'a'), (6, 'b')",
		"SELECT last_insert_rowid(), changes()", "SELECT v FROM mine", "INSERT INTO mine (v) VALUES ('a')",
		"SELECT type, name FROM sqlite_temp_schema", "SELECT name FROM temp.sqlite_master WHERE type = 'table'",
		"INSERT INTO t SELECT id, v FROM mine", "SELECT t.a, mine.v FROM t JOIN temp.mine USING (id)",
		"DELETE FROM t WHERE id IN (SELECT id FROM mine WHERE v = 'b') RETURNING a",
		"CREATE TEMPORARY TABLE copy AS SELECT * FROM t; INSERT INTO copy VALUES (9, 'nine'); SELECT * FROM copy",
		"CREATE TEMP VIEW view AS SELECT id, changes() AS n FROM copy", "SELECT * FROM view", "DROP VIEW temp.view",
		"CREATE INDEX temp.i ON mine (v)", "CREATE TEMP TRIGGER tr AFTER INSERT ON mine BEGIN INSERT INTO t VALUES (new.id, new.v); END",
		"INSERT INTO mine VALUES (7, 'c')", "SELECT * FROM t", "DROP TRIGGER tr",
		"CREATE TEMP TRIGGER tr AFTER INSERT ON main.t BEGIN INSERT INTO mine (v) VALUES (new.a); END",
		"INSERT INTO t VALUES (20, 'fires')", "SELECT v FROM mine",
		"SAVEPOINT s", "CREATE TEMP TABLE t (x)", "INSERT INTO t VALUES (1)", "SELECT * FROM t", "SELECT count(*) FROM main.t",
		"ROLLBACK TO s", "SELECT count(*) FROM t", "SELECT name FROM sqlite_temp_schema", "CREATE TEMP TABLE t (y)", "RELEASE s",
		"SELECT * FROM pragma_table_info('t')", "DROP TABLE t", "SELECT * FROM t", "ALTER TABLE mine RENAME TO yours",
		"SELECT * FROM mine", "SELECT count(*) FROM yours", "CREATE TEMP TABLE yours (x)", "INSERT INTO temp.nosuch VALUES (1)",
		"CREATE TABLE made AS SELECT * FROM yours", "DROP TABLE temp.yours", "SELECT * FROM made",
	}
	onDrivers(t, func(t *testing.T, e *env) {
		other := newBare(t, e.driver)
		for _, sql := range []string{"CREATE TABLE t (id INTEGER PRIMARY KEY, a)", "INSERT INTO t VALUES (1, 'x')"} {
			e.must(sql)
			other.values(sql)
		}
		sess := forward.Session{LastInsertID: 1, Changes: 1}
		tx := e.begin(forward.TxOptions{Session: sess})
		other.values("BEGIN")
		for _, sql := range queries {
			want, wantErr := forBare(other, sql)
			var got string
			rows, err := tx.Query(t.Context(), stmt(sql))
			if err == nil {
				got, err = fetch(rows)
			}
			if got != want || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%s:\n got %q, %v\nwant %q, %v", sql, got, err, want, wantErr)
			}
		}
		_, err := tx.Commit(t.Context())
		wantNoError(t, err)
		other.values("COMMIT")
		const all = "SELECT * FROM t JOIN made"
		e.wantValues(all, other.values(all))
	})
}

// forBare is a query on e's bare connection, with its rows as fetch gives them.
func forBare(e *env, sql string) (string, error) {
	raw, err := e.bare.Query(e.t.Context(), sql, nil)
	if err != nil {
		return "", err
	}
	c := &conn{db: e.bare}
	rows, err := (&Writer{opts: Options{}.normalize()}).collect(c, raw)
	if err != nil {
		return "", err
	}
	return fetch(rows)
}

// TestTempEndsWithTx: whatever ends a transaction, and however, the next
// caller finds nothing of its temp objects.
func TestTempEndsWithTx(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
		for name, end := range map[string]func(forward.Tx) error{
			"commit":   func(tx forward.Tx) error { _, err := tx.Commit(t.Context()); return err },
			"rollback": func(tx forward.Tx) error { return tx.Rollback(t.Context()) },
			"text":     func(tx forward.Tx) error { _, err := tx.Exec(t.Context(), stmt("COMMIT")); return err },
			"expired":  func(of forward.Tx) error { of.(*tx).expire("a test"); return nil },
		} {
			tx := e.begin(forward.TxOptions{Session: forward.Session{LastInsertID: 77}})
			// It hides the table of the same name.
			mustExec(t, tx, "CREATE TEMP TABLE t (a); INSERT INTO t VALUES (2)")
			e.wantRows(tx, "SELECT a FROM t", "2")
			e.wantRows(tx, "SELECT name FROM sqlite_temp_schema", "t")
			if err := end(tx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			res := e.must("UPDATE t SET a = 1")
			if res.Changed != 1 {
				t.Errorf("%s: %+v", name, res)
			}
			other := e.begin(forward.TxOptions{})
			e.wantRows(other, "SELECT a FROM t", "1")
			e.wantRows(other, "SELECT count(*) FROM sqlite_temp_schema", "0")
			wantNoError(t, other.Rollback(t.Context()))
		}
		e.wantValues("SELECT a FROM t", "1")
	})
}

// TestTempOfTxIsNotClassifiedForOthers: what a text means in a transaction
// with temp objects is not remembered for the connections without.
func TestTempOfTxIsNotClassifiedForOthers(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "CREATE TEMP TABLE mine (a)")
		e.wantRows(tx, "SELECT a FROM mine", "")
		wantNoError(t, tx.Rollback(t.Context()))
		stmts, err := e.opts.Classifier.Classify(t.Context(), e.bare, "SELECT a FROM mine")
		wantNoError(t, err)
		if stmts[0].Err == nil {
			t.Errorf("got %+v", stmts[0])
		}
	})
}

func TestTempRefused(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		for _, sql := range []string{
			"ATTACH ':memory:' AS m", "DETACH m", "CREATE TEMP TABLE x (a); ATTACH ':memory:' AS m",
			"PRAGMA temp_store = 2", "VACUUM INTO '/dev/null'", "PRAGMA temp.journal_mode = off",
			"CREATE TEMP TABLE x USING sqlite_dbpage", "CREATE VIRTUAL TABLE temp.x USING sqlite_dbpage",
		} {
			if _, err := tx.Exec(t.Context(), stmt(sql)); err == nil {
				t.Errorf("%s: no error", sql)
			}
		}
		e.wantRows(tx, "SELECT count(*) FROM sqlite_temp_schema", "0")
		wantNoError(t, tx.Rollback(t.Context()))
		for _, sql := range []string{
			"CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END", "BEGIN; CREATE TEMP TABLE x (a); COMMIT",
		} {
			_, err := e.Exec(t.Context(), stmt(sql))
			wantKind(t, err, fault.Unsupported, "")
		}
		read := e.begin(forward.TxOptions{ReadOnly: true})
		_, err := read.Exec(t.Context(), stmt("CREATE TEMP TABLE x (a)"))
		wantKind(t, err, fault.Unsupported, "temp")
		wantNoError(t, read.Rollback(t.Context()))
	})
}

// TestDriversOwnErrors: what the driver itself refuses is told in its words,
// without a code that SQLite never gave, and has run nothing.
func TestDriversOwnErrors(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a, b)")
		st := stmt("INSERT INTO t VALUES (?, ?)", int64(1))
		_, want := e.bare.Exec(t.Context(), st.SQL, st.Args)
		check := func(err error) {
			t.Helper()
			if err == nil || err.Error() != want.Error() || fault.Code(err) != 0 || fault.SafeToRetry(err) {
				t.Errorf("got %#v, want %v", err, want)
			}
		}
		for range 2 { // again from the memory of outcomes
			_, err := e.Exec(t.Context(), st)
			check(err)
		}
		_, err := e.Outcome(t.Context(), st.ID)
		check(err)
		_, err = e.Exec(t.Context(), stmt("BEGIN; INSERT INTO t VALUES (?, ?); COMMIT", int64(1)))
		if err == nil || fault.Code(err) != 0 {
			t.Errorf("got %v", err)
		}
		tx := e.begin(forward.TxOptions{})
		_, err = tx.Exec(t.Context(), st)
		check(err)
		_, err = tx.Query(t.Context(), stmt("SELECT ?, ?", int64(1)))
		if err == nil || fault.Code(err) != 0 {
			t.Errorf("got %v", err)
		}
		if !tx.Open() {
			t.Error("it ended the transaction")
		}
		mustExec(t, tx, "INSERT INTO t VALUES (2, 2)")
		_, err = tx.Commit(t.Context())
		wantNoError(t, err)
		e.wantValues("SELECT a FROM t", "2")
	})
}
