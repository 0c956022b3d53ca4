package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// LiteFS ends and is started again: the node heals by itself, a replica's and
// the primary's. What was open before never works again.
func TestLiteFSCrashHeals(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) { cfg.PrimaryWait = patience })
		want := []int{}
		for v, i := range []int{1, 0} {
			want = append(want, v)
			slices.Sort(want)
			a.mustExec(1, "INSERT INTO t VALUES (?)", v)
			a.wantCopies(0, want...) // and warm pools
			tx, err := a.db(i).BeginTx(a.ctx, nil)
			a.must("begin", err)
			_, err = tx.ExecContext(a.ctx, "INSERT INTO t VALUES (100)")
			a.must("insert", err)

			a.must("Crash", a.Crash(i))
			begun := time.Now()
			a.eventually("the dead mount to be noticed", func() error {
				if err := a.nodes[i].Status().Problem; err == nil || !strings.Contains(err.Error(), "mount") {
					return fmt.Errorf("the problem is %v", err)
				}
				return nil
			})
			if err := a.nodes[i].Local().QueryRowContext(a.ctx, "SELECT count(*) FROM t").Scan(new(int)); err == nil {
				t.Errorf("node %d reads without LiteFS", i)
			}
			if i == 0 {
				if err := tx.Commit(); err == nil {
					t.Error("a transaction was committed without LiteFS")
				}
			} else {
				a.must("rollback", tx.Rollback()) // it is the primary's
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("node %d: it took %v to find out that LiteFS is gone", i, took)
			}
			a.must("Restart", a.Restart(a.ctx, i))
			a.waitPrimary(0)
			a.eventually("reads after the restart", func() error {
				got, err := readValues(a.ctx, a.nodes[i].Local())
				if err == nil && !slices.Equal(got, want) {
					err = fmt.Errorf("rows %v", got)
				}
				return err
			})
			want = append(want, 10+v)
			a.mustExec(i, "INSERT INTO t VALUES (?)", 10+v)
			slices.Sort(want)
			a.wantCopies(0, want...)
		}
		for i, n := range a.nodes {
			if s := n.Status(); s.Problem != nil {
				t.Errorf("node %d: %+v", i, s)
			}
		}
	})
}

// The result codes of connections that a mount's end has broken for ever: such
// a read is run again on another connection, and nobody sees it.
func TestResultCodesOfBrokenConnections(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := &hooks{}
		a := startApp(t, driver, "WAL", static(2), h.hook)
		a.mustExec(1, "INSERT INTO t VALUES (1)")
		for _, code := range []int{
			266,  // SQLITE_IOERR_READ
			1802, // SQLITE_IOERR_FSTAT
			3850, // SQLITE_IOERR_LOCK
			14,   // SQLITE_CANTOPEN
			15,   // SQLITE_PROTOCOL
			11,   // SQLITE_CORRUPT
			26,   // SQLITE_NOTADB
		} {
			for i, n := range a.nodes {
				for name, db := range map[string]queryer{"DB": n.DB(), "Local": n.Local()} {
					h.fail(codeError(code))
					var got int
					err := db.QueryRowContext(a.ctx, readHazard).Scan(&got)
					if err != nil || got != 1 || h.takeFailure() != nil {
						t.Errorf("node %d's %s with code %d: %d rows, %v", i, name, code, got, err)
					}
				}
			}
		}
	})
}

