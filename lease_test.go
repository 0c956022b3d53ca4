package litefwd_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine"
)

// long leases make sure that it is not their end that a test sees.
func longLeases(cfg *litefwd.Config) {
	cfg.ReadLease = time.Hour
	cfg.AwaitTimeout = 10 * time.Second
}

func TestReadsShareSnapshots(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, longLeases)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2), (3)")
		settle(t, c)
		for i := range 2 {
			db := c.DB(i)
			db.SetMaxOpenConns(1)
			before := c.Node(i).Stats()
			endLeases(t, c.Node(i)) // those of the beginning
			for n := range int64(100) {
				if got := queryInt(t, db, "SELECT count(*) FROM t WHERE v <= ?", n%4); got != n%4 {
					t.Fatalf("%d: %d", n%4, got)
				}
			}
			endLeases(t, c.Node(i))
			s := c.Node(i).Stats()
			if txs, hits := s.ReadTransactions-before.ReadTransactions, s.LeaseHits-before.LeaseHits; txs > 5 || hits < 95 {
				t.Errorf("node %d: %d transactions and %d hits", i, txs, hits)
			}
		}
	})
}

// endLeases ends those that are open, as moving the role does.
func endLeases(t *testing.T, n *litefwd.Node) {
	t.Helper()
	shutFor(t, n, time.Minute)
}

// shutFor ends reads, too, that go on after the grace.
func shutFor(t *testing.T, n *litefwd.Node, grace time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	open, err := litefwd.ShutGate(ctx, n, grace)
	open()
	if err != nil {
		t.Error(err)
	}
}

// Leases never end here by themselves, and yet whoever has written reads it, on
// whichever connection, and nobody sees less than before.
func TestLeasesShowWhatWasWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, longLeases)
		for i := range 2 {
			db := c.DB(i)
			db.SetMaxOpenConns(4)
			db.SetMaxIdleConns(4)
			start := queryInt(t, db, "SELECT count(*) FROM t")
			var callers sync.WaitGroup
			for range 4 {
				callers.Go(func() {
					seen := int64(0)
					for n := range int64(20) {
						if _, err := db.Exec("INSERT INTO t VALUES (1)"); err != nil {
							t.Error(err)
							return
						}
						var got int64
						if err := db.QueryRow("SELECT count(*) FROM t").Scan(&got); err != nil || got < start+n+1 || got <= seen {
							t.Errorf("node %d: after %d writes of its own a caller sees %d, having seen %d (%v)", i, n+1, got-start, seen-start, err)
						}
						seen = got
					}
				})
			}
			callers.Wait()
		}
	})
}

// What is no read of the main database finds no transaction open, in which SQLite
// would ignore or refuse it.
func TestLeaseEndsBeforeOtherStatements(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, longLeases)
		conn := mustConn(t, c.DB(1))
		read := func() {
			t.Helper()
			if n := queryInt(t, connDB{conn, t.Context()}, "SELECT count(*) FROM t"); n != 0 {
				t.Errorf("%d rows", n)
			}
		}
		for _, s := range []string{
			"PRAGMA foreign_keys = ON", "ATTACH ':memory:' AS other", "CREATE TABLE other.x(a)", "DETACH other",
			"CREATE TEMP TABLE y(a)", "INSERT INTO temp.y VALUES (1)", "DROP TABLE temp.y",
		} {
			read()
			if _, err := conn.ExecContext(t.Context(), s); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		}
		read()
		if n := queryInt(t, connDB{conn, t.Context()}, "PRAGMA foreign_keys"); n != 1 {
			t.Errorf("foreign_keys is %d", n)
		}
		read()
		_, err := conn.ExecContext(t.Context(), "COMMIT")
		if err == nil {
			t.Error("COMMIT has found a transaction that is not the application's")
		}
	})
}

// connDB is a sql.Conn as what queryInt wants.
type connDB struct {
	*sql.Conn
	ctx context.Context
}

