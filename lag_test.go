package litefwd_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/litefwdtest"
)

// newCluster starts n nodes with files of their own and a table t that all of
// them have.
func newCluster(t *testing.T, n int, driver string, change ...func(*litefwd.Config)) *litefwdtest.Cluster {
	t.Helper()
	c := litefwdtest.New(t, n, litefwdtest.WithDriver(driver), litefwdtest.WithConfig(func(_ int, cfg *litefwd.Config) {
		cfg.AwaitTimeout = 30 * time.Millisecond
		cfg.PrimaryWait = 100 * time.Millisecond
		for _, f := range change {
			f(cfg)
		}
	}))
	mustExec(t, c.DB(0), "CREATE TABLE t(v)")
	settle(t, c)
	return c
}

func settle(t *testing.T, c *litefwdtest.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// By default a write returns when the caller's copy has it.
func TestAwaitLocal(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.AwaitTimeout = 10 * time.Second })
		c.Lag(1, 20*time.Millisecond)
		for i := range int64(5) {
			mustExec(t, c.DB(1), "INSERT INTO t VALUES (?)", i)
			if n := queryInt(t, c.Local(1), "SELECT count(*) FROM t"); n != i+1 {
				t.Errorf("after insert %d the copy has %d rows", i, n)
			}
		}
		tx, err := c.DB(1).Begin()
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "DELETE FROM t")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if n := queryInt(t, c.Local(1), "SELECT count(*) FROM t"); n != 0 {
			t.Errorf("after the transaction the copy has %d rows", n)
		}
	})
}

// A late copy never shows a process less than it has written: its reads go to
// the primary until the copy has caught up.
func TestReadsGoToPrimaryWhileBehind(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		c.Pause(1)
		mustExec(t, c.DB(1), "INSERT INTO t VALUES (1)") // a success, though late
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("the process sees %d rows of its own", n)
		}
		if n := queryInt(t, c.Local(1), "SELECT count(*) FROM t"); n != 0 {
			t.Errorf("the copy has %d rows", n)
		}
		tx, err := c.DB(1).BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if n := queryInt(t, tx, "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("a read-only transaction sees %d rows", n)
		}
		if _, err := tx.Exec("INSERT INTO t VALUES (2)"); err == nil {
			t.Error("a read-only transaction on the primary wrote")
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		stmt, err := c.DB(1).Prepare("SELECT count(*) FROM t WHERE v = ?")
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		var n int
		if err := stmt.QueryRow(1).Scan(&n); err != nil || n != 1 {
			t.Errorf("a prepared read sees %d rows, %v", n, err)
		}
		if s := c.Node(1).Stats(); s.Behind != 1 || s.ForwardedReads < 2 {
			t.Errorf("stats %+v", s)
		}

		c.NoPrimary()
		if _, err := c.DB(1).Query("SELECT * FROM t"); !errors.Is(err, litefwd.ErrReplicaBehind) {
			t.Errorf("behind and without a primary: %v, want ErrReplicaBehind", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c.Resume(1)
		if err := c.Promote(ctx, 0); err != nil {
			t.Fatal(err)
		}
		settle(t, c)
		before := c.Node(1).Stats().ForwardedReads
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("caught up: %d rows", n)
		}
		if s := c.Node(1).Stats(); s.ForwardedReads != before {
			t.Error("caught up, but reads still go to the primary")
		}
	})
}

func TestStrict(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.Strict = true })
		c.Pause(1)
		_, err := c.DB(1).Exec("INSERT INTO t VALUES (1)")
		var e *litefwd.Error
		if !errors.Is(err, litefwd.ErrReplicaBehind) || !errors.As(err, &e) || !e.Committed || litefwd.SafeToRetry(err) {
			t.Errorf("late write: %v, want ErrReplicaBehind that says committed", err)
		}
		if n := queryInt(t, c.DB(0), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("primary has %d rows", n)
		}
		c.Resume(1)
	})
}

func TestAwaitNone(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.AwaitTimeout = time.Hour })
		c.Pause(1)
		ctx := litefwd.WithAwait(t.Context(), litefwd.AwaitNone)
		if _, err := c.DB(1).ExecContext(ctx, "INSERT INTO t VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		tx, err := c.DB(1).BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "INSERT INTO t VALUES (2)")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 0 {
			t.Errorf("the copy, for which nobody waited, has %d rows", n)
		}
		c.Resume(1)
	})
}

