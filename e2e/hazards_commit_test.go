package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// Finding 6: COMMIT's success is no proof on LiteFS. Whatever happens to the
// primary's LiteFS inside a commit, a write that is reported as a success is
// there afterwards, and one whose error says that nothing ran is not.
func TestFinding06LiteFSKilledBeforeCommit(t *testing.T) {
	killInCommit(t, func(h *hooks, kill func()) { h.set(kill, nil) }, false)
}

// LiteFS's event may have told of the commit before.
func TestFinding06LiteFSKilledAfterCommit(t *testing.T) {
	killInCommit(t, func(h *hooks, kill func()) { h.set(nil, kill) }, true)
}

func killInCommit(t *testing.T, set func(h *hooks, kill func()), told bool) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		h := &hooks{}
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) {
			cfg.PrimaryWait = time.Second
			h.hook(cfg)
		})
		// The WAL's first transaction would meet SQLite's ten seconds of retries.
		a.mustExec(0, "INSERT INTO t VALUES (-1)")
		for v, from := range []int{0, 1} { // the primary's own write, and a forwarded one
			set(h, func() { a.must("Crash", a.Crash(0)) })
			_, err := a.db(from).ExecContext(a.ctx, "INSERT INTO t VALUES (?)", v)
			<-a.Done(0)
			a.must("Restart", a.Restart(a.ctx, 0))
			a.waitPrimary(0)
			a.wantOutcome(v, err)
			if err == nil && !told {
				t.Errorf("write %d is reported as a success, with LiteFS dead", v)
			}
			a.eventually("writes after the restart", func() error {
				_, err := a.db(from).ExecContext(a.ctx, "INSERT INTO t VALUES (?)", 100+v)
				return err
			})
		}
		a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))
		if got := values(a, a.db(1)); !slices.Contains(got, 100) || !slices.Contains(got, 101) {
			t.Errorf("in the end there are %v", got)
		}
	})
}

// wantOutcome checks that value v is there as often as the outcome of its write
// says.
func (a *app) wantOutcome(v int, err error) {
	a.t.Helper()
	primary := a.waitPrimary(-1)
	n := 0
	a.eventually("reading the outcome", func() error {
		db := a.open(a.driver, primary)
		defer db.Close()
		return db.QueryRowContext(a.ctx, "SELECT count(*) FROM t WHERE v=?", v).Scan(&n)
	})
	switch {
	case n > 1:
		a.t.Errorf("write %d (%v) is there %d times", v, err, n)
	case err == nil && n != 1:
		a.t.Errorf("write %d was reported as a success and is lost", v)
	case err != nil && litefwd.SafeToRetry(err) && n != 0:
		a.t.Errorf("write %d is there, and its error says that nothing ran: %v", v, err)
	case err != nil && !litefwd.SafeToRetry(err) && !errors.Is(err, litefwd.ErrOutcomeUnknown):
		a.t.Errorf("write %d: %v is neither safe to retry nor of unknown outcome", v, err)
	}
}

// The lease is lost before COMMIT: the write is rolled back, and runs on the
// next primary.
func TestFinding06LeaseLostBeforeCommit(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		h := &hooks{}
		a := startApp(t, driver, journal, isolatable(2), func(cfg *litefwd.Config) {
			cfg.PrimaryWait = 2 * patience
			h.hook(cfg)
		})
		h.set(func() {
			a.Consul().Expire(litefstest.LeaseKey)
			a.eventually("the loss of the lease", func() error {
				if info, err := a.Info(a.ctx, 0); err != nil || info.IsPrimary {
					return fmt.Errorf("%+v %v", info, err)
				}
				return nil
			})
		}, nil)
		_, err := a.db(0).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
		a.wantOutcome(1, err)
		a.alive()
	})
}

