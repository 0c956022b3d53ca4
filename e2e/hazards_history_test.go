package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// Finding 8: after a failover transaction ids are used again. Who waits for one
// on a copy where it has come to mean something else is told so.
func TestFinding08IDsUsedAgain(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		after := 1 // transactions of the new primary
		if driver == "sqlite3" {
			after = 3
		}
		idUsedAgain(t, driver, journal, after)
	})
}

func idUsedAgain(t *testing.T, driver, journal string, after int) {
	h := &hooks{}
	a := startApp(t, driver, journal, isolatable(2), func(cfg *litefwd.Config) {
		cfg.AwaitTimeout, cfg.PrimaryWait = patience, patience
		h.hook(cfg)
	})
	// A write of node 1 is committed when nothing is replicated to it any more.
	h.set(func() { a.must("Isolate", a.Isolate(0)) }, nil)
	lost := make(chan error, 1)
	go func() {
		_, err := a.db(1).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
		lost <- err
	}()
	a.awaitRole(1, litefwd.RolePrimary)
	select {
	case err := <-lost:
		t.Errorf("the write did not wait for its copy: %v", err)
		return
	default:
	}
	tx, err := a.db(1).BeginTx(a.ctx, nil)
	a.must("begin", err)
	for v := range after {
		_, err := tx.ExecContext(a.ctx, "INSERT INTO t VALUES (?)", 10+v)
		a.must("insert", err)
		if v < after-1 {
			a.must("commit", tx.Commit())
			tx, err = a.db(1).BeginTx(a.ctx, nil)
			a.must("begin", err)
		}
	}
	a.must("commit", tx.Commit())
	select {
	case err := <-lost:
		wantKind(t, "the write that was lost", err, litefwd.ErrHistoryChanged)
		if litefwd.SafeToRetry(err) {
			t.Errorf("%v says that nothing ran", err)
		}
	case <-time.After(patience):
		t.Fatal("the writer waits for ever")
	}
	a.must("Rejoin", a.Rejoin(0))
	a.waitPrimary(1)
	want := []int{10, 11, 12}[:after]
	a.wantCopies(1, want...)
}

// Finding 9: LiteFS replaces a former primary's database under the connections
// that are open. They must not answer any more from what they have cached.
func TestFinding09PooledConnections(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, isolatable(2), func(cfg *litefwd.Config) { cfg.PrimaryWait = patience })
		a.mustExec(0, "INSERT INTO t VALUES (0)")
		a.wantCopies(0, 0)

		// Idle connections with warm caches, a prepared statement, a connection
		// that the application keeps, on both handles; and rows in flight.
		a.must("Isolate", a.Isolate(0))
		a.mustExec(0, "CREATE TABLE lost(v)")
		a.mustExec(0, "INSERT INTO t VALUES (1)")
		warm(a, a.db(0))
		warm(a, a.nodes[0].Local())
		stmt, err := a.db(0).PrepareContext(a.ctx, "SELECT sum(v) FROM t")
		a.must("prepare", err)
		defer stmt.Close()
		var sum int
		a.must("prepared", stmt.QueryRowContext(a.ctx).Scan(&sum))
		conn, err := a.nodes[0].Local().Conn(a.ctx)
		a.must("conn", err)
		defer conn.Close()
		a.must("conn", conn.QueryRowContext(a.ctx, "SELECT sum(v) FROM t").Scan(&sum))

		a.awaitRole(1, litefwd.RolePrimary)
		// The same number of transactions, of the same kinds: so SQLite's change
		// counter and schema cookie are the same in both histories.
		a.mustExec(1, "CREATE TABLE kept(v)")
		a.mustExec(1, "INSERT INTO t VALUES (2)")
		ctx, stop := context.WithCancel(a.ctx)
		var readers sync.WaitGroup
		for _, db := range []*sql.DB{a.db(0), a.nodes[0].Local()} {
			readers.Go(func() { neverBack(ctx, a, db) })
		}
		a.must("Rejoin", a.Rejoin(0))
		a.waitPrimary(1)
		a.wantCopies(1, 0, 2)
		a.must("prepared", stmt.QueryRowContext(a.ctx).Scan(&sum))
		if sum != 2 {
			t.Errorf("a prepared statement answers from the lost history: %d", sum)
		}
		// A connection that the application holds cannot be replaced, but must not
		// answer.
		if err := conn.QueryRowContext(a.ctx, "SELECT sum(v) FROM t").Scan(&sum); err == nil && sum != 2 {
			t.Errorf("a connection that was kept answers from the lost history: %d", sum)
		}
		stop()
		readers.Wait()
		for i := range a.Nodes() {
			if _, err := a.db(i).ExecContext(a.ctx, "SELECT * FROM lost"); err == nil {
				t.Errorf("node %d still has the lost table", i)
			}
			a.mustExec(i, "INSERT INTO kept VALUES (?)", i)
		}
		a.alive()
	})
}

// warm opens three connections and reads on each.
func warm(a *app, db *sql.DB) {
	a.t.Helper()
	var conns []*sql.Conn
	for range 3 {
		c, err := db.Conn(a.ctx)
		a.must("conn", err)
		conns = append(conns, c)
		var n int
		a.must("read", c.QueryRowContext(a.ctx, "SELECT count(*) FROM t, lost").Scan(&n))
	}
	for _, c := range conns {
		a.must("close", c.Close())
	}
}

// neverBack reads on a former primary until ctx ends. Once it has seen the new
// history it must not see the old one again, nor ever a mixture.
func neverBack(ctx context.Context, a *app, db *sql.DB) {
	seen := false
	for ctx.Err() == nil {
		vs, err := readValues(ctx, db)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			a.t.Errorf("a reader on the former primary: %v", err)
			return
		case slices.Equal(vs, []int{0, 2}):
			seen = true
		case seen || !slices.Equal(vs, []int{0, 1}) && !slices.Equal(vs, []int{0}):
			a.t.Errorf("a reader on the former primary sees %v (the new history before: %v)", vs, seen)
			return
		}
	}
}

// A database that is dropped, by unlink on the primary: in WAL mode a read on a
// connection of before ends LiteFS. Those that were idle then are not used again,
// and the writer's is not either.
func TestFinding09DroppedDatabase(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), nil)
		for i := range a.Nodes() {
			a.mustExec(i, "INSERT INTO t VALUES (1)")
			values(a, a.db(i))
			values(a, a.nodes[i].Local())
		}
		before, err := a.Pos(a.ctx, 1, "app.db")
		a.must("Pos", err)
		a.must("unlink", os.Remove(filepath.Join(a.Mount(0), "app.db")))
		a.eventually("the drop", func() error {
			pos, err := a.Pos(a.ctx, 1, "app.db")
			if pos == before || err != nil {
				return fmt.Errorf("at %v: %v", pos, err)
			}
			return nil
		})
		for i := range a.Nodes() {
			for name, db := range map[string]*sql.DB{"DB": a.db(i), "Local": a.nodes[i].Local()} {
				if got, err := readValues(a.ctx, db); err == nil {
					t.Errorf("node %d's %s still reads %v", i, name, got)
				}
			}
		}
		a.alive()
		a.mustExec(1, "CREATE TABLE t(v)")
		a.mustExec(1, "INSERT INTO t VALUES (2)")
		a.wantCopies(0, 2)
		a.alive()
	})
}
