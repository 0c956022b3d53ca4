package litefwd_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// Whichever node is asked, both see what was written.
func TestWriteToAnyNode(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, replica.DB(), "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
		for i, node := range []*litefwd.Node{primary, replica, primary, replica} {
			res := mustExec(t, node.DB(), "INSERT INTO t(v) VALUES (?)", node.Name())
			if id, _ := res.LastInsertId(); id != int64(i+1) {
				t.Errorf("insert %d on %s: LastInsertId %d", i, node.Name(), id)
			}
			if n, _ := res.RowsAffected(); n != 1 {
				t.Errorf("insert %d on %s: RowsAffected %d", i, node.Name(), n)
			}
			for _, reader := range []*litefwd.Node{primary, replica} {
				if n := queryInt(t, reader.DB(), "SELECT count(*) FROM t"); n != int64(i+1) {
					t.Errorf("after insert %d on %s, %s has %d rows", i, node.Name(), reader.Name(), n)
				}
			}
		}
		if s := replica.Stats(); s.Writes != 3 || s.Misroutes != 0 || s.LocalReads < 4 {
			t.Errorf("replica's stats: %+v", s)
		}
	})
}

func TestReturningByQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver)
		db := replica.DB()
		mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
		rows, err := db.Query("INSERT INTO t(v) VALUES ('a'), ('b'), ('c') RETURNING id, v")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var got []string
		for rows.Next() {
			var id int
			var v string
			if err := rows.Scan(&id, &v); err != nil {
				t.Fatal(err)
			}
			got = append(got, v)
		}
		if err := rows.Err(); err != nil || strings.Join(got, "") != "abc" {
			t.Errorf("rows %v, %v", got, err)
		}
		if n := queryInt(t, replica.Local(), "SELECT count(*) FROM t"); n != 3 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestTransactions(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			before := queryInt(t, node.DB(), "SELECT count(*) FROM t")
			tx, err := node.DB().Begin()
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "INSERT INTO t VALUES (1)")
			if n := queryInt(t, tx, "SELECT count(*) FROM t"); n != before+1 {
				t.Errorf("%s: inside: %d rows", node.Name(), n)
			}
			if n := queryInt(t, node.DB(), "SELECT count(*) FROM t"); n != before {
				t.Errorf("%s: outside: %d rows", node.Name(), n)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if tx, err = node.DB().Begin(); err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "DELETE FROM t")
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
			if n := queryInt(t, node.Local(), "SELECT count(*) FROM t"); n != before+1 {
				t.Errorf("%s: after: %d rows", node.Name(), n)
			}
		}
	})
}

func TestReadOnlyTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			tx, err := node.DB().BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			before := queryInt(t, tx, "SELECT count(*) FROM t")
			mustExec(t, node.DB(), "INSERT INTO t VALUES (1)")
			if n := queryInt(t, tx, "SELECT count(*) FROM t"); n != before {
				t.Errorf("%s: the snapshot moved from %d to %d", node.Name(), before, n)
			}
			_, err = tx.Exec("INSERT INTO t VALUES (2)")
			if !errors.Is(err, &litefwd.SQLError{Code: 8}) {
				t.Errorf("%s: write in a read-only transaction: %v, want SQLITE_READONLY", node.Name(), err)
			}
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestLocalNeverWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		for _, node := range []*litefwd.Node{primary, replica} {
			for _, query := range []string{"CREATE TABLE t(v)", "PRAGMA user_version=3", "PRAGMA journal_mode=delete", "PRAGMA page_size=8192", "VACUUM"} {
				if _, err := node.Local().Exec(query); err == nil {
					t.Errorf("%s: Local ran %s", node.Name(), query)
				}
			}
		}
		if n := queryInt(t, primary.DB(), "SELECT count(*) FROM sqlite_schema"); n != 0 {
			t.Errorf("%d tables", n)
		}
	})
}

// A goroutine that holds a transaction and writes outside it gets an error in
// bounded time, not a deadlock.
func TestWriteBesideOpenTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver, func(c *litefwd.Config) { c.BusyTimeout = 50 * time.Millisecond })
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			tx, err := node.DB().Begin()
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "INSERT INTO t VALUES (1)")
			_, err = node.DB().Exec("INSERT INTO t VALUES (2)")
			if !errors.Is(err, &litefwd.SQLError{Code: 5}) {
				t.Errorf("%s: %v, want SQLITE_BUSY", node.Name(), err)
			}
			if err := tx.Commit(); err != nil {
				t.Errorf("%s: %v", node.Name(), err)
			}
		}
	})
}

