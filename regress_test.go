package litefwd_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// Each test here is a defect that was found once.

func mustConn(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func connExec(t *testing.T, conn *sql.Conn, query string) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func connInt(t *testing.T, conn *sql.Conn, query string) (n int64) {
	t.Helper()
	if err := conn.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Losing the role closed the handles of idle connections under their prepared
// statements, which crashed modernc.org/sqlite.
func TestStmtOutlivesRole(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		stmt, err := c.DB(0).Prepare("SELECT count(*) FROM t")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := c.Failover(ctx, 1); err != nil {
			t.Fatal(err)
		}
		waitRole(t, c.Node(0), litefwd.RoleReplica)
		var n int
		if err := stmt.QueryRow().Scan(&n); err != nil {
			t.Errorf("after the role was lost: %v", err)
		}
		if err := stmt.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// SQLite runs many PRAGMAs while it compiles them.
func TestPreparedPragmaDoesNotRun(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver)
		conn := mustConn(t, replica.DB())
		for _, query := range []string{"PRAGMA query_only=0", "EXPLAIN PRAGMA query_only=0", "PRAGMA locking_mode=EXCLUSIVE"} {
			if _, err := conn.PrepareContext(t.Context(), query); !errors.Is(err, litefwd.ErrUnsupported) {
				t.Errorf("prepare %s: %v, want ErrUnsupported", query, err)
			}
		}
		if stmt, err := conn.PrepareContext(t.Context(), "PRAGMA cache_size=7"); err != nil {
			t.Error(err)
		} else {
			stmt.Close()
		}
		if connInt(t, conn, "PRAGMA query_only") != 1 || connInt(t, conn, "PRAGMA cache_size") == 7 {
			t.Error("preparing a PRAGMA ran it")
		}
	})
}

// After COMMIT as text a sql.Tx must not write by itself, however the COMMIT
// ended: Rollback would not take it back.
func TestTextCommitInsideTx(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE p(id INTEGER PRIMARY KEY); "+
			"CREATE TABLE t(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
		for _, node := range []*litefwd.Node{primary, replica} {
			for _, violate := range []bool{false, true} {
				mustExec(t, primary.DB(), "DELETE FROM t")
				conn := mustConn(t, node.DB())
				connExec(t, conn, "PRAGMA foreign_keys=ON")
				tx, err := conn.BeginTx(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				if violate {
					mustExec(t, tx, "INSERT INTO t VALUES (99)")
				}
				if _, err := tx.Exec("COMMIT"); (err != nil) != violate {
					t.Errorf("%s: COMMIT: %v", node.Name(), err)
				}
				if _, err := tx.Exec("INSERT INTO t VALUES (NULL)"); !errors.Is(err, litefwd.ErrTxExpired) {
					t.Errorf("%s: INSERT after COMMIT: %v, want ErrTxExpired", node.Name(), err)
				}
				tx.Rollback()
				if n := queryInt(t, primary.DB(), "SELECT count(*) FROM t"); n != 0 {
					t.Errorf("%s: %d rows outside any transaction", node.Name(), n)
				}
			}
		}
	})
}

// A BEGIN as text whose first statement finds no place in the queue is still
// open: what follows must not commit by itself.
func TestBusyFirstStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver, func(c *litefwd.Config) { c.BusyTimeout = 30 * time.Millisecond })
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			blocker, err := primary.DB().Begin()
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, blocker, "INSERT INTO t VALUES ('blocker')")
			conn := mustConn(t, node.DB())
			connExec(t, conn, "BEGIN")
			if _, err := conn.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); !errors.Is(err, &litefwd.SQLError{Code: 5}) {
				t.Errorf("%s: %v, want SQLITE_BUSY", node.Name(), err)
			}
			if err := blocker.Rollback(); err != nil {
				t.Fatal(err)
			}
			connExec(t, conn, "INSERT INTO t VALUES (2)")
			connExec(t, conn, "ROLLBACK")
			if n := queryInt(t, primary.DB(), "SELECT count(*) FROM t"); n != 0 {
				t.Errorf("%s: %d rows after ROLLBACK", node.Name(), n)
			}
		}
	})
}

// ROLLBACK as text ends a transaction that the primary has rolled back.
func TestTextRollbackOfExpired(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver, func(c *litefwd.Config) { c.TxIdleLimit = 20 * time.Millisecond })
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			conn := mustConn(t, node.DB())
			connExec(t, conn, "BEGIN")
			connExec(t, conn, "INSERT INTO t VALUES (1)")
			mustExec(t, primary.DB(), "INSERT INTO t VALUES (2)") // gets its turn when the other has expired
			if _, err := conn.ExecContext(t.Context(), "INSERT INTO t VALUES (3)"); !errors.Is(err, litefwd.ErrTxExpired) {
				t.Errorf("%s: %v, want ErrTxExpired", node.Name(), err)
			}
			connExec(t, conn, "ROLLBACK")
			connExec(t, conn, "INSERT INTO t VALUES (2)")
		}
		if n := queryInt(t, primary.DB(), "SELECT count(*) FROM t WHERE v <> 2"); n != 0 {
			t.Errorf("%d rows of expired transactions", n)
		}
	})
}

