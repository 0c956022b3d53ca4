package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// Finding 1: a copy shows a transaction as soon as LiteFS gives its position.
// So a write that has returned is seen by its own node, on its own copy.
func TestFinding01ReadYourWrites(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(3), nil)
		var writers sync.WaitGroup
		for i := range a.Nodes() {
			for w := range 2 {
				writers.Go(func() { readOwnWrites(a, i, 100*i+1000*w) })
			}
		}
		writers.Wait()
		for i, n := range a.nodes {
			if s := n.Stats(); s.Behind != 0 || s.Misroutes != 0 {
				t.Errorf("node %d: %+v", i, s)
			}
		}
	})
}

func readOwnWrites(a *app, i, from int) {
	db, local := a.db(i), a.nodes[i].Local()
	for v := from; v < from+12; v++ {
		var err error
		switch v % 3 {
		case 0:
			_, err = db.ExecContext(a.ctx, "INSERT INTO t VALUES (?)", v)
		case 1:
			err = db.QueryRowContext(a.ctx, "INSERT INTO t VALUES (?) RETURNING v", v).Scan(new(int))
		case 2:
			var tx *sql.Tx
			if tx, err = db.BeginTx(a.ctx, nil); err == nil {
				if _, err = tx.ExecContext(a.ctx, "INSERT INTO t VALUES (?)", v); err == nil {
					err = tx.Commit()
				}
			}
		}
		if err != nil {
			a.t.Errorf("node %d: write %d: %v", i, v, err)
			return
		}
		var n int
		if err := local.QueryRowContext(a.ctx, "SELECT count(*) FROM t WHERE v=?", v).Scan(&n); err != nil || n != 1 {
			a.t.Errorf("node %d's copy has its own write %d %d times: %v", i, v, n, err)
		}
	}
}

// Finding 2: one open read on a replica stops replication to it. Rows that are
// not closed hold nothing up, unless they are too many to be kept.
func TestFinding02OpenRead(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) {
			cfg.ReadBuffer, cfg.AwaitTimeout = 4<<10, 300*time.Millisecond
		})
		a.mustExec(1, "CREATE TABLE big AS WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v+1 FROM n WHERE v<3000) SELECT v FROM n")
		a.mustExec(1, "INSERT INTO t VALUES (1)")

		t.Run("unclosed rows", func(t *testing.T) {
			rows, err := a.db(1).QueryContext(a.ctx, "SELECT v FROM t")
			a.must("query", err)
			defer rows.Close()
			before := a.nodes[1].Stats()
			a.mustExec(1, "INSERT INTO t VALUES (2)")
			if got := values(a, a.nodes[1].Local()); !slices.Equal(got, []int{1, 2}) {
				t.Errorf("the copy has %v after the write", got)
			}
			if s := a.nodes[1].Stats(); s.Behind != before.Behind || s.LongReads != before.LongReads {
				t.Errorf("%+v, before %+v", s, before)
			}
		})
		t.Run("slow consumer", func(t *testing.T) {
			rows, err := a.db(1).QueryContext(a.ctx, "SELECT v FROM big ORDER BY v")
			a.must("query", err)
			defer rows.Close()
			a.writeMeanwhile(t, 3, func() {
				for v := 1; rows.Next(); v++ {
					var got int
					if err := rows.Scan(&got); err != nil || got != v {
						t.Fatalf("row %d is %d: %v", v, got, err)
					}
				}
				a.must("rows", rows.Err())
				a.must("close", rows.Close())
			})
			if s := a.nodes[1].Stats(); s.LongReads != 1 {
				t.Errorf("%+v", s)
			}
		})
		t.Run("read-only transaction", func(t *testing.T) {
			tx, err := a.db(1).BeginTx(a.ctx, &sql.TxOptions{ReadOnly: true})
			a.must("begin", err)
			defer tx.Rollback()
			see := func() (n int) {
				a.must("read", tx.QueryRowContext(a.ctx, "SELECT count(*) FROM t").Scan(&n))
				return n
			}
			before := see()
			a.writeMeanwhile(t, 4, func() {
				if got := see(); got != before {
					t.Errorf("the transaction saw %d rows, and then %d", before, got)
				}
				a.must("commit", tx.Commit())
			})
		})
	})
}

// writeMeanwhile writes v on node 1 while a read is open there, sees it, lets
// the read go on and end, and waits until the copy has it.
func (a *app) writeMeanwhile(t *testing.T, v int, goOn func()) {
	t.Helper()
	before := a.nodes[1].Stats()
	begun := time.Now()
	a.mustExec(1, "INSERT INTO t VALUES (?)", v)
	if took := time.Since(begun); took > patience/4 {
		t.Errorf("the write took %v", took)
	}
	if got := value[int](a, a.db(1), "SELECT count(*) FROM t WHERE v=?", v); got != 1 {
		t.Errorf("the node does not see its own write while a read is open")
	}
	if s := a.nodes[1].Stats(); s.Behind != before.Behind+1 {
		t.Errorf("%+v, before %+v", s, before)
	}
	goOn()
	a.eventually("replication after the read", func() error {
		if n, err := readValues(a.ctx, a.nodes[1].Local()); err != nil || !slices.Contains(n, v) {
			return fmt.Errorf("the copy has %v: %v", n, err)
		}
		return nil
	})
}