func TestTransactionExpires(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			ctx := litefwd.WithTxLimits(t.Context(), 20*time.Millisecond, 0)
			tx, err := node.DB().BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "INSERT INTO t VALUES (1)")
			// The lock is free again once the transaction has expired.
			mustExec(t, node.DB(), "INSERT INTO t VALUES (2)")
			if _, err := tx.Exec("INSERT INTO t VALUES (3)"); !errors.Is(err, litefwd.ErrTxExpired) {
				t.Errorf("%s: statement: %v, want ErrTxExpired", node.Name(), err)
			}
			if err := tx.Commit(); !errors.Is(err, litefwd.ErrTxExpired) {
				t.Errorf("%s: commit: %v, want ErrTxExpired", node.Name(), err)
			}
		}
		if n := queryInt(t, primary.DB(), "SELECT count(*) FROM t WHERE v <> 2"); n != 0 {
			t.Errorf("%d rows of expired transactions", n)
		}
	})
}

// What SQLite keeps per connection follows the application's connection.
func TestConnectionState(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), `
			CREATE TABLE parent(id INTEGER PRIMARY KEY);
			CREATE TABLE child(id INTEGER PRIMARY KEY, p REFERENCES parent(id))`)
		for i, node := range []*litefwd.Node{primary, replica} {
			conn, err := node.DB().Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			exec := func(query string, args ...any) (sql.Result, error) {
				return conn.ExecContext(t.Context(), query, args...)
			}
			query := func(query string) (n int64) {
				t.Helper()
				if err := conn.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
					t.Fatalf("%s: %s: %v", node.Name(), query, err)
				}
				return n
			}
			if _, err := exec("PRAGMA foreign_keys=ON"); err != nil {
				t.Fatal(err)
			}
			if query("PRAGMA foreign_keys") != 1 {
				t.Errorf("%s: foreign_keys reads 0 after it was set", node.Name())
			}
			if _, err := exec("INSERT INTO child(p) VALUES (99)"); !errors.Is(err, &litefwd.SQLError{Code: 19, ExtendedCode: 787}) {
				t.Errorf("%s: violation: %v, want 787", node.Name(), err)
			}
			// Another connection did not ask for it.
			mustExec(t, node.DB(), "INSERT INTO child(id, p) VALUES (?, 98)", 500+1000*i)

			id := int64(500 + i)
			if _, err := exec("INSERT INTO parent(id) VALUES (?), (?)", id-100, id); err != nil {
				t.Fatal(err)
			}
			mustExec(t, primary.DB(), "INSERT INTO child(id) VALUES (?)", 2000+1000*i)
			if got := query("SELECT last_insert_rowid()"); got != id {
				t.Errorf("%s: last_insert_rowid() = %d, want %d", node.Name(), got, id)
			}
			if got := query("SELECT changes()"); got != 2 {
				t.Errorf("%s: changes() = %d, want 2", node.Name(), got)
			}
			if _, err := exec("INSERT INTO child(p) VALUES (last_insert_rowid())"); err != nil {
				t.Errorf("%s: last_insert_rowid() in a write: %v", node.Name(), err)
			}

			if _, err := exec("CREATE TEMP TABLE mine(x)"); err != nil {
				t.Fatalf("%s: %v", node.Name(), err)
			}
			if _, err := exec("INSERT INTO mine VALUES (7), (8)"); err != nil {
				t.Fatalf("%s: %v", node.Name(), err)
			}
			if query("SELECT sum(x) FROM mine") != 15 {
				t.Errorf("%s: temp table", node.Name())
			}
			_, err = exec("INSERT INTO parent SELECT x FROM mine")
			if !errors.Is(err, litefwd.ErrUnsupported) {
				t.Errorf("%s: write from a temp table: %v, want ErrUnsupported", node.Name(), err)
			}
		}
	})
}

