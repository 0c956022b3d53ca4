package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func mustExec(t *testing.T, tx forward.Tx, sql string, args ...any) forward.Result {
	t.Helper()
	res, err := tx.Exec(t.Context(), stmt(sql, args...))
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return res
}

func TestTx(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)")
		for _, mode := range []string{"", "deferred", "immediate", "exclusive"} {
			e.must("DELETE FROM t")
			tx := e.begin(forward.TxOptions{Mode: mode, Session: forward.Session{LastInsertID: 5}})
			wantResult(t, mustExec(t, tx, "UPDATE t SET a = 1"), 5, 0, 0)
			wantResult(t, mustExec(t, tx, "INSERT INTO t (a) VALUES (?), (?)", int64(1), int64(2)), 2, 2, 2)
			e.wantRows(tx, "SELECT a FROM t", "1 2")
			e.wantRows(tx, "SELECT changes()", "2")
			e.wantRows(tx, "SELECT last_insert_rowid()", "2")
			e.wantValues("SELECT count(*) FROM t", "0")
			_, err := tx.Exec(t.Context(), stmt("INSERT INTO t (a) VALUES (3), (1)"))
			wantCode(t, err, 19)
			wantResult(t, mustExec(t, tx, "INSERT INTO t (a) VALUES (4); CREATE TABLE IF NOT EXISTS x (a)"), 3, 1, 1)
			res, err := tx.Commit(t.Context())
			wantNoError(t, err)
			if res.LastInsertID != 3 || res.Position.IsZero() {
				t.Errorf("Commit: %+v", res)
			}
			if tx.Open() {
				t.Error("open after Commit")
			}
			wantNoError(t, tx.Rollback(t.Context()))
			_, err = tx.Exec(t.Context(), stmt("INSERT INTO t (a) VALUES (5)"))
			wantKind(t, err, fault.TxExpired, "committed")
			e.wantValues("SELECT a FROM t", "1 2 4")
		}
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "DELETE FROM t")
		wantNoError(t, tx.Rollback(t.Context()))
		e.wantValues("SELECT count(*) FROM t", "3")
		_, err := e.Begin(t.Context(), forward.TxOptions{Mode: "lazy"})
		wantKind(t, err, fault.Protocol, "lazy")
	})
}

func TestTxChangesOfOthers(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
		tx := e.begin(forward.TxOptions{Session: forward.Session{LastInsertID: 8, Changes: 5}})
		defer tx.Rollback(t.Context())
		e.wantRows(tx, "SELECT changes(), last_insert_rowid()", "5 8")
		wantResult(t, mustExec(t, tx, "CREATE TABLE u (a)"), 8, 5, 0)
		wantResult(t, mustExec(t, tx, "SELECT changes()"), 8, 5, 0)
		e.wantRows(tx, "UPDATE t SET a = 10 * changes() WHERE a = 2 RETURNING a", "50")
		e.wantRows(tx, "SELECT changes(), last_insert_rowid()", "1 8")
		_, err := tx.Query(t.Context(), stmt("SELECT total_changes()"))
		wantKind(t, err, fault.Unsupported, "RowsAffected")
		e.wantRows(tx, "SELECT count(*) FROM sqlite_temp_schema", "0")
	})
}

func TestTxQuery(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		rows, err := tx.Query(t.Context(), stmt("INSERT INTO t VALUES (1), (2), (3) RETURNING a"))
		wantNoError(t, err)
		got, err := fetch(rows)
		if got != "1 2 3" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		wantResult(t, rows.Result(), 3, 3, 3)

		// Rows that are still open do not keep COMMIT from committing.
		rows, err = tx.Query(t.Context(), stmt("INSERT INTO t VALUES (4), (5) RETURNING a"))
		wantNoError(t, err)
		dest := make([]driver.Value, 1)
		wantNoError(t, rows.Next(dest))
		read, err := tx.Query(t.Context(), stmt("SELECT a FROM t"))
		wantNoError(t, err)
		mustExec(t, tx, "INSERT INTO t VALUES (6)")
		wantNoError(t, read.Next(dest))
		_, err = tx.Commit(t.Context())
		wantNoError(t, err)
		wantKind(t, read.Next(dest), fault.TxExpired, "over")
		wantNoError(t, read.Close())
		wantNoError(t, rows.Close())
		if len(rows.Columns()) != 1 {
			t.Error("no columns after the end")
		}
		e.wantValues("SELECT count(*) FROM t", "6")
	})
}