func (c connDB) QueryRow(query string, args ...any) *sql.Row {
	return c.QueryRowContext(c.ctx, query, args...)
}

// Connections that nobody uses hold nothing.
func TestIdleConnectionsHoldNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		var path string
		if err := c.Local(1).QueryRow("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			queryInt(t, c.DB(1), "SELECT count(*) FROM t")
			queryInt(t, c.Local(1), "SELECT count(*) FROM t")
		}
		dsn := map[string]string{"sqlite": "?_pragma=busy_timeout(5000)", "sqlite3": "?_busy_timeout=5000"}[driver]
		other, err := sql.Open(driver, "file:"+filepath.ToSlash(path)+dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		conn := mustConn(t, other)
		for _, s := range []string{"BEGIN EXCLUSIVE", "ROLLBACK"} {
			if _, err := conn.ExecContext(t.Context(), s); err != nil {
				t.Errorf("%s: %v", s, err)
			}
		}
	})
}

// counting counts to n, at some millions a second.
const counting = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d) SELECT count(*) FROM n, (SELECT 1 FROM t LIMIT 1)"

func TestMaxLocalRead(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.MaxLocalRead = 50 * time.Millisecond })
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
		settle(t, c)
		for i := range 2 {
			var n int64
			err := c.DB(i).QueryRow(fmt.Sprintf(counting, int64(1e12))).Scan(&n)
			if !errors.Is(err, litefwd.ErrReadTooLong) {
				t.Errorf("node %d: %d, %v", i, n, err)
			}
			if n := queryInt(t, c.DB(i), "SELECT count(*) FROM t"); n != 1 {
				t.Errorf("node %d: %d rows after it", i, n)
			}
			tx, err := c.DB(i).BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				err = tx.QueryRow("SELECT count(*) FROM t").Scan(&n)
			}
			if !errors.Is(err, litefwd.ErrReadTooLong) {
				t.Errorf("node %d: a transaction ended with %v", i, err)
			}
			tx.Rollback() //nolint:errcheck // it was ended
			if s := c.Node(i).Stats(); s.LongReads < 2 || s.LongestRead < 50*time.Millisecond {
				t.Errorf("node %d: %+v", i, s)
			}
		}
	})
}

func TestLongReadsOnPrimary(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) {
			cfg.MaxLocalRead, cfg.LongReadsOnPrimary = 2*time.Millisecond, true
		})
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
		settle(t, c)
		// The counting is to take longer than that on any machine, however busy it is.
		for much := int64(5e4); c.Node(1).Stats().ForwardedReads == 0; much *= 2 {
			for i := range 2 {
				if n := queryInt(t, c.DB(i), fmt.Sprintf(counting, much)); n != much {
					t.Errorf("node %d: %d", i, n)
				}
			}
		}
		if n := c.Node(0).Stats().ForwardedReads; n != 0 {
			t.Errorf("the primary has forwarded %d reads", n)
		}
	})
}

// Without leases each read has a transaction of its own.
func TestNoLease(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.ReadLease = -1 })
		before := c.Node(1).Stats()
		for range 10 {
			queryInt(t, c.DB(1), "SELECT count(*) FROM t")
		}
		s := c.Node(1).Stats()
		if s.ReadTransactions-before.ReadTransactions != 10 || s.LeaseHits != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// SQLite shows a commit before the engine knows of it. Whoever reads after
// somebody has seen it sees it too, in whatever lease.
func TestLeasesDoNotGoBack(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		for _, journal := range []string{"DELETE", "WAL"} {
			t.Run(journal, func(t *testing.T) {
				c := newCluster(t, 1, driver, longLeases)
				mustExec(t, c.DB(0), "PRAGMA journal_mode="+journal)
				old, other := connDB{mustConn(t, c.DB(0)), t.Context()}, connDB{mustConn(t, c.DB(0)), t.Context()}
				queryInt(t, old, "SELECT count(*) FROM t")
				var first, second int64
				c.AtCommit(func() {
					first = queryInt(t, other, "SELECT count(*) FROM t")
					second = queryInt(t, old, "SELECT count(*) FROM t")
				})
				mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
				if first != 1 || second != 1 {
					t.Errorf("while the engine learns of the commit one connection shows %d rows, and then another %d", first, second)
				}
			})
		}
	})
}