// A table that this copy does not have yet is looked for on the primary.
func TestTableNotHereYet(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		c.Pause(1)
		mustExec(t, c.DB(0), "CREATE TABLE fresh(v)")
		mustExec(t, c.DB(0), "INSERT INTO fresh VALUES (7)")
		if n := queryInt(t, c.DB(1), "SELECT v FROM fresh"); n != 7 {
			t.Errorf("v = %d", n)
		}
		stmt, err := c.DB(1).Prepare("SELECT v FROM fresh WHERE v = ?")
		if err != nil {
			t.Fatal(err)
		}
		defer stmt.Close()
		var v int
		if err := stmt.QueryRow(7).Scan(&v); err != nil || v != 7 {
			t.Errorf("prepared: %d, %v", v, err)
		}
		if _, err := c.Local(1).Query("SELECT v FROM fresh"); !errors.Is(err, &litefwd.SQLError{Code: 1}) {
			t.Errorf("Local asked the primary, or: %v", err)
		}
		_, err = c.DB(1).Query("SELECT * FROM nowhere")
		if !errors.Is(err, &litefwd.SQLError{Code: 1}) {
			t.Errorf("a table that nobody has: %v", err)
		}
		c.Resume(1)
	})
}

// The reply is lost: the error says that the outcome is unknown and the
// primary knows it by the request's id.
func TestLostReply(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		c.DropReply(1)
		_, err := c.DB(1).Exec("INSERT INTO t VALUES (1)")
		var e *litefwd.Error
		if !errors.Is(err, litefwd.ErrOutcomeUnknown) || !errors.As(err, &e) || e.RequestID == "" || litefwd.SafeToRetry(err) {
			t.Fatalf("lost reply: %v", err)
		}
		if err := c.Node(1).Outcome(t.Context(), e.RequestID); err != nil {
			t.Errorf("Outcome: %v, want committed", err)
		}
		if n := queryInt(t, c.DB(0), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("the write ran %d times", n)
		}
		if err := c.Node(1).Outcome(t.Context(), "00000000000000000000000000000000"); !errors.Is(err, litefwd.ErrOutcomeUnknown) {
			t.Errorf("Outcome of a request that never was: %v", err)
		}

		c.DropReply(1)
		tx, err := c.DB(1).Begin()
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "INSERT INTO t VALUES (2)")
		if err := tx.Commit(); !errors.Is(err, litefwd.ErrOutcomeUnknown) {
			t.Errorf("lost reply of COMMIT: %v", err)
		}
		if n := queryInt(t, c.DB(0), "SELECT count(*) FROM t"); n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}

// A write in flight when the primary loses the role before COMMIT ran nothing,
// and runs on the next primary.
func TestRoleLostBeforeCommit(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 3, driver, func(cfg *litefwd.Config) { cfg.PrimaryWait = 10 * time.Second })
		c.AtFence(func() { c.NoPrimary() })
		done := make(chan error, 1)
		go func() {
			_, err := c.DB(1).Exec("INSERT INTO t VALUES (1)")
			done <- err
		}()
		for s := range c.Node(1).WatchRole(t.Context()) {
			if s.Primary.Addr == "" {
				break
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := c.Promote(ctx, 2); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Errorf("write: %v", err)
		}
		if n := queryInt(t, c.DB(2), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

// A transaction does not survive its primary, and says so.
func TestTransactionLosesPrimary(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		tx, err := c.DB(1).Begin()
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		c.Isolate(1)
		if _, err := tx.Exec("INSERT INTO t VALUES (2)"); !errors.Is(err, litefwd.ErrTxExpired) {
			t.Errorf("statement after the connection broke: %v, want ErrTxExpired", err)
		}
		if err := tx.Commit(); !errors.Is(err, litefwd.ErrTxExpired) {
			t.Errorf("commit: %v, want ErrTxExpired", err)
		}
		// The primary's lock is free at once.
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (3)")
		c.Heal()
		if n := queryInt(t, c.DB(0), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

// Two nodes believe to be primary: what the older one still commits cannot be
// confirmed, and its callers are told.
func TestTwoPrimaries(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 3, driver)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := c.Usurp(ctx, 2); err != nil {
			t.Fatal(err)
		}
		mustExec(t, c.DB(2), "INSERT INTO t VALUES ('new')")
		c.Notice(0)
		c.Heal()
		mustExec(t, c.DB(0), "INSERT INTO t VALUES ('from the old one')")
		settle(t, c)
		for i := range 3 {
			if n := queryInt(t, c.DB(i), "SELECT count(*) FROM t"); n != 2 {
				t.Errorf("node %d has %d rows", i, n)
			}
		}
	})
}
