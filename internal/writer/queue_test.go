package writer

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func TestQueueIsFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q queue
		wantNoError(t, q.acquire(t.Context(), time.Second, ""))
		var order []int
		for i := range 10 {
			go func() {
				if err := q.acquire(context.Background(), time.Minute, ""); err != nil {
					t.Error(err)
				}
				order = append(order, i) // guarded by the slot
				q.release()
			}()
			synctest.Wait()
		}
		if q.alone.length != 10 {
			t.Errorf("length %d", q.alone.length)
		}
		q.release()
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("order %v", order)
			}
		}
		if q.held || q.alone.length != 0 || len(q.alone.lines) != 0 || q.alone.turns.Len() != 0 {
			t.Errorf("left behind: %+v", &q)
		}
	})
}

func TestQueueWithdrawn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q queue
		wantNoError(t, q.acquire(t.Context(), time.Second, ""))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i, limit := range []time.Duration{time.Second, time.Minute, 5 * time.Second, time.Hour} {
			wg.Go(func() {
				ctx := ctx
				if i >= 2 {
					ctx = context.Background()
				}
				errs[i] = q.acquire(ctx, limit, "")
			})
			synctest.Wait()
		}
		start := time.Now()
		<-time.After(10 * time.Second) // of the bubble's: all but the last give up
		synctest.Wait()
		if q.alone.length != 1 || q.alone.turns.Len() != 1 {
			t.Fatalf("queue: %+v", &q)
		}
		for i, err := range errs[:3] {
			wantCode(t, err, fault.CodeBusy)
			if !strings.HasPrefix(err.Error(), "database is locked") || !fault.SafeToRetry(err) {
				t.Errorf("text %q", err)
			}
			if got := errors.Is(err, context.DeadlineExceeded); got != (i == 1) {
				t.Errorf("%d: is DeadlineExceeded: %v", i, got)
			}
		}
		if q.busy != 3 || q.maxWait != 5*time.Second {
			t.Errorf("busy %d, maxWait %v", q.busy, q.maxWait)
		}
		q.release()
		wg.Wait()
		wantNoError(t, errs[3])
		if time.Since(start) != 10*time.Second {
			t.Errorf("took %v", time.Since(start))
		}
		wantCode(t, q.acquire(t.Context(), 0, ""), fault.CodeBusy)
		q.release()
		wantNoError(t, q.acquire(t.Context(), 0, ""))
	})
}

// TestNoDeadlock: a goroutine that holds a transaction and writes outside it
// gets BUSY.
func TestNoDeadlock(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		_, err := e.Exec(t.Context(), stmt("INSERT INTO t VALUES (2)"))
		wantCode(t, err, fault.CodeBusy)
		_, err = e.Exec(context.Background(), stmt("INSERT INTO t VALUES (2)"))
		wantCode(t, err, fault.CodeBusy)
		_, err = e.Begin(t.Context(), forward.TxOptions{})
		wantCode(t, err, fault.CodeBusy)
		_, err = tx.Commit(t.Context())
		wantNoError(t, err)
		e.must("INSERT INTO t VALUES (3)")
		e.wantValues("SELECT a FROM t", "1 3")
		if s := e.Stats(); s.Busy != 3 || s.MaxWait < 20*time.Millisecond {
			t.Errorf("%+v", s)
		}
	}, func(o *Options) { o.BusyTimeout = 20 * time.Millisecond })
}

// TestOutcomeOfRunningStatement: whoever asks for it while it runs waits, or
// leaves.
func TestOutcomeOfRunningStatement(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		g, n := newGate(t)
		st := stmt("INSERT INTO t VALUES (gate(?))", n)
		ran := make(chan error)
		go func() {
			_, err := e.Exec(context.Background(), st)
			ran <- err
		}()
		<-g.entered
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		_, err := e.Outcome(ctx, st.ID)
		wantKind(t, err, fault.OutcomeUnknown, "still runs")
		close(g.open)
		res, err := e.Outcome(t.Context(), st.ID)
		wantNoError(t, err)
		wantResult(t, res, 1, 1, 1)
		wantNoError(t, <-ran)
	})
}

// TestCancelAtTheEnd: a statement whose context ends while it runs is either
// undone and says so, or done and a success.
func TestCancelAtTheEnd(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		g, n := newGate(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-g.entered
			cancel()
			close(g.open)
		}()
		st := stmt("INSERT INTO t VALUES (gate(?))", n)
		_, err := e.Exec(ctx, st)
		_, outcome := e.Outcome(t.Context(), st.ID)
		if (err == nil) != (outcome == nil) {
			t.Errorf("the caller got %v, the outcome is %v", err, outcome)
		}
		if err == nil {
			e.wantValues("SELECT count(*) FROM t", "1")
			return
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

// TestCancelInterrupts: an endless statement whose caller leaves does not hold
// the slot.
func TestCancelInterrupts(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		g, n := newGate(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-g.entered
			cancel()
			close(g.open)
		}()
		st := stmt("INSERT INTO t WITH RECURSIVE r (a) AS (SELECT gate(?) UNION ALL SELECT a + 1 FROM r) SELECT a FROM r", n)
		_, err := e.Exec(ctx, st)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		e.must("INSERT INTO t VALUES (1)")
		e.wantValues("SELECT a FROM t", "1")
	})
}