// However many connections read, one after the other, they share one lease.
func TestLeasesAreShared(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, longLeases)
		endLeases(t, c.Node(1))
		before := c.Node(1).Stats()
		for i := range 20 {
			conn := connDB{mustConn(t, c.DB(1)), t.Context()}
			for j := range 3 {
				queryInt(t, conn, fmt.Sprintf("SELECT count(*) FROM t WHERE v = %d", (i+j)%5))
			}
		}
		endLeases(t, c.Node(1))
		s := c.Node(1).Stats()
		if txs, hits := s.ReadTransactions-before.ReadTransactions, s.LeaseHits-before.LeaseHits; txs > 5 || txs+hits != 60 {
			t.Errorf("%d transactions and %d hits", txs, hits)
		}
	})
}

// Rows that are open, more than there are leases, and of one text, are right to
// their end, and so is what is read beside them.
func TestManyOpenRows(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.ReadBuffer = 1 })
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2), (3), (4)")
		settle(t, c)
		var all []*sql.Rows
		for range 3 * litefwd.MaxLeases {
			rows, err := c.DB(1).Query("SELECT v FROM t ORDER BY v")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			all = append(all, rows)
		}
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 4 {
			t.Errorf("%d rows", n)
		}
		for want := 1; want <= 4; want++ {
			for _, rows := range all {
				var v int
				if !rows.Next() {
					t.Fatalf("row %d: %v", want, rows.Err())
				}
				if err := rows.Scan(&v); err != nil || v != want {
					t.Errorf("%d, %v; want %d", v, err, want)
				}
			}
		}
		for _, rows := range all {
			if rows.Next() || rows.Err() != nil {
				t.Errorf("after the last row: %v", rows.Err())
			}
		}
		mustExec(t, c.DB(0), "DELETE FROM t")
		settle(t, c)
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// What is said of columns and rows is what the driver says, at each row, whatever was
// read before in whichever schema.
func TestColumnsAsTheDriver(t *testing.T) {
	for _, buffer := range []int{1, 40, 1 << 20} {
		onBoth(t, func(t *testing.T, driver string) {
			path := ""
			c := newCluster(t, 2, driver, func(cfg *litefwd.Config) {
				cfg.ReadBuffer = buffer
				if cfg.Name == "node0" {
					path = cfg.Path
				}
			})
			bare, err := sql.Open(driver, path)
			if err != nil {
				t.Fatal(err)
			}
			defer bare.Close()
			for _, change := range []string{
				"CREATE TABLE a(i INTEGER, s TEXT, b BLOB, r REAL, d DATETIME, n)",
				"INSERT INTO a VALUES (1, 'x', x'01', 1.5, '2020-01-01 00:00:00', NULL), (NULL, NULL, NULL, NULL, NULL, 'y'), ('t', 2, 'q', x'', 5, 6)",
				"CREATE VIEW w AS SELECT i AS c, s FROM a",
				"DROP VIEW w",
				"CREATE VIEW w AS SELECT s AS c, i, n FROM a",
				"ALTER TABLE a RENAME COLUMN s TO s2",
				"ALTER TABLE a ADD COLUMN z BOOLEAN DEFAULT 1",
				"ALTER TABLE a DROP COLUMN b",
				"DELETE FROM a",
				"DROP TABLE a",
				"CREATE TABLE a(n INTEGER, i TEXT)",
			} {
				mustExec(t, c.DB(0), change)
				settle(t, c)
				for _, text := range []string{
					"SELECT * FROM a", "SELECT * FROM w", "SELECT n FROM a", "SELECT n, i, n, i, n FROM a", "SELECT count(*), sum(i) FROM a",
					"SELECT i FROM a WHERE 0", "SELECT CASE WHEN i = 't' THEN abs(-9223372036854775808) ELSE i END FROM a",
				} {
					want := transcript(bare, text)
					for node := range 4 {
						if got := transcript(c.DB(node%2), text); got != want {
							t.Errorf("%s, then %s on node %d:\n%s\nthe driver:\n%s", change, text, node%2, got, want)
						}
					}
				}
			}
		})
	}
}

