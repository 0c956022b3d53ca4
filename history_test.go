package litefwd_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/litefwdtest"
)

// A former primary's connections would answer from their caches with what the
// failover has discarded (litefs-contract: equal change counters). No answer
// comes from one of them.
func TestNoAnswerFromALostHistory(t *testing.T) {
	onBoth(t, func(t *testing.T, driverName string) {
		c := litefwdtest.New(t, 2, litefwdtest.WithDriver(driverName), litefwdtest.WithStaleCaches())
		mustExec(t, c.DB(0), "CREATE TABLE t(v)")
		mustExec(t, c.DB(0), "INSERT INTO t VALUES ('kept')")
		settle(t, c)
		c.Pause(1)
		mustExec(t, c.DB(0), "UPDATE t SET v = 'lost'")

		const read = "SELECT v FROM t"
		stmt, err := c.DB(0).Prepare(read)
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		held, err := c.DB(0).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		readers := map[string]func() *sql.Row{
			"DB":       func() *sql.Row { return c.DB(0).QueryRow(read) },
			"Local":    func() *sql.Row { return c.Local(0).QueryRow(read) },
			"prepared": func() *sql.Row { return stmt.QueryRow() },
			"Conn":     func() *sql.Row { return held.QueryRowContext(t.Context(), read) },
		}
		for name, row := range readers {
			var v string
			if err := row().Scan(&v); err != nil || v != "lost" {
				t.Fatalf("%s before the failover: %q, %v", name, v, err)
			}
		}

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := c.Failover(ctx, 1); err != nil {
			t.Fatal(err)
		}
		c.Resume(1)
		settle(t, c)
		for name, row := range readers {
			var v string
			switch err := row().Scan(&v); {
			case err == nil && v == "kept":
			case name == "Conn" && errors.Is(err, driver.ErrBadConn): // it cannot be replaced
			default:
				t.Errorf("%s after the failover: %q, %v", name, v, err)
			}
		}
	})
}

// Rows are fetched before the application reads them, so a loop that writes,
// or is slow, does not hold up replication to its own node.
func TestRowsDoNotHoldUpReplication(t *testing.T) {
	onBoth(t, func(t *testing.T, driverName string) {
		c := newCluster(t, 2, driverName, func(cfg *litefwd.Config) { cfg.AwaitTimeout = 10 * time.Second })
		for i := range 5 {
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (?)", i)
		}
		settle(t, c)
		rows, err := c.DB(1).Query("SELECT v FROM t")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		n := 0
		for rows.Next() {
			var v int
			if err := rows.Scan(&v); err != nil || v != n {
				t.Errorf("row %d is %d, %v", n, v, err)
			}
			mustExec(t, c.DB(1), "INSERT INTO t VALUES (?)", 100+v) // waits for this node's copy
			n++
		}
		if err := rows.Err(); err != nil || n != 5 {
			t.Errorf("%d rows, %v", n, err)
		}
		if s := c.Node(1).Stats(); s.Behind != 0 || s.LongReads != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// Beyond ReadBuffer the read stays open, and the rows are the same.
func TestReadBuffer(t *testing.T) {
	onBoth(t, func(t *testing.T, driverName string) {
		c := newCluster(t, 2, driverName, func(cfg *litefwd.Config) { cfg.ReadBuffer = 1000 })
		const all = 200
		mustExec(t, c.DB(0), "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < ?) SELECT i FROM n", all-1)
		settle(t, c)
		rows, err := c.DB(1).Query("SELECT v, CASE WHEN v % 2 THEN 'text' ELSE x'00' END FROM t ORDER BY v")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := c.Settle(short); err == nil {
			t.Error("an open read did not hold up replication: the imitation is wrong, or nothing is left to read")
		}
		for i := range all {
			var v int
			var kind any
			if !rows.Next() {
				t.Fatalf("%d rows, %v", i, rows.Err())
			}
			if err := rows.Scan(&v, &kind); err != nil || v != i {
				t.Fatalf("row %d is %d, %v", i, v, err)
			}
			if types, err := rows.ColumnTypes(); err != nil || types[0].Name() != "v" || types[0].ScanType() == nil {
				t.Fatalf("column types at row %d: %v, %v", i, types, err)
			}
		}
		if rows.Next() || rows.Err() != nil {
			t.Errorf("more rows, or %v", rows.Err())
		}
		rows.Close()
		settle(t, c)
		if s := c.Node(1).Stats(); s.LongReads != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}
