package writer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// ended is a context that is done.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// endless inserts until it is interrupted; gate(?) tells when it has begun.
const endless = "INSERT INTO t WITH RECURSIVE r (a) AS (SELECT gate(?) UNION ALL SELECT a + 1 FROM r) SELECT a FROM r"

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		known := stmt("INSERT INTO t VALUES (0)")
		_, err := e.Exec(t.Context(), known)
		wantNoError(t, err)
		conn := e.conn
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		held := stmt("INSERT INTO t VALUES (2)")
		waiting := make(chan error)
		go func() {
			_, err := e.Exec(context.Background(), held)
			waiting <- err
		}()
		eventually(t, "it waits", func() bool { return e.Stats().Queue == 1 })
		done := make(chan error)
		go func() { done <- e.Pause(context.Background()) }()
		err = <-waiting
		wantKind(t, err, fault.NotPrimary, "giving the primary role up")
		begun := forward.TxOptions{ID: forward.NewID()}
		for _, call := range []func() error{
			func() error { return err },
			func() error { _, err := e.Exec(t.Context(), stmt("INSERT INTO t VALUES (3)")); return err },
			func() error { _, err := e.Query(t.Context(), stmt("SELECT 1")); return err },
			func() error { _, err := e.Begin(t.Context(), begun); return err },
			func() error { _, err := e.Begin(t.Context(), forward.TxOptions{ReadOnly: true}); return err },
		} {
			err := call()
			wantKind(t, err, fault.NotPrimary, "giving the primary role up")
			if !fault.SafeToRetry(err) {
				t.Errorf("not safe to retry: %v", err)
			}
		}
		mustExec(t, tx, "INSERT INTO t VALUES (4)") // what runs may go on
		_, err = tx.Commit(t.Context())
		wantNoError(t, err)
		wantNoError(t, <-done)
		wantNoError(t, e.Pause(ended())) // nothing is left
		_, err = e.Outcome(t.Context(), known.ID)
		wantNoError(t, err)

		e.Resume()
		_, err = e.Exec(t.Context(), known) // runs once
		wantNoError(t, err)
		_, err = e.Exec(t.Context(), held) // may come again
		wantNoError(t, err)
		tx, err = e.Begin(t.Context(), begun)
		wantNoError(t, err)
		wantNoError(t, tx.Rollback(t.Context()))
		if e.conn != conn {
			t.Error("the connection was not kept")
		}
		e.wantRows(e, "SELECT a FROM t", "0 1 4 2")
	})
}

func TestPauseExpires(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		for range 2 { // as if it was the first time
			idle := e.begin(forward.TxOptions{})
			mustExec(t, idle, "INSERT INTO t VALUES (1)")
			reading := e.begin(forward.TxOptions{ReadOnly: true})
			rows, err := e.Query(t.Context(), stmt("SELECT 1"))
			wantNoError(t, err)
			wantNoError(t, e.Pause(ended()))
			_, err = idle.Commit(t.Context())
			wantKind(t, err, fault.TxExpired, "giving the primary role up")
			_, err = reading.Query(t.Context(), stmt("SELECT 1"))
			wantKind(t, err, fault.TxExpired, "read was ended")
			wantKind(t, rows.Next(nil), fault.TxExpired, "read was ended")
			e.wantValues("SELECT count(*) FROM t", "0")
			e.Resume()
			e.wantRows(e, "SELECT count(*) FROM t", "0")
		}
	})
}

// What runs is interrupted and rolled back; what comes after Resume is not.
func TestPauseInterrupts(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		for range 2 {
			g, n := newGate(t)
			result := make(chan error)
			go func() {
				_, err := e.Exec(t.Context(), stmt(endless, n))
				result <- err
			}()
			<-g.entered
			close(g.open)
			wantNoError(t, e.Pause(ended()))
			wantCode(t, <-result, fault.CodeInterrupt)
			e.wantValues("SELECT count(*) FROM t", "0")
			e.Resume()
			tx, err := e.Begin(t.Context(), forward.TxOptions{})
			wantNoError(t, err)
			_, err = tx.Exec(context.Background(), stmt("INSERT INTO t VALUES (1)"))
			wantNoError(t, err)
			_, err = tx.Commit(t.Context())
			wantNoError(t, err)
			_, err = e.Exec(t.Context(), stmt("DELETE FROM t"))
			wantNoError(t, err)
		}
	})
}

// A statement that cannot be interrupted makes Pause fail. It may still commit,
// so there is no lock to be had, and the caller decides.
func TestPauseFails(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		g, n := newGate(t)
		result := make(chan error)
		go func() {
			_, err := e.Exec(context.Background(), stmt("INSERT INTO t VALUES (gate(?))", n))
			result <- err
		}()
		<-g.entered
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := e.Pause(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Pause: %v", err)
		}
		if _, err := e.HoldLock(t.Context()); err == nil {
			t.Error("the lock was given")
		}
		again := make(chan error)
		go func() { again <- e.Pause(context.Background()) }()
		close(g.open)
		wantNoError(t, <-result)
		wantNoError(t, <-again)
		e.Resume()
		e.must("INSERT INTO t VALUES (-1)")
		e.wantValues("SELECT count(*) FROM t", "2")
	})
}