func TestTxEndedBySQL(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		for _, c := range []struct {
			sql  string
			want string
			open bool
		}{
			{"COMMIT", "1", false},
			{"END", "1", false},
			{"ROLLBACK", "", false},
			{"SAVEPOINT a; INSERT INTO t VALUES (2); RELEASE a", "", true},
			{"SAVEPOINT a; INSERT INTO t VALUES (2); ROLLBACK TO a", "", true},
			{"COMMIT; INSERT INTO t VALUES (3)", "1 3", false},
			{"ROLLBACK; BEGIN; INSERT INTO t VALUES (4)", "", true},
			{"COMMIT; BEGIN; INSERT INTO t VALUES (4); COMMIT", "1 4", false},
		} {
			e.must("DELETE FROM t")
			tx := e.begin(forward.TxOptions{})
			mustExec(t, tx, "INSERT INTO t VALUES (1)")
			mustExec(t, tx, c.sql)
			if tx.Open() != c.open {
				t.Errorf("%s: open is %v", c.sql, tx.Open())
			}
			if !c.open {
				_, err := tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (9)"))
				wantKind(t, err, fault.TxExpired, "over")
			}
			wantNoError(t, tx.Rollback(t.Context()))
			e.wantValues("SELECT a FROM t", c.want)
		}
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (8)")
		e.wantRows(tx, "COMMIT", "")
		if tx.Open() {
			t.Error("open after COMMIT by Query")
		}
	})
}

// TestSQLiteRollsBack: what comes after SQLite has ended the transaction must
// not be committed on its own.
func TestSQLiteRollsBack(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a UNIQUE)")
		id := forward.NewID()
		tx := e.begin(forward.TxOptions{ID: id})
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		_, err := tx.Exec(t.Context(), stmt("INSERT OR ROLLBACK INTO t VALUES (1)"))
		wantCode(t, err, 19)
		if tx.Open() {
			t.Error("still open")
		}
		_, err = tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (2)"))
		wantKind(t, err, fault.TxExpired, "SQLite rolled the transaction back: ")
		_, err = tx.Query(t.Context(), stmt("SELECT 1"))
		wantKind(t, err, fault.TxExpired, "SQLite rolled the transaction back: ")
		_, err = tx.Commit(t.Context())
		wantKind(t, err, fault.TxExpired, "UNIQUE")
		wantNoError(t, tx.Rollback(t.Context()))
		_, err = e.Outcome(t.Context(), id)
		wantKind(t, err, fault.TxExpired, "UNIQUE")
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

func TestDatabaseFull(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		mustExec(t, tx, "PRAGMA max_page_count = 10")
		_, err := tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (zeroblob(1000000))"))
		wantCode(t, err, fault.CodeFull)
		if tx.Open() { // SQLite may or may not roll back; either is told
			_, err = tx.Commit(t.Context())
			wantNoError(t, err)
			e.wantValues("SELECT a FROM t", "1")
		} else {
			_, err = tx.Commit(t.Context())
			wantKind(t, err, fault.TxExpired, "SQLite rolled the transaction back")
			e.wantValues("SELECT count(*) FROM t", "0")
		}
		tx.Rollback(t.Context())
		e.must("INSERT INTO t VALUES (zeroblob(1000000))") // the limit is gone again
	})
}

func TestTxReadOnly(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
		tx := e.begin(forward.TxOptions{ReadOnly: true})
		e.must("INSERT INTO t VALUES (2)") // the slot is free
		e.wantRows(tx, "SELECT a FROM t", "1")
		_, err := tx.Exec(t.Context(), stmt("DELETE FROM t"))
		wantCode(t, err, fault.CodeReadOnly)
		e.wantRows(tx, "SELECT a FROM t", "1")
		res, err := tx.Commit(t.Context())
		wantNoError(t, err)
		if !res.Position.IsZero() {
			t.Errorf("a read has position %v", res.Position)
		}
		e.wantRows(e, "SELECT a FROM t", "1 2")
	})
}

func TestTxCancel(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		ctx, cancel := context.WithCancel(t.Context())
		g, n := newGate(t)
		go func() {
			<-g.entered
			cancel()
			close(g.open)
		}()
		// The interrupt arrives while the endless part runs.
		_, err := tx.Exec(ctx, stmt("INSERT INTO t WITH RECURSIVE r (a) AS (SELECT gate(?) UNION ALL SELECT a + 1 FROM r) SELECT a FROM r", n))
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		wantCode(t, err, fault.CodeInterrupt)
		// An interrupted write rolls back, as SQLite has it.
		if tx.Open() {
			t.Error("still open")
		}
		_, err = tx.Commit(t.Context())
		wantKind(t, err, fault.TxExpired, "SQLite rolled the transaction back")
		e.must("INSERT INTO t VALUES (2)")
		e.wantValues("SELECT a FROM t", "2")

		// An interrupted read does not.
		tx = e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (3)")
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = tx.Query(ctx, stmt("SELECT a FROM t"))
		if !errors.Is(err, context.Canceled) || !tx.Open() {
			t.Errorf("got %v, open %v", err, tx.Open())
		}
		_, err = tx.Commit(ctx)
		if !errors.Is(err, context.Canceled) || !tx.Open() {
			t.Errorf("got %v, open %v", err, tx.Open())
		}
		_, err = tx.Commit(t.Context())
		wantNoError(t, err)
		e.wantValues("SELECT a FROM t", "2 3")
	})
}