func TestTransactionControlAsSQL(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			mustExec(t, node.DB(), "DELETE FROM t")
			conn, err := node.DB().Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, step := range []struct {
				sql  string
				rows int64 // seen by others afterwards
			}{
				{"BEGIN IMMEDIATE", 0},
				{"INSERT INTO t VALUES (1)", 0},
				{"SAVEPOINT a", 0},
				{"INSERT INTO t VALUES (2)", 0},
				{"ROLLBACK TO a", 0},
				{"COMMIT", 1},
				{"SAVEPOINT outer", 1},
				{"INSERT INTO t VALUES (3)", 1},
				{"SAVEPOINT inner", 1},
				{"RELEASE inner", 1},
				{"RELEASE outer", 2},
				{"BEGIN; INSERT INTO t VALUES (4)", 2},
				{"ROLLBACK", 2},
				{"BEGIN; INSERT INTO t VALUES (5); COMMIT", 3},
			} {
				if _, err := conn.ExecContext(t.Context(), step.sql); err != nil {
					t.Fatalf("%s: %s: %v", node.Name(), step.sql, err)
				}
				if n := queryInt(t, node.Local(), "SELECT count(*) FROM t"); n != step.rows {
					t.Errorf("%s: after %s: %d rows, want %d", node.Name(), step.sql, n, step.rows)
				}
			}
			if _, err := conn.ExecContext(t.Context(), "COMMIT"); !errors.Is(err, &litefwd.SQLError{Code: 1}) {
				t.Errorf("%s: COMMIT without transaction: %v", node.Name(), err)
			}
		}
	})
}

// The next node takes over when the primary leaves, and nothing is lost.
func TestTakeover(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, replica.DB(), "CREATE TABLE t(v)")
		mustExec(t, replica.DB(), "INSERT INTO t VALUES (1)")
		if err := primary.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustExec(t, replica.DB(), "INSERT INTO t VALUES (2)")
		if n := queryInt(t, replica.DB(), "SELECT count(*) FROM t"); n != 2 {
			t.Errorf("%d rows", n)
		}
		if replica.Role() != litefwd.RolePrimary {
			t.Errorf("role %v", replica.Role())
		}
		if err := primary.DB().Ping(); err == nil {
			t.Error("a shut down node's DB still answers")
		}
	})
}

// A client forwards everything and waits a bounded time for a primary.
func TestClient(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, _ := openPair(t, driver)
		dir := filepath.Dir(databaseFile(t, primary))
		client := openNode(t, dir, driver, func(c *litefwd.Config) {
			c.Listen, c.PrimaryWait = "", 50*time.Millisecond
		})
		mustExec(t, client.DB(), "CREATE TABLE t(v)")
		if client.Addr() != "" || client.Role() == litefwd.RolePrimary {
			t.Errorf("client: addr %q, role %v", client.Addr(), client.Role())
		}
	})
}

func TestNoPrimary(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		client := openNode(t, t.TempDir(), driver, func(c *litefwd.Config) {
			c.Listen, c.PrimaryWait = "", 30*time.Millisecond
		})
		_, err := client.DB().Exec("CREATE TABLE t(v)")
		if !errors.Is(err, litefwd.ErrNoPrimary) || !litefwd.SafeToRetry(err) {
			t.Errorf("write without a primary: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		if _, err := client.DB().ExecContext(ctx, "CREATE TABLE t(v)"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("write with a shorter deadline: %v", err)
		}
	})
}

func databaseFile(t testing.TB, node *litefwd.Node) string {
	t.Helper()
	var seq int
	var name, file string
	if err := node.Local().QueryRow("PRAGMA database_list").Scan(&seq, &name, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// A peer that holds a transaction open does not keep the role from moving: it
// expires, the next node takes over, and only then is the peer waited for.
func TestShutdownDoesNotHoldTheRole(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver, func(c *litefwd.Config) {
			c.TxIdleLimit, c.PrimaryWait = 50*time.Millisecond, 10*time.Second
		})
		mustExec(t, replica.DB(), "CREATE TABLE t(v)")
		tx, err := replica.DB().Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		mustExec(t, tx, "INSERT INTO t VALUES (1)")

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- primary.Shutdown(ctx) }()
		waitRole(t, replica, litefwd.RolePrimary)
		mustExec(t, replica.DB(), "INSERT INTO t VALUES (2)")
		if err := tx.Commit(); !errors.Is(err, litefwd.ErrTxExpired) {
			t.Errorf("commit: %v, want ErrTxExpired", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}