// The lease is lost while LiteFS makes the commit. In WAL mode SQLite cannot be
// told any more, so LiteFS ends itself with code 99 and SQLite reports a success.
func TestFinding06LeaseLostInsideCommit(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		h := &hooks{}
		a := startApp(t, driver, journal, isolatable(2), func(cfg *litefwd.Config) {
			cfg.PrimaryWait = 2 * time.Second
			h.hook(cfg)
		})
		a.mustExec(0, "CREATE TABLE big(v)")
		var inside sync.WaitGroup
		h.set(func() { inside.Go(func() { a.loseLeaseInsideCommit(0) }) }, nil)
		conn, err := a.db(0).BeginTx(a.ctx, nil)
		a.must("begin", err)
		for _, text := range []string{
			"INSERT INTO t VALUES (1)",
			"INSERT INTO big WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v+1 FROM n WHERE v<2500) SELECT randomblob(4000) FROM n",
		} {
			_, err := conn.ExecContext(a.ctx, text)
			a.must(text, err)
		}
		err = conn.Commit()
		inside.Wait()
		if journal == "WAL" {
			select {
			case <-a.Done(0):
			case <-time.After(patience / 4):
			}
		}
		ended := a.ExitCode(0)
		if journal == "WAL" && ended != 99 {
			t.Errorf("LiteFS's exit code is %d and not 99, the write's outcome %v: the lease was not lost at the right moment", ended, err)
		}
		if ended == 99 && !errors.Is(err, litefwd.ErrOutcomeUnknown) {
			t.Errorf("LiteFS has ended in the commit, and its outcome is %v", err)
		}
		if ended >= 0 {
			a.must("Restart", a.Restart(a.ctx, 0))
		}
		a.wantOutcome(1, err)
	})
}

// loseLeaseInsideCommit waits until LiteFS writes the transaction's LTX file and
// holds it there for so long that it has lost its lease when it goes on.
func (a *app) loseLeaseInsideCommit(i int) {
	pattern := filepath.Join(filepath.Dir(a.Mount(i)), "data", "dbs", "app.db", "ltx", "*.tmp")
	for begun := time.Now(); ; {
		if files, _ := filepath.Glob(pattern); len(files) > 0 {
			break
		}
		if time.Since(begun) > patience {
			a.t.Error("LiteFS has written no LTX file")
			return
		}
	}
	if err := a.Freeze(i); err != nil {
		a.t.Error(err)
		return
	}
	a.Consul().Expire(litefstest.LeaseKey)
	// It asks for its lease again after half of the TTL, and so when it goes on.
	<-time.After(time.Second / 2)
	if err := a.Thaw(i); err != nil {
		a.t.Error(err)
	}
}

// Finding 7: LiteFS's handoff loses acknowledged writes. Node.Promote stops them
// first.
func TestFinding07PromoteUnderWrites(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		opts := isolatable(2)
		opts.TTL = aLongTime
		a := startApp(t, driver, journal, opts, func(cfg *litefwd.Config) { cfg.PrimaryWait = patience })
		acked := a.writeDuring(func() {
			for _, i := range []int{1, 0} {
				a.must("Promote", a.nodes[i].Promote(a.ctx))
				if role := a.nodes[i].Role(); role != litefwd.RolePrimary {
					t.Errorf("node %d is %v after Promote", i, role)
				}
			}
		})
		a.alive()
		a.wantCopies(0, acked...)
	})
}

// writeDuring writes on all nodes while f runs, and returns what was
// acknowledged, in order. No outcome may be unknown.
func (a *app) writeDuring(f func()) (acked []int) {
	a.t.Helper()
	var mu sync.Mutex
	var writers sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 * len(a.nodes) {
		writers.Go(func() {
			for v := 10_000 * w; ; v++ {
				select {
				case <-done:
					return
				default:
				}
				if _, err := a.db(w%len(a.nodes)).ExecContext(a.ctx, "INSERT INTO t VALUES (?)", v); err != nil {
					a.t.Errorf("write %d: %v", v, err)
					return
				}
				mu.Lock()
				acked = append(acked, v)
				mu.Unlock()
			}
		})
	}
	f()
	close(done)
	writers.Wait()
	slices.Sort(acked)
	a.t.Logf("%d writes", len(acked))
	return acked
}