func TestIdleLimit(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		id := forward.NewID()
		tx := e.begin(forward.TxOptions{ID: id, IdleLimit: 20 * time.Millisecond})
		_, err := tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (1)"))
		if err == nil {
			_, err = e.Outcome(t.Context(), id) // waits for the end
		}
		wantKind(t, err, fault.TxExpired, "rolled back")
		wantKind(t, err, fault.TxExpired, "20ms (IdleLimit)")
		e.must("INSERT INTO t VALUES (2)") // at once
		for _, call := range []func() error{
			func() error { _, err := tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (3)")); return err },
			func() error { _, err := tx.Query(t.Context(), stmt("SELECT 1")); return err },
			func() error { _, err := tx.Commit(t.Context()); return err },
		} {
			wantKind(t, call(), fault.TxExpired, "IdleLimit")
		}
		wantNoError(t, tx.Rollback(t.Context()))
		e.wantValues("SELECT a FROM t", "2")
		if s := e.Stats(); s.Expired != 1 || s.Open != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestStalledRows(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)")
		dest := make([]driver.Value, 1)
		tx := e.begin(forward.TxOptions{})
		inTx, err := tx.Query(t.Context(), stmt("SELECT a FROM t"))
		wantNoError(t, err)
		stream, err := e.Query(t.Context(), stmt("SELECT a FROM t"))
		wantNoError(t, err)
		for _, rows := range []forward.Rows{inTx, stream} {
			if err := rows.Next(dest); err != nil {
				wantKind(t, err, fault.TxExpired, "IdleLimit") // slow machine
			}
		}
		eventually(t, "both expire", func() bool { return e.Stats().Open == 0 })
		for _, rows := range []forward.Rows{inTx, stream} {
			wantKind(t, rows.Next(dest), fault.TxExpired, "nothing ran in it for 50ms (IdleLimit)")
			wantNoError(t, rows.Close())
		}
		e.must("INSERT INTO t VALUES (4)")
	}, func(o *Options) { o.IdleLimit = 50 * time.Millisecond })
}

func TestTotalLimit(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{TotalLimit: 50 * time.Millisecond})
		// It is interrupted in the middle of a statement.
		_, err := tx.Exec(t.Context(), stmt("INSERT INTO t WITH RECURSIVE r (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r) SELECT a FROM r"))
		wantKind(t, err, fault.TxExpired, "longer than 50ms (TotalLimit)")
		wantKind(t, err, fault.TxExpired, "rolled back")
		e.must("INSERT INTO t VALUES (1)")
		_, err = tx.Commit(t.Context())
		wantKind(t, err, fault.TxExpired, "TotalLimit")
		// Statements in quick succession do not prolong it.
		tx = e.begin(forward.TxOptions{TotalLimit: 50 * time.Millisecond, ReadOnly: true})
		for err = nil; err == nil; {
			var rows forward.Rows
			if rows, err = tx.Query(t.Context(), stmt("SELECT a FROM t")); err == nil {
				_, err = fetch(rows)
			}
		}
		wantKind(t, err, fault.TxExpired, "TotalLimit")
		e.wantValues("SELECT a FROM t", "1")
	})
}

func TestCommitBusy(t *testing.T) {
	t.Parallel()
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, d, func(o *Options) {
				c := o.Connector.(dsnConnector)
				pragmas := []string{"journal_mode=DELETE", "busy_timeout=1"}
				o.Connector = dsnConnector{c.driver, d.dsn(dsnPath(c.dsn), pragmas...)}
			})
			reader := d.connector(t, e.path, "busy_timeout=1", "journal_mode=DELETE")
			e.bare.Close()
			e.bare = connectBare(t, reader)
			e.must("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
			_, err := e.bare.Exec(t.Context(), "BEGIN", nil)
			wantNoError(t, err)
			e.wantValues("SELECT a FROM t", "1") // holds SHARED: COMMIT has to wait
			_, err = e.Exec(t.Context(), stmt("INSERT INTO t VALUES (2)"))
			wantCode(t, err, fault.CodeBusy)
			tx := e.begin(forward.TxOptions{})
			mustExec(t, tx, "INSERT INTO t VALUES (3)")
			_, err = tx.Commit(t.Context())
			wantCode(t, err, fault.CodeBusy)
			if !tx.Open() {
				t.Fatal("BUSY has to leave the transaction open")
			}
			_, err = e.bare.Exec(t.Context(), "COMMIT", nil)
			wantNoError(t, err)
			_, err = tx.Commit(t.Context())
			wantNoError(t, err)
			e.wantValues("SELECT a FROM t", "1 3")
		})
	}
}