// A text of which something ran is not safe to run again.
func TestPiecesAreNotSafeToRetry(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver)
		mustExec(t, replica.DB(), "CREATE TABLE t(v)")
		conn := mustConn(t, replica.DB())
		_, err := conn.ExecContext(t.Context(), "CREATE TEMP TABLE x(a); INSERT INTO t VALUES (1); SELECT total_changes()")
		if !errors.Is(err, litefwd.ErrUnsupported) || litefwd.SafeToRetry(err) {
			t.Errorf("%v, safe to retry %v", err, litefwd.SafeToRetry(err))
		}
	})
}

// A write that is committed stays a success when the node closes while it
// waits for its own copy.
func TestCloseWhileAwaiting(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.AwaitTimeout = time.Hour })
		c.Pause(1)
		committed := make(chan struct{})
		c.AtCommit(func() { close(committed) })
		done := make(chan error, 1)
		go func() {
			_, err := c.DB(1).Exec("INSERT INTO t VALUES (1)")
			done <- err
		}()
		<-committed
		if err := c.Crash(1); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil && !errors.Is(err, litefwd.ErrOutcomeUnknown) {
			t.Errorf("%v, want success, or an unknown outcome if the answer was not there yet", err)
		}
	})
}

// What needs the local connection and the main database does not answer from a
// copy that is behind; what needs neither does.
func TestLocalConnectionWhileBehind(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		conn := mustConn(t, c.DB(1))
		connExec(t, conn, "CREATE TEMP TABLE x(a)")
		connExec(t, conn, "INSERT INTO x VALUES (1)")
		c.Pause(1)
		connExec(t, conn, "INSERT INTO t VALUES (1)")
		for _, query := range []string{"SELECT count(*) FROM t, x", "INSERT INTO x SELECT v FROM t"} {
			if _, err := conn.ExecContext(t.Context(), query); !errors.Is(err, litefwd.ErrReplicaBehind) {
				t.Errorf("%s: %v, want ErrReplicaBehind", query, err)
			}
		}
		connExec(t, conn, "PRAGMA cache_size=100")
		c.Resume(1)
		settle(t, c)
		if n := connInt(t, conn, "SELECT count(*) FROM t, x"); n != 1 {
			t.Errorf("caught up: %d", n)
		}
	})
}

// An outcome that says "committed" makes the write visible like the write
// itself would have.
func TestOutcomeAwaits(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		c.DropReply(1)
		_, err := c.DB(1).Exec("INSERT INTO t VALUES (1)")
		var e *litefwd.Error
		if !errors.As(err, &e) {
			t.Fatalf("lost reply: %v", err)
		}
		c.Pause(1)
		if err := c.Node(1).Outcome(t.Context(), e.RequestID); err != nil {
			t.Fatal(err)
		}
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("the process sees %d rows", n)
		}
		c.Resume(1)
	})
}

// Priming the counters leaves nothing half done.
func TestCountersAfterCancel(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver)
		mustExec(t, replica.DB(), "CREATE TABLE t(v)")
		conn := mustConn(t, replica.DB())
		connExec(t, conn, "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 50000) SELECT i FROM n")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		var n int64
		conn.QueryRowContext(ctx, "SELECT changes()").Scan(&n) // may or may not be in time
		cancel()
		if n := connInt(t, conn, "SELECT changes()"); n != 50000 {
			t.Errorf("changes() = %d", n)
		}
	})
}

// Transaction control as text has no place where database/sql, or nobody,
// would end the transaction.
func TestControlWhereItHasNoPlace(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, _ := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		if _, err := primary.Local().Exec("BEGIN"); !errors.Is(err, litefwd.ErrUnsupported) {
			t.Errorf("BEGIN on Local: %v, want ErrUnsupported", err)
		}
		tx, err := primary.DB().BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("COMMIT"); !errors.Is(err, litefwd.ErrUnsupported) {
			t.Errorf("COMMIT in a snapshot: %v, want ErrUnsupported", err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	})
}

// A setting made inside a transaction, in whatever text, outlives it.
func TestSettingInsideTx(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver)
		mustExec(t, replica.DB(), "CREATE TABLE t(v)")
		conn := mustConn(t, replica.DB())
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "PRAGMA recursive_triggers=1; INSERT INTO t VALUES (1)")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if connInt(t, conn, "PRAGMA recursive_triggers") != 1 {
			t.Error("the setting was lost")
		}
	})
}

// A statement that SQLite's program does not give away (a PRAGMA's table
// behind a view) is stopped by query_only before it writes, runs on the
// primary, and is counted.
func TestMisroute(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		for _, node := range []*litefwd.Node{primary, replica} {
			db := node.DB()
			mustExec(t, db, "DROP VIEW IF EXISTS v; DROP TABLE IF EXISTS t; CREATE TABLE t(a); CREATE INDEX i ON t(a); DROP TABLE IF EXISTS sqlite_stat1")
			mustExec(t, db, "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100) SELECT i FROM n")
			mustExec(t, db, "CREATE VIEW v AS SELECT * FROM pragma_optimize(0x10002)")
			rows, err := db.Query("SELECT * FROM v")
			if err != nil {
				t.Fatalf("%s: %v", node.Name(), err)
			}
			for rows.Next() {
			}
			if err := rows.Err(); err != nil {
				t.Errorf("%s: %v", node.Name(), err)
			}
			rows.Close()
			if n := queryInt(t, db, "SELECT count(*) FROM sqlite_stat1"); n == 0 {
				t.Errorf("%s: the statement did not run", node.Name())
			}
			if s := node.Stats(); s.Misroutes != 1 {
				t.Errorf("%s: %d misroutes counted, want 1", node.Name(), s.Misroutes)
			}
		}
	})
}