func TestDrain(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		waiting := make(chan error)
		go func() {
			_, err := e.Exec(context.Background(), stmt("INSERT INTO t VALUES (2)"))
			waiting <- err
		}()
		eventually(t, "it waits", func() bool { return e.Stats().Queue == 1 })
		drained := make(chan error)
		go func() { drained <- e.Drain(context.Background()) }()
		err := <-waiting // those in the queue need not wait for the end
		wantKind(t, err, fault.NotPrimary, "giving the primary role up")
		if !fault.SafeToRetry(err) {
			t.Error("not safe to retry")
		}
		for _, call := range []func() error{
			func() error { _, err := e.Exec(t.Context(), stmt("INSERT INTO t VALUES (3)")); return err },
			func() error { _, err := e.Query(t.Context(), stmt("SELECT 1")); return err },
			func() error { _, err := e.Begin(t.Context(), forward.TxOptions{}); return err },
			func() error { _, err := e.Begin(t.Context(), forward.TxOptions{ReadOnly: true}); return err },
		} {
			wantKind(t, call(), fault.NotPrimary, "giving the primary role up")
		}
		mustExec(t, tx, "INSERT INTO t VALUES (4)") // what runs may go on
		_, err = tx.Commit(t.Context())
		wantNoError(t, err)
		wantNoError(t, <-drained)
		e.wantValues("SELECT a FROM t", "1 4")
		wantNoError(t, e.Close())
		_, err = e.Exec(t.Context(), stmt("INSERT INTO t VALUES (3)"))
		wantKind(t, err, fault.Closed, "")
	})
}

func TestDrainExpires(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		idle := e.begin(forward.TxOptions{})
		mustExec(t, idle, "INSERT INTO t VALUES (1)")
		rows, err := e.Query(t.Context(), stmt("SELECT 1"))
		wantNoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantNoError(t, e.Drain(ctx)) // everything could be ended
		_, err = idle.Commit(t.Context())
		wantKind(t, err, fault.TxExpired, "giving the primary role up")
		wantKind(t, rows.Next(nil), fault.TxExpired, "read was ended")
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

func TestCloseInterrupts(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		g, n := newGate(t)
		done := make(chan error)
		go func() {
			_, err := tx.Exec(context.Background(),
				stmt("INSERT INTO t WITH RECURSIVE r (a) AS (SELECT gate(?) UNION ALL SELECT a + 1 FROM r) SELECT a FROM r", n))
			done <- err
		}()
		<-g.entered
		close(g.open)
		wantNoError(t, e.Close())
		wantKind(t, <-done, fault.TxExpired, "shutting down")
		wantNoError(t, e.Close())
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

// TestNoGoroutineLeft looks at the stacks after a Writer with all kinds of
// work has closed.
func TestNoGoroutineLeft(t *testing.T) {
	for _, d := range testDrivers { // not parallel: others run the same code
		e := newEnv(t, d, func(o *Options) { o.BusyTimeout = time.Millisecond })
		e.must("CREATE TABLE t (a)")
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 10 {
			_, err := e.Exec(ctx, stmt("INSERT INTO t VALUES (1)"))
			wantNoError(t, err)
			tx, err := e.Begin(ctx, forward.TxOptions{})
			wantNoError(t, err)
			_, err = tx.Query(ctx, stmt("SELECT 1"))
			wantNoError(t, err)
			wantNoError(t, tx.Rollback(ctx))
			_, err = e.Query(ctx, stmt("SELECT 1")) // not closed by its owner
			if i < 8 {
				wantNoError(t, err)
			}
		}
		cancel()
		wantNoError(t, e.Close())
		eventually(t, "no goroutine", func() bool {
			buf := make([]byte, 1<<20)
			stacks := string(buf[:runtime.Stack(buf, true)])
			return !strings.Contains(stacks, "writer.(*Writer)") && !strings.Contains(stacks, "writer.(*tx)")
		})
	}
}

// gather ends when so many jobs wait, or when its limit has passed.
func TestQueueGathers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q queue
		wantNoError(t, q.acquire(t.Context(), time.Second, ""))
		add := func() {
			q.enqueue(context.Background(), time.Hour, &request{job: &job{}, answer: func(error) {}})
		}
		start := time.Now()
		over := make(chan struct{})
		go func() { q.gather(3, time.Minute); close(over) }()
		for range 3 {
			synctest.Wait()
			add()
		}
		<-over
		if took := time.Since(start); took != 0 {
			t.Errorf("three waited at once, and gather took %v", took)
		}
		q.gather(3, time.Minute)
		if took := time.Since(start); took != 0 {
			t.Errorf("three waited already, and gather took %v", took)
		}
		q.gather(4, time.Second)
		if took := time.Since(start); took != time.Second || q.enough != nil {
			t.Errorf("it waited for %v", took)
		}
		q.close(closed())
		q.gather(1, time.Minute)
		if took := time.Since(start); took != time.Second {
			t.Error("it waits for a queue that is closed")
		}
	})
}

// Jobs and those who want the slot for themselves take turns.
func TestQueueAlternates(t *testing.T) {
	t.Parallel()
	var q queue
	ctx := context.Background() // whose end would answer them once more
	wantNoError(t, q.acquire(ctx, time.Second, ""))
	order := ""
	for range 3 {
		q.enqueue(ctx, time.Hour, &request{answer: func(error) { order += "t" }})
	}
	for i := range 3 {
		q.enqueue(ctx, time.Hour, &request{job: &job{alone: i == 2}, answer: func(error) { order += "j" }})
	}
	for range 6 {
		q.release()
	}
	q.release()
	if order != "jtjttj" || q.held {
		t.Errorf("order %s", order)
	}
}
