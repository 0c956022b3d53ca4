package litefwd_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/litefwdtest"
)

// losses are what the nodes of a cluster were told, by the node's number.
type losses struct {
	mu   sync.Mutex
	told map[int][]litefwd.HistoryChange
	logs map[int]*logLines
}

// logLines is a slog handler's output.
type logLines struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *losses) of(i int) []litefwd.HistoryChange {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[i]
}

// wait waits for the first loss that node i is told.
func (l *losses) wait(t *testing.T, i int) litefwd.HistoryChange {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if told := l.of(i); len(told) > 0 {
			return told[0]
		}
	}
	t.Fatalf("node %d was told of no loss; its log:\n%s", i, l.logs[i])
	return litefwd.HistoryChange{}
}

// newLossyCluster is newCluster with an ear for what is lost.
func newLossyCluster(t *testing.T, n int, driver string, change ...func(*litefwd.Config)) (*litefwdtest.Cluster, *losses) {
	t.Helper()
	l := &losses{told: map[int][]litefwd.HistoryChange{}, logs: map[int]*logLines{}}
	c := litefwdtest.New(t, n, litefwdtest.WithDriver(driver), litefwdtest.WithConfig(func(i int, cfg *litefwd.Config) {
		cfg.AwaitTimeout = 30 * time.Millisecond
		cfg.PrimaryWait = 100 * time.Millisecond
		l.logs[i] = &logLines{}
		cfg.Logger = slog.New(slog.NewTextHandler(l.logs[i], nil))
		cfg.OnHistoryChange = func(h litefwd.HistoryChange) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.told[i] = append(l.told[i], h)
		}
		for _, f := range change {
			f(cfg)
		}
	}))
	mustExec(t, c.DB(0), "CREATE TABLE t(v)")
	settle(t, c)
	return c, l
}

func failover(t *testing.T, c *litefwdtest.Cluster, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.Failover(ctx, i); err != nil {
		t.Fatal(err)
	}
}

// A write that waits for its copy while a failover loses it is not confirmed by
// the new history's later ids.
func TestLostWriteIsNotConfirmed(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		for more := 1; more <= 3; more++ {
			c, l := newLossyCluster(t, 3, driver, func(cfg *litefwd.Config) { cfg.AwaitTimeout = time.Minute })
			c.Pause(1)
			c.Pause(2)
			committed, done := make(chan struct{}), make(chan error, 1)
			c.AtCommit(func() { close(committed) })
			go func() {
				_, err := c.DB(1).Exec("INSERT INTO t VALUES ('lost')")
				done <- err
			}()
			<-committed
			<-time.After(50 * time.Millisecond) // for the answer; one that is late is an unknown outcome
			failover(t, c, 2)
			for range more {
				mustExec(t, c.DB(2), "INSERT INTO t VALUES ('new')")
			}
			c.Resume(1)
			err := <-done
			// The failover may also be seen before the answer.
			if !errors.Is(err, litefwd.ErrHistoryChanged) && !errors.Is(err, litefwd.ErrOutcomeUnknown) {
				t.Errorf("%d more: the write returned %v", more, err)
			}
			settle(t, c)
			if n := queryInt(t, c.Local(1), "SELECT count(*) FROM t WHERE v = 'lost'"); n != 0 {
				t.Errorf("the row is there: the test loses nothing")
			}
			if errors.Is(err, litefwd.ErrHistoryChanged) {
				if got := l.wait(t, 1); !got.Certain || got.Database != "app.db" || got.Was.TXID != 2 {
					t.Errorf("%d more: told %+v", more, got)
				}
			}
		}
	})
}

