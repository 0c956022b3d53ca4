package litefwd_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"runtime"
	"testing"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"
	modernc "modernc.org/sqlite"

	"github.com/litefwd/litefwd"
)

// A text of several statements, or with a comment behind it, is the driver's to read.
func TestLeasesReadTextsAsTheDriver(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		var want []int64
		for _, lease := range []time.Duration{-1, time.Hour} {
			c := newCluster(t, 1, driver, func(cfg *litefwd.Config) { cfg.ReadLease = lease })
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (7), (9)")
			var got []int64
			for _, q := range []string{
				"SELECT count(*) FROM t; SELECT max(v) FROM t", "SELECT min(v) FROM t;  ", "/* a */ SELECT max(v) FROM t",
			} {
				got = append(got, queryInt(t, c.DB(0), q), queryInt(t, c.DB(0), q))
			}
			if want == nil {
				want = got
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("in a lease %v, without %v", got, want)
			}
		}
	})
}

// EXPLAIN shows the schema that this process has made.
func TestExplainIsNotOfALease(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, longLeases)
		for i, change := range []string{"CREATE INDEX i ON t(v)", "DROP INDEX i"} {
			plan := func() (s string) {
				var ignored any
				if err := c.DB(i).QueryRow("EXPLAIN QUERY PLAN SELECT * FROM t WHERE v = 1").Scan(&ignored, &ignored, &ignored, &s); err != nil {
					t.Fatal(err)
				}
				return s
			}
			settle(t, c)
			before := plan()
			mustExec(t, c.DB(i), change)
			if plan() == before {
				t.Errorf("node %d: %s after %s", i, before, change)
			}
		}
	})
}

// Short reads in a lease do not add up to a long one.
func TestShortReadsAreNotTooLong(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		const limit = 100 * time.Millisecond
		c := newCluster(t, 1, driver, longLeases, func(cfg *litefwd.Config) { cfg.MaxLocalRead = limit })
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
		for began := time.Now(); time.Since(began) < 3*limit; {
			queryInt(t, c.DB(0), "SELECT v FROM t WHERE rowid = 1")
		}
	})
}

// A sql.Conn that has rows is not told that its connection is bad, though all of them
// are in memory: it would wait for them for ever.
func TestConnWithFetchedRows(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2)")
		settle(t, c)
		conn := mustConn(t, c.DB(1))
		rows, err := conn.QueryContext(t.Context(), "SELECT v FROM t")
		if err != nil || !rows.Next() {
			t.Fatal(err)
		}
		defer rows.Close()
		if _, err := conn.ExecContext(t.Context(), "CREATE TEMP TABLE x(a)"); err != nil {
			t.Fatal(err)
		}
		c.NoPrimary()
		done := make(chan struct{})
		go func() { // ends with the query, which is bounded
			defer close(done)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			var n int
			conn.QueryRowContext(ctx, "SELECT count(*) FROM x, t").Scan(&n) //nolint:errcheck // it returns
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("a query beside rows hangs")
		}
	})
}

func init() {
	modernc.MustRegisterScalarFunction("litefwd_boom", 1, func(*modernc.FunctionContext, []driver.Value) (driver.Value, error) {
		panic("boom")
	})
	sql.Register("sqlite3boom", &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("litefwd_boom", func(int64) int64 { panic("boom") }, false)
	}})
}

// A function of the application's that panics leaves no lock behind.
func TestPanicInALease(t *testing.T) {
	for _, driver := range []string{"sqlite", "sqlite3boom"} {
		t.Run(driver, func(t *testing.T) {
			c := newCluster(t, 2, driver)
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
			settle(t, c)
			func() {
				defer func() { recover() }() //nolint:errcheck // the driver's own way
				var n int64
				if err := c.DB(1).QueryRow("SELECT litefwd_boom(v) FROM t").Scan(&n); err == nil {
					t.Error("no error")
				}
			}()
			endLeases(t, c.Node(1)) // which waits for those inside the gate
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
			settle(t, c)
			if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 2 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// The role moves while a lease is open whose last read had a deadline and is over.
func TestLeaseEndedAfterARead(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, longLeases)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2)")
		settle(t, c)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			var n int64
			if err := c.DB(1).QueryRowContext(ctx, "SELECT sum(a.v) FROM t a, t b").Scan(&n); err != nil || n != 6 {
				t.Errorf("%d, %v", n, err)
			}
			cancel()
			shutFor(t, c.Node(1), 0)
		}
	})
}

// Shutdown does not wait longer than it is told for a read that does not end.
func TestShutdownEndsReads(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
		settle(t, c)
		before := c.Node(1).Stats().LocalReads
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			var n int64
			if err := c.DB(1).QueryRow(fmt.Sprintf(counting, int64(1e12))).Scan(&n); err == nil {
				t.Error("it has counted that far")
			}
		}()
		for c.Node(1).Stats().LocalReads == before {
			runtime.Gosched()
		}
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)") // so that the gate asks it to yield
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		c.Node(1).Shutdown(ctx) //nolint:errcheck // it may say that the time was up
		<-ended
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("Shutdown took %v", took)
		}
	})
}

// A read that is run on the primary because it takes long gives all its rows.
func TestLongRowsOnPrimary(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		for _, lease := range []time.Duration{-1, 0} {
			c := newCluster(t, 2, driver, func(cfg *litefwd.Config) {
				cfg.MaxLocalRead, cfg.LongReadsOnPrimary, cfg.ReadLease = 2*time.Millisecond, true, lease
			})
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
			settle(t, c)
			const many = 50_000
			rows, err := c.DB(1).Query(fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d) SELECT i FROM n, t", many))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for rows.Next() {
				n++
			}
			if err := rows.Err(); err != nil || n != many {
				t.Errorf("%d rows, %v", n, err)
			}
			rows.Close()
		}
	})
}