// Finding 3: readers that overlap starve replication. Writes return all the
// same, nothing wrong is read, and the copy is up to date after they pause.
func TestFinding03BusyReaders(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) { cfg.AwaitTimeout = 100 * time.Millisecond })
		a.mustExec(1, "CREATE TABLE u AS WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v+1 FROM n WHERE v<3000) SELECT v FROM n")
		ctx, stop := context.WithCancel(a.ctx)
		defer stop()
		var readers sync.WaitGroup
		var written atomic.Int64
		for range 3 {
			readers.Go(func() { scanBusily(ctx, a, a.db(1), func(int) int { return int(written.Load()) }) })
			readers.Go(func() { scanBusily(ctx, a, a.nodes[1].Local(), func(last int) int { return last }) })
		}
		for v := range 8 {
			tx, err := a.db(1).BeginTx(a.ctx, nil)
			a.must("begin", err)
			for _, table := range []string{"t", "u"} {
				_, err := tx.ExecContext(a.ctx, "INSERT INTO "+table+" VALUES (?)", 10_000+v)
				a.must("insert", err)
			}
			begun := time.Now()
			a.must("commit", tx.Commit())
			written.Add(1)
			if took := time.Since(begun); took > patience/4 {
				t.Errorf("commit %d took %v", v, took)
			}
			if got := value[int](a, a.db(1), "SELECT count(*) FROM t"); got != v+1 {
				t.Errorf("%d rows are seen after %d writes", got, v+1)
			}
		}
		stop()
		readers.Wait()
		a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))
		if got := value[int](a, a.nodes[1].Local(), "SELECT count(*) FROM t"); got != 8 {
			t.Errorf("the copy has %d rows in the end", got)
		}
		a.alive()
	})
}

// scanBusily reads two tables that every transaction writes both of, without a
// pause. It must see each transaction whole, and as many as least says of those
// that it saw before.
func scanBusily(ctx context.Context, a *app, db *sql.DB, least func(last int) int) {
	last := 0
	for ctx.Err() == nil {
		var n, m int
		want := least(last)
		err := db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM u x WHERE x.v >= 10000)
			FROM (SELECT sum(x.v) FROM u x, (SELECT v FROM u LIMIT 30) y)`).Scan(&n, &m)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			a.t.Errorf("a reader: %v", err)
			return
		case n != m || n < want:
			a.t.Errorf("a reader saw %d rows in one table and %d in the other, want %d", n, m, want)
			return
		}
		last = n
	}
}

// Findings 4 and 5: a write on a replica fails in ways that depend on the
// journal, some of them only at COMMIT. On litefwd's local handle it is SQLite's
// plain SQLITE_READONLY, and changes nothing.
func TestFinding04And05LocalWrites(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), nil)
		a.mustExec(1, "INSERT INTO t VALUES (1)")
		before, err := a.Pos(a.ctx, 0, "app.db")
		a.must("Pos", err)
		for i := range a.Nodes() {
			local := a.nodes[i].Local()
			for _, text := range []string{
				"INSERT INTO t VALUES (2)", "DELETE FROM t", "CREATE TABLE x(v)", "DROP TABLE t",
				"PRAGMA user_version=7", "VACUUM", "INSERT INTO t VALUES (2) RETURNING v",
			} {
				_, err := local.ExecContext(a.ctx, text)
				wantCode(t, fmt.Sprintf("node %d: %s", i, text), err, 8, 8)
			}
			_, err := local.QueryContext(a.ctx, "INSERT INTO t VALUES (2) RETURNING v")
			wantCode(t, "RETURNING by Query", err, 8, 8)
			a.refusedInLocalTx(t, local)
			a.refusedOnRawConn(t, a.db(i))
		}
		after, err := a.Pos(a.ctx, 1, "app.db")
		a.must("Pos", err)
		if after != before {
			t.Errorf("the position was %v and is %v", before, after)
		}
		a.mustExec(1, "INSERT INTO t VALUES (2)") // none of it holds replication up
		a.wantCopies(0, 1, 2)
	})
}

func (a *app) refusedInLocalTx(t *testing.T, local *sql.DB) {
	t.Helper()
	tx, err := local.BeginTx(a.ctx, &sql.TxOptions{ReadOnly: true})
	a.must("begin", err)
	defer tx.Rollback()
	_, err = tx.ExecContext(a.ctx, "INSERT INTO t VALUES (2)")
	wantCode(t, "in a transaction", err, 8, 8)
}

// refusedOnRawConn writes past litefwd, on the local driver's own connection.
func (a *app) refusedOnRawConn(t *testing.T, db *sql.DB) {
	t.Helper()
	conn, err := db.Conn(a.ctx)
	a.must("conn", err)
	defer conn.Close()
	a.must("Raw", conn.Raw(func(c any) error {
		raw := c.(litefwd.Conn).Local()
		for _, text := range []string{"INSERT INTO t VALUES (2)", "BEGIN IMMEDIATE"} {
			_, err := execRaw(a.ctx, raw, text)
			if err == nil {
				t.Errorf("%s runs on the raw local connection", text)
			}
		}
		return nil
	}))
}
