package litefwd_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// unbuffered is a connection to a replica with three rows in t that fetches no
// rows before they are asked for, and what takes the primary away.
func unbuffered(t *testing.T, driver string) (conn *sql.Conn, noPrimary func()) {
	t.Helper()
	c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.ReadBuffer = 1 })
	mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2), (3)")
	settle(t, c)
	conn, err := c.DB(1).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, c.NoPrimary
}

// A sql.Conn with rows open is not told that its connection is bad: it would
// wait for the rows for ever, whatever the context.
func TestHistoryChangesUnderOpenRows(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		conn, noPrimary := unbuffered(t, driver)
		rows, err := conn.QueryContext(t.Context(), "SELECT v FROM t")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		noPrimary()
		done := make(chan error, 1)
		go func() { // ends with the query, which is bounded
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var n int
			done <- conn.QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&n)
		}()
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, litefwd.ErrHistoryChanged) {
				t.Errorf("the second query: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("a second query beside open rows hangs, though its context is over")
		}
	})
}

// What is written to a temp table while rows are open stays written.
func TestTempWritesBesideOpenRows(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		conn, _ := unbuffered(t, driver)
		exec := func(query string) {
			t.Helper()
			if _, err := conn.ExecContext(t.Context(), query); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
		exec("CREATE TEMP TABLE x(a)")
		rows, err := conn.QueryContext(t.Context(), "SELECT v FROM t")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var v int
			if err := rows.Scan(&v); err != nil {
				t.Fatal(err)
			}
			exec(fmt.Sprintf("INSERT INTO temp.x VALUES (%d)", v))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := conn.QueryRowContext(t.Context(), "SELECT count(*) FROM temp.x").Scan(&n); err != nil || n != 3 {
			t.Errorf("%d rows in the temp table, %v; want 3", n, err)
		}
	})
}

// The gate ends read-only transactions while their owners use the handle.
func TestGateEndsReadsInUse(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
		settle(t, c)
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					tx, err := c.DB(1).BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
					if err != nil {
						continue // ended as it began
					}
					for k := range 20 { // texts that are classified anew
						var v int
						err := tx.QueryRow(fmt.Sprintf("SELECT %d FROM t WHERE %d = %d", k, n, n)).Scan(&v)
						if err != nil && !errors.Is(err, litefwd.ErrTxExpired) {
							t.Errorf("a read in a transaction: %v", err)
						}
					}
					tx.Rollback() //nolint:errcheck // it may have been ended
				}
			})
		}
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			open, err := litefwd.ShutGate(ctx, c.Node(1), 0)
			cancel()
			open()
			if err != nil {
				t.Errorf("Shut: %v", err)
			}
		}
		close(stop)
		readers.Wait()
	})
}

// Rows that are closed stay closed, whatever the connection reads afterwards, and
// closing them again does nothing to that.
func TestClosedRowsStayClosed(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2), (3)")
		settle(t, c)
		err := mustConn(t, c.DB(1)).Raw(func(raw any) error {
			for _, text := range []string{
				"SELECT v FROM t ORDER BY v",                     // in a lease
				"SELECT v FROM t WHERE changes() = 0 ORDER BY v", // in a read of its own
			} {
				query := func() sqldriver.Rows {
					rows, err := raw.(sqldriver.QueryerContext).QueryContext(t.Context(), text, nil)
					if err != nil {
						t.Fatal(err)
					}
					return rows
				}
				old := query()
				old.Close()
				rows := query()
				dest := make([]sqldriver.Value, 1)
				for want := range int64(3) {
					if err := old.Close(); err != nil {
						t.Error(err)
					}
					if err := old.Next(dest); err != io.EOF {
						t.Errorf("%s: a row after Close: %v, %v", text, dest, err)
					}
					if err := rows.Next(dest); err != nil || dest[0] != want+1 {
						t.Errorf("%s: %v, %v", text, dest, err)
					}
				}
				if names := old.Columns(); len(names) != 0 {
					t.Errorf("columns after Close: %v", names)
				}
				rows.Close()
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A prepared statement can be run again while rows of it are open: each has its own.
func TestOneStatementTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.ReadBuffer = 1 })
		shared := open(t, sharedConfig(t.TempDir(), driver))
		mustExec(t, shared.DB(), "CREATE TABLE t(v)")
		for _, db := range []*sql.DB{c.DB(0), shared.DB()} {
			mustExec(t, db, "INSERT INTO t VALUES (1), (2), (3), (4)")
		}
		settle(t, c)
		for name, db := range map[string]*sql.DB{"lease": c.DB(0), "own read": c.DB(1), "plain": shared.DB()} {
			conn := mustConn(t, db)
			if name == "own read" {
				if _, err := conn.ExecContext(t.Context(), "PRAGMA foreign_keys = ON"); err != nil {
					t.Fatal(err)
				}
			}
			stmt, err := conn.PrepareContext(t.Context(), "SELECT v FROM t WHERE v > ? ORDER BY v")
			if err != nil {
				t.Fatal(err)
			}
			defer stmt.Close()
			for range 2 {
				var rows [2]*sql.Rows
				for i := range rows {
					if rows[i], err = stmt.QueryContext(t.Context(), i); err != nil {
						t.Fatal(err)
					}
				}
				for want := 1; want < 4; want++ {
					for i := range rows {
						var v int
						if !rows[i].Next() || rows[i].Scan(&v) != nil || v != want+i {
							t.Errorf("%s: the rows after %d: %d, not %d: %v", name, i, v, want+i, rows[i].Err())
						}
					}
				}
				for i := range rows {
					rows[i].Close()
				}
			}
		}
	})
}

// The columns of rows are asked for while the role moves, which ends their read.
func TestColumnsWhileTheRoleMoves(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.ReadBuffer = 1 })
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2), (3)")
		settle(t, c)
		conn := mustConn(t, c.DB(1))
		if _, err := conn.ExecContext(t.Context(), "PRAGMA foreign_keys = ON"); err != nil { // no lease
			t.Fatal(err)
		}
		rows, err := conn.QueryContext(t.Context(), "SELECT v FROM t")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			shutFor(t, c.Node(1), 0)
		}()
		for over := false; !over; {
			if types, err := rows.ColumnTypes(); err != nil || len(types) != 1 {
				t.Errorf("%v, %v", types, err)
			}
			select {
			case <-ended:
				over = true
			default:
			}
		}
	})
}