// transcript is all that a query says.
func transcript(db *sql.DB, text string) string {
	rows, err := db.Query(text)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var b strings.Builder
	for more := true; more; {
		types, err := rows.ColumnTypes()
		fmt.Fprintln(&b, err)
		for _, c := range types {
			length, hasLength := c.Length()
			nullable, hasNullable := c.Nullable()
			fmt.Fprintln(&b, c.Name(), c.DatabaseTypeName(), c.ScanType(), length, hasLength, nullable, hasNullable)
		}
		if more = rows.Next(); more {
			row, dest := make([]any, len(types)), make([]any, len(types))
			for i := range row {
				dest[i] = &row[i]
			}
			fmt.Fprintf(&b, "%v %#v\n", rows.Scan(dest...), row)
		}
	}
	fmt.Fprintln(&b, rows.Err())
	return b.String()
}

// A connection's own settings hold for its reads, and for nobody else's.
func TestLeasesHaveNoSettings(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		conn := connDB{mustConn(t, c.DB(1)), t.Context()}
		const like = "SELECT 'a' LIKE 'A' FROM (SELECT count(*) FROM t)"
		for _, own := range []bool{false, true} {
			if own {
				if _, err := conn.ExecContext(t.Context(), "PRAGMA case_sensitive_like = ON"); err != nil {
					t.Fatal(err)
				}
			}
			if n := queryInt(t, conn, like); n == 1 == own {
				t.Errorf("with own settings %v: %d", own, n)
			}
			if n := queryInt(t, c.Local(1), like); n != 1 {
				t.Errorf("elsewhere: %d", n)
			}
		}
	})
}

// slowEngine has databases that keep one reader waiting until its context ends.
type slowEngine struct {
	engine.Engine
	armed atomic.Bool
	asked chan struct{} // closed when that waits
}

type slowDatabase struct {
	engine.Database
	engine.Replicated
	e *slowEngine
}

func (e *slowEngine) Database(path string) (engine.Database, error) {
	db, err := e.Engine.Database(path)
	if err != nil {
		return nil, err
	}
	return &slowDatabase{db, db.(engine.Replicated), e}, nil
}

func (d *slowDatabase) Snapshot(ctx context.Context, history uint64) (engine.Position, error) {
	if !d.e.armed.CompareAndSwap(true, false) {
		return d.Replicated.Snapshot(ctx, history)
	}
	close(d.e.asked)
	<-ctx.Done()
	return engine.Position{}, ctx.Err()
}

// The role moves while the engine is asked about a read that has run: it is run again,
// and does not fail with the end of a context that is not the caller's.
func TestReadEndedWhileItIsChecked(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		slow := &slowEngine{asked: make(chan struct{})}
		c := newCluster(t, 1, driver, longLeases, func(cfg *litefwd.Config) {
			slow.Engine = cfg.CustomEngine
			cfg.CustomEngine = slow
		})
		endLeases(t, c.Node(0))
		slow.armed.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			<-slow.asked
			open, err := litefwd.ShutGate(ctx, c.Node(0), 0)
			if err != nil {
				t.Error(err)
			}
			open()
		}()
		var n int64
		if err := c.DB(0).QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d, %v", n, err)
		}
		<-ended
	})
}