// A copy that breaks while it is read, and cannot be opened again: the read is the
// primary's then, and never that of the empty database which stands in for the copy.
func TestReadsWithoutCopy(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := &hooks{}
		a := startApp(t, driver, "WAL", static(2), func(cfg *litefwd.Config) {
			if cfg.Name == "node1" {
				h.hook(cfg)
			}
		})
		a.mustExec(1, "INSERT INTO t VALUES (1)")
		const schema = "SELECT count(*) FROM sqlite_schema"
		alone := func(query string) (n int, err error) {
			return n, a.db(1).QueryRowContext(a.ctx, query).Scan(&n)
		}
		inTx := func(query string) (n int, err error) {
			tx, err := a.db(1).BeginTx(a.ctx, &sql.TxOptions{ReadOnly: true})
			if err != nil {
				return 0, err
			}
			defer tx.Rollback()
			return n, tx.QueryRowContext(a.ctx, query).Scan(&n)
		}
		for _, c := range []struct {
			read          func(string) (int, error)
			query, breaks string
		}{
			{alone, schema, schema},
			{inTx, readHazard, "SELECT 1 FROM sqlite_schema LIMIT 1"}, // by which it takes its snapshot
		} {
			h.refuse(nil)
			a.eventually("a connection to the copy", func() error {
				before := a.nodes[1].Stats().ForwardedReads
				if _, err := alone(readHazard); err != nil || a.nodes[1].Stats().ForwardedReads != before {
					return fmt.Errorf("the read went to the primary: %v", err)
				}
				return nil
			})
			h.refuse(codeError(14))
			h.failAt(c.breaks, codeError(266))
			if n, err := c.read(c.query); n != 1 || err != nil {
				t.Errorf("%s: %d, %v", c.query, n, err)
			}
		}
	})
}

// A directory that is no mount (any more) is never written as a plain one.
func TestNotMounted(t *testing.T) {
	dir := t.TempDir()
	cfg := litefwd.Config{Path: filepath.Join(dir, "app.db"), Driver: "sqlite", Secret: secret, Listen: "127.0.0.1:0"}
	n, err := litefwd.Open(t.Context(), cfg)
	wantKind(t, "no engine named", err, litefwd.ErrConfig)
	if err == nil {
		n.Close()
	}
	cfg.Engine, cfg.LiteFSURL = "litefs", "http://"+freeAddr(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	n, err = litefwd.Open(ctx, cfg)
	if err == nil {
		n.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), dir) {
		t.Errorf("engine litefs: %v", err)
	}
	if files, err := os.ReadDir(dir); len(files) != 0 || err != nil {
		t.Errorf("the directory has %v: %v", files, err)
	}
}

// A mount that goes away under a node: nothing is written to the bare directory.
func TestUnmounted(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) { cfg.PrimaryWait = 200 * time.Millisecond })
		a.mustExec(1, "INSERT INTO t VALUES (1)")
		a.must("Kill", a.Kill(1))
		begun := time.Now()
		for _, text := range []string{"INSERT INTO t VALUES (2)", "CREATE TABLE x(v)", "SELECT * FROM t"} {
			a.db(1).ExecContext(a.ctx, text) // it may be forwarded, or fail
		}
		if err := a.nodes[1].Local().QueryRowContext(a.ctx, "SELECT count(*) FROM t").Scan(new(int)); err == nil {
			t.Error("the node's copy is read without a mount")
		}
		if took := time.Since(begun); took > patience/2 {
			t.Errorf("that took %v", took)
		}
		if files, err := os.ReadDir(a.Mount(1)); len(files) != 0 || err != nil {
			t.Errorf("the bare directory has %v: %v", files, err)
		}
		a.must("Restart", a.Restart(a.ctx, 1))
		a.eventually("writes after the restart", func() error {
			_, err := a.db(1).ExecContext(a.ctx, "INSERT INTO t VALUES (3)")
			return err
		})
		if got := value[int](a, a.nodes[1].Local(), "SELECT count(*) FROM t WHERE v=3"); got != 1 {
			t.Errorf("the copy has the last write %d times", got)
		}
	})
}

// A node may be opened before LiteFS is mounted.
func TestStartBeforeMount(t *testing.T) {
	a := startApp(t, "sqlite", "WAL", static(2), nil)
	a.mustExec(1, "INSERT INTO t VALUES (1)")
	a.must("Close", a.nodes[1].Close())
	a.must("Kill", a.Kill(1))
	opened := make(chan error, 1)
	go func() {
		n, err := litefwd.Open(a.ctx, a.config(1))
		a.nodes[1] = n
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Fatalf("Open without a mount: %v", err)
	case <-time.After(50 * time.Millisecond): // it waits
	}
	a.must("Restart", a.Restart(a.ctx, 1))
	a.must("Open", <-opened)
	a.mustExec(1, "INSERT INTO t VALUES (2)")
	a.wantCopies(0, 1, 2)
}