// Resume ends a Pause that still waits, and its limit with it.
func TestResumeEndsPause(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		tx := e.begin(forward.TxOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- e.Pause(ctx) }()
		eventually(t, "it is paused", func() bool {
			rows, err := e.Query(t.Context(), stmt("SELECT 1"))
			if err == nil {
				rows.Close()
			}
			return errors.Is(err, fault.NotPrimary)
		})
		e.Resume()
		if err := <-done; !errors.Is(err, ErrResumed) {
			t.Errorf("Pause: %v", err)
		}
		cancel()
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		_, err := tx.Commit(t.Context())
		wantNoError(t, err)
		e.wantRows(e, "SELECT a FROM t", "1")
	})
}

// The end of a Pause that Resume has overtaken touches nothing that came since.
func TestOvertakenPause(t *testing.T) {
	t.Parallel()
	e := newEnv(t, testDrivers[0])
	e.must("CREATE TABLE t (a)")
	_, resumed := e.refuse(paused, draining())
	e.Resume()
	tx := e.begin(forward.TxOptions{})
	e.interrupt(resumed, "too late")
	mustExec(t, tx, "INSERT INTO t VALUES (1)")
	_, err := tx.Commit(t.Context())
	wantNoError(t, err)
	_, later := e.refuse(paused, draining())
	e.interrupt(resumed, "too late")
	if e.interrupts().Err() != nil {
		t.Error("another pause was ended")
	}
	e.interrupt(later, "now")
	if e.interrupts().Err() == nil {
		t.Error("not interrupted")
	}
}

// A transaction that Pause refuses in the moment it has begun may begin again.
func TestRefusedBeginMayComeAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t, testDrivers[1])
	opts := forward.TxOptions{ID: forward.NewID()}
	wantNoError(t, e.enter())
	e.outcomes.claim(opts.ID)
	tx, err := e.beginWrite(t.Context(), opts)
	wantNoError(t, err)
	empty, _ := e.refuse(paused, draining())
	wantKind(t, tx.watched(), fault.NotPrimary, "")
	<-empty
	e.Resume()
	again := e.begin(opts)
	wantNoError(t, again.Rollback(t.Context()))
}

func TestPauseAmongTheOthers(t *testing.T) {
	t.Parallel()
	pause := func(e *env) { wantNoError(e.t, e.Pause(context.Background())) }
	drain := func(e *env) { wantNoError(e.t, e.Drain(context.Background())) }
	closeIt := func(e *env) { wantNoError(e.t, e.Close()) }
	resume := func(e *env) { e.Resume() }
	for name, c := range map[string]struct {
		calls []func(*env)
		want  error // of a write afterwards
	}{
		"resume alone":         {[]func(*env){resume}, nil},
		"pause twice":          {[]func(*env){pause, pause}, fault.NotPrimary},
		"pause twice, resume":  {[]func(*env){pause, pause, resume}, nil},
		"resume twice":         {[]func(*env){pause, resume, resume}, nil},
		"pause again":          {[]func(*env){pause, resume, pause}, fault.NotPrimary},
		"drain is for good":    {[]func(*env){pause, drain, resume}, fault.NotPrimary},
		"pause after drain":    {[]func(*env){drain, pause, resume}, fault.NotPrimary},
		"close is for good":    {[]func(*env){pause, closeIt, resume}, fault.Closed},
		"pause after close":    {[]func(*env){closeIt, pause, resume}, fault.Closed},
		"drain after close":    {[]func(*env){closeIt, drain}, fault.Closed},
		"close after a resume": {[]func(*env){pause, resume, closeIt}, fault.Closed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, testDrivers[1])
			e.must("CREATE TABLE t (a)")
			for _, call := range c.calls {
				call(e)
			}
			_, err := e.Exec(t.Context(), stmt("INSERT INTO t VALUES (1)"))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// While Pause has succeeded nothing commits, whoever else comes and goes, and
// what was acknowledged is there.
func TestPauseUnderLoad(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		ctx, cancel := context.WithCancel(context.Background())
		var rows atomic.Int64
		var load sync.WaitGroup
		for i := range 3 {
			load.Go(func() {
				for ctx.Err() == nil {
					var err error
					if i > 0 {
						_, err = e.Exec(ctx, stmt("INSERT INTO t VALUES (1)"))
					} else if tx, beginErr := e.Begin(ctx, forward.TxOptions{ID: forward.NewID()}); beginErr == nil {
						tx.Exec(ctx, stmt("INSERT INTO t VALUES (1)")) //nolint:errcheck // Commit fails too
						_, err = tx.Commit(context.Background())
					} else {
						err = beginErr
					}
					if err == nil {
						rows.Add(1)
					}
				}
			})
		}
		commits := func() (n uint64) {
			e.engine.set(func(e *testEngine) { n = e.commits })
			return n
		}
		for i := range 30 {
			bound, stop := ctx, func() {}
			if i%3 == 0 {
				bound, stop = context.WithCancel(ctx)
				stop()
			}
			wantNoError(t, e.Pause(bound))
			stop()
			before := commits()
			release, err := e.HoldLock(ctx)
			wantNoError(t, err)
			if now := commits(); now != before {
				t.Errorf("%d commits during the pause", now-before)
			}
			if i%2 == 0 {
				release()
			}
			e.Resume()
			eventually(t, "a commit", func() bool { return commits() > before })
		}
		var ends sync.WaitGroup
		ends.Go(func() { e.Pause(ctx) }) //nolint:errcheck // may be ErrResumed
		ends.Go(e.Resume)
		ends.Go(func() { wantNoError(t, e.Close()) })
		ends.Wait()
		e.Resume()
		_, err := e.Exec(ctx, stmt("INSERT INTO t VALUES (1)"))
		wantKind(t, err, fault.Closed, "")
		cancel()
		load.Wait()
		e.wantValues("SELECT count(*) FROM t", text(rows.Load()))
	})
}
