package writer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// locked reports whether somebody else has SQLite's write lock.
func (e *env) locked() bool {
	e.t.Helper()
	ctx := context.Background()
	_, err := e.bare.Exec(ctx, "PRAGMA busy_timeout = 0", nil)
	wantNoError(e.t, err)
	_, err = e.bare.Exec(ctx, "BEGIN IMMEDIATE", nil)
	if err == nil {
		_, err = e.bare.Exec(ctx, "ROLLBACK", nil)
		wantNoError(e.t, err)
		return false
	}
	wantCode(e.t, err, fault.CodeBusy)
	return true
}

func TestHoldLock(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		if _, err := e.HoldLock(t.Context()); err == nil {
			t.Error("a Writer that is not paused gives the lock")
		}
		wantNoError(t, e.Pause(t.Context()))
		release, err := e.HoldLock(t.Context())
		wantNoError(t, err)
		if !e.locked() {
			t.Error("not locked")
		}
		if _, err := e.HoldLock(t.Context()); err == nil {
			t.Error("it is given twice")
		}
		wantNoError(t, e.Pause(t.Context())) // does not wait for the lock
		var both sync.WaitGroup
		both.Go(release)
		both.Go(release)
		both.Wait()
		if e.locked() {
			t.Error("still locked")
		}
		_, err = e.HoldLock(t.Context())
		wantNoError(t, err)
		e.Resume()
		e.must("INSERT INTO t VALUES (1)")
		release() // of another time
		if e.locked() {
			t.Error("still locked after Resume")
		}
		wantNoError(t, e.Pause(t.Context()))
		late, err := e.HoldLock(t.Context())
		wantNoError(t, err)
		wantNoError(t, e.Drain(t.Context()))
		if !e.locked() {
			t.Error("Drain gave the lock up")
		}
		wantNoError(t, e.Close())
		if e.locked() {
			t.Error("still locked after Close")
		}
		late()
		_, err = e.HoldLock(t.Context())
		wantKind(t, err, fault.Closed, "")
	})
}

// The connection is afterwards as it was.
func TestHoldLockSettings(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		st := stmt("CREATE TABLE t (a)")
		st.Session.Pragmas = map[string]string{"foreign_keys": "1"}
		_, err := e.Exec(t.Context(), st)
		wantNoError(t, err)
		before, err := e.conn.readPragma("busy_timeout")
		wantNoError(t, err)
		wantNoError(t, e.Pause(t.Context()))
		release, err := e.HoldLock(t.Context())
		wantNoError(t, err)
		if !e.locked() {
			t.Error("not locked")
		}
		release()
		e.Resume()
		e.wantRows(e, "PRAGMA foreign_keys", "0")
		e.must("INSERT INTO t VALUES (1)")
		if after, err := e.conn.readPragma("busy_timeout"); after != before {
			t.Errorf("busy_timeout %q became %q, %v", before, after, err)
		}
	})
}

// Somebody else has the lock: the wait ends with the context, with Resume and
// with Close, and gets the lock when it is free.
func TestHoldLockWaits(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		_, err := e.bare.Exec(t.Context(), "BEGIN IMMEDIATE", nil)
		wantNoError(t, err)
		wantNoError(t, e.Pause(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = e.HoldLock(ctx)
		wantCode(t, err, fault.CodeBusy)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		result := make(chan error)
		hold := func(ctx context.Context) {
			go func() {
				_, err := e.HoldLock(ctx)
				result <- err
			}()
			eventually(t, "it waits", func() bool {
				e.mu.Lock()
				defer e.mu.Unlock()
				return e.hold != nil
			})
		}
		hold(context.Background())
		e.Resume()
		if err := <-result; !errors.Is(err, ErrResumed) {
			t.Errorf("after Resume: %v", err)
		}
		wantNoError(t, e.Pause(t.Context()))
		hold(context.Background())
		_, err = e.bare.Exec(t.Context(), "ROLLBACK", nil)
		wantNoError(t, err)
		wantNoError(t, <-result)
		e.Resume()
		e.must("INSERT INTO t VALUES (1)")

		_, err = e.bare.Exec(t.Context(), "BEGIN IMMEDIATE", nil)
		wantNoError(t, err)
		wantNoError(t, e.Pause(t.Context()))
		hold(context.Background())
		wantNoError(t, e.Close())
		wantKind(t, <-result, fault.Closed, "")
		_, err = e.bare.Exec(t.Context(), "ROLLBACK", nil)
		wantNoError(t, err)
	})
}

// The connection breaks: it is replaced.
func TestHoldLockOnBrokenConnection(t *testing.T) {
	t.Parallel()
	onFlaky(t, func(t *testing.T, e *env, f *flaky) {
		wantNoError(t, e.Pause(t.Context()))
		f.set(func(f *flaky) { f.fail, f.err = "BEGIN", codeError(ioErrWrite) })
		_, err := e.HoldLock(t.Context())
		wantCode(t, err, fault.CodeIOErr)
		f.set(func(f *flaky) { f.fail = "" })
		release, err := e.HoldLock(t.Context())
		wantNoError(t, err)
		if !e.locked() {
			t.Error("not locked")
		}
		release()
		e.Resume()
		e.must("INSERT INTO t VALUES (1)")
	})
}