// A former primary whose copy is of a lost history, and further than what the
// new primary acknowledges, does not take that for its own.
func TestFormerPrimaryReadsItsWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c, l := newLossyCluster(t, 2, driver)
		c.Pause(1)
		for range 5 {
			mustExec(t, c.DB(0), "INSERT INTO t VALUES ('lost')")
		}
		c.Pause(0)
		failover(t, c, 1)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES ('kept')")
		if c.Position(0, "app.db").TXID <= c.Position(1, "app.db").TXID {
			t.Fatal("the former primary's copy is not further: the test shows nothing")
		}
		if n := queryInt(t, c.DB(0), "SELECT count(*) FROM t WHERE v = 'kept'"); n != 1 {
			t.Errorf("the process sees %d of its writes", n)
		}
		c.Resume(0)
		settle(t, c)
		if got := l.wait(t, 0); !got.Certain || got.Was.TXID != 6 {
			t.Errorf("told %+v", got)
		}
		before := c.Node(0).Stats().ForwardedReads
		if n := queryInt(t, c.DB(0), "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("%d rows", n)
		}
		if s := c.Node(0).Stats(); s.ForwardedReads != before {
			t.Error("the copy has arrived, but reads still go to the primary")
		}
	})
}

// A process whose late write is lost does not wait for it for ever: the first
// read on a primary that is not so far says so.
func TestBehindALostWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c, l := newLossyCluster(t, 3, driver)
		c.Pause(1)
		c.Pause(2)
		mustExec(t, c.DB(1), "INSERT INTO t VALUES ('lost')") // a success, though late
		lost := c.Position(0, "app.db")
		failover(t, c, 2)
		c.Resume(1)
		waitRole(t, c.Node(1), litefwd.RoleReplica)
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 0 {
			t.Errorf("%d rows", n)
		}
		if got := l.wait(t, 1); !got.Certain || got.Was != lost || got.Is != c.Position(2, "app.db") {
			t.Errorf("told %+v, lost %v", got, lost)
		}
		c.NoPrimary()
		if n := queryInt(t, c.DB(1), "SELECT count(*) FROM t"); n != 0 {
			t.Errorf("without a primary %d rows", n)
		}
		if s := c.Node(1).Stats(); s.HistoryChanges != 1 || s.CertainLosses != 1 || len(l.of(1)) != 1 {
			t.Errorf("stats %+v, told %+v", s, l.of(1))
		}
		if log := l.logs[1].String(); strings.Count(log, "history changed: writes are lost") != 1 {
			t.Errorf("log:\n%s", log)
		}
	})
}

// What a read has seen on the primary, a later one does not take back.
func TestReadsGrow(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		const lag = 400 * time.Millisecond
		c.Lag(1, lag)
		mustExec(t, c.DB(1), "INSERT INTO t VALUES (1)") // late
		<-time.After(lag / 2)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES (2)") // arrives so much after that
		last := int64(0)
		for end := time.Now().Add(10 * time.Second); queryInt(t, c.Local(1), "SELECT count(*) FROM t") < 2; {
			n := queryInt(t, c.DB(1), "SELECT count(*) FROM t")
			if n < last {
				t.Fatalf("a read saw %d rows after one that saw %d", n, last)
			}
			last = n
			if time.Now().After(end) {
				t.Fatal("the copy does not catch up")
			}
		}
		if last != 2 {
			t.Errorf("%d rows seen: no read ran on the primary", last)
		}
		c.Lag(1, 0)
		settle(t, c)
		queryInt(t, c.DB(1), "SELECT count(*) FROM t")
		before := c.Node(1).Stats().ForwardedReads
		queryInt(t, c.DB(1), "SELECT count(*) FROM t")
		if s := c.Node(1).Stats(); s.ForwardedReads != before {
			t.Error("caught up, but reads still go to the primary")
		}
	})
}

// A busy primary and a copy that is always a little late do not keep a process's
// reads on the primary.
func TestReadsComeBackUnderLoad(t *testing.T) {
	c := newCluster(t, 2, "sqlite", func(cfg *litefwd.Config) { cfg.AwaitTimeout = time.Millisecond })
	c.Lag(1, 10*time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	load.Go(func() {
		for ctx.Err() == nil {
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (0)")
			<-time.After(time.Millisecond)
		}
	})
	mustExec(t, c.DB(1), "INSERT INTO t VALUES (1)")
	for range 100 {
		queryInt(t, c.DB(1), "SELECT count(*) FROM t")
	}
	before := c.Node(1).Stats().LocalReads
	for range 20 {
		queryInt(t, c.DB(1), "SELECT count(*) FROM t")
	}
	if s := c.Node(1).Stats(); s.LocalReads == before {
		t.Errorf("no read is local any more: %+v", s)
	}
}

// Each node that had seen what is lost says so, once, and no other.
func TestEveryWitnessReports(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c, l := newLossyCluster(t, 4, driver)
		c.Pause(2)
		c.Pause(3)
		mustExec(t, c.DB(0), "INSERT INTO t VALUES ('lost')") // nodes 0 and 1 have it
		settle(t, c)
		none := litefwd.WithAwait(t.Context(), litefwd.AwaitNone)
		if _, err := c.DB(3).ExecContext(none, "INSERT INTO t VALUES ('lost, too')"); err != nil { // node 3 was told so
			t.Fatal(err)
		}
		settle(t, c)
		was := c.Position(0, "app.db")
		c.Pause(0)
		c.Pause(1)
		failover(t, c, 2)
		c.Resume(0)
		c.Resume(1)
		settle(t, c)
		for i := range 2 {
			if got := l.wait(t, i); !got.Certain || got.Was != was || got.Is != c.Position(2, "app.db") {
				t.Errorf("node %d was told %+v, lost %v", i, got, was)
			}
		}
		c.Resume(3) // its copy goes on without what it was told
		for range 3 {
			mustExec(t, c.DB(2), "INSERT INTO t VALUES ('new')")
		}
		settle(t, c)
		if got := l.wait(t, 3); !got.Certain || got.Was != was {
			t.Errorf("node 3 was told %+v, lost %v", got, was)
		}
		for i, want := range []uint64{1, 1, 0, 1} {
			if s := c.Node(i).Stats(); s.HistoryChanges != want || s.CertainLosses != want || len(l.of(i)) != int(want) {
				t.Errorf("node %d: stats %+v, told %+v", i, s, l.of(i))
			}
		}
	})
}

// A former primary that gets a copy that is further cannot tell whether what it
// had is in there.
func TestMaybeLost(t *testing.T) {
	c, l := newLossyCluster(t, 2, "sqlite")
	c.Pause(1)
	mustExec(t, c.DB(0), "INSERT INTO t VALUES ('lost')")
	was := c.Position(0, "app.db")
	c.Pause(0)
	failover(t, c, 1)
	for range 3 {
		mustExec(t, c.DB(1), "INSERT INTO t VALUES ('new')")
	}
	c.Resume(0)
	settle(t, c)
	if got := l.wait(t, 0); got.Certain || got.Was != was || got.Is != c.Position(1, "app.db") {
		t.Errorf("told %+v, lost %v", got, was)
	}
	if s := c.Node(0).Stats(); s.HistoryChanges != 1 || s.CertainLosses != 0 {
		t.Errorf("stats %+v", s)
	}
	if log := l.logs[0].String(); !strings.Contains(log, "history changed: writes may be lost") {
		t.Errorf("log:\n%s", log)
	}
}

// Moving the role loses nothing, and nobody says so.
func TestNoFalseAlarm(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c, l := newLossyCluster(t, 3, driver)
		none := litefwd.WithAwait(t.Context(), litefwd.AwaitNone)
		for i := range 9 {
			for n := range 3 {
				ctx := t.Context()
				if n == 1 {
					ctx = none
				}
				if _, err := c.DB(n).ExecContext(ctx, "INSERT INTO t VALUES (1)"); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if err := c.Promote(ctx, (i+1)%3); err != nil {
				t.Fatal(err)
			}
			cancel()
			waitRole(t, c.Node((i+1)%3), litefwd.RolePrimary)
		}
		settle(t, c)
		<-time.After(100 * time.Millisecond)
		for i := range 3 {
			if told := l.of(i); len(told) > 0 {
				t.Errorf("node %d was told %+v", i, told)
			}
		}
	})
}
