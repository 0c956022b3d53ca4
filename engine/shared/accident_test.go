//go:build linux || darwin || freebsd

package shared

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// A replica goes by the file at the path: it does not wait for a primary that
// holds a deleted one, perhaps stopped.
func TestDeletedLockFileIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := start(t, dir, "a", lazy)
	b := start(t, dir, "b", quick)
	mustDo(t, os.Remove(statePath(dir, "lock")))
	s := waitFor(t, b, "the role", isPrimary)
	if s.Term != 2 {
		t.Errorf("term = %d, want 2", s.Term)
	}
	wantRefused(t, a)
	waitFor(t, a, "the new primary", follows("b"))
}

// A lock that was got on a file just deleted is worth nothing.
func TestTakeoverOfDeletedLockFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := mustOpen(t, dir, quick)
	e.node = newNode(engine.Self{Name: "a", Addr: "a:1"}, e.opts)
	mustDo(t, e.reopen())
	if ok, err := tryLock(e.node.lock.file); !ok || err != nil {
		t.Fatal(ok, err)
	}
	mustDo(t, os.Remove(statePath(dir, "lock")))
	if err := e.takeOver(); err == nil || e.tenure.Load() != nil || e.node.lock != nil {
		t.Errorf("takeOver = %v, tenure %v, lock %v; want an error and neither", err, e.tenure.Load(), e.node.lock)
	}
	if _, err := os.Stat(statePath(dir, "primary")); err == nil {
		t.Error("an address was published")
	}
}

// A lock that fell silently is taken back where nobody took it, and given up
// where somebody did, even one that has not got to its epoch yet.
func TestHeartbeatChecksTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := start(t, dir, "a", lazy)
	other, err := openLockFile(statePath(dir, "lock"))
	mustDo(t, err)
	defer other.close()

	loseLock(t, a)
	a.Suspect()
	for {
		if locked, known, err := lockedElsewhere(other.file); locked || !known || err != nil {
			break
		}
		runtime.Gosched()
	}
	if s, _ := a.Watch(); s.Role != engine.Primary || s.Term != 1 {
		t.Errorf("state after the lock was taken back = %+v", s)
	}

	for ok := false; !ok; { // the heartbeat above may not have ended where the system cannot tell
		loseLock(t, a)
		ok, err = tryLock(other.file)
		mustDo(t, err)
	}
	a.Suspect()
	waitFor(t, a, "the loss", func(s engine.State) bool { return s.Role == engine.Replica })
	wantRefused(t, a)
}

// The primary's connections break before its lock falls: Suspect must cover
// the time between.
func TestSuspectTriesForAWhile(t *testing.T) {
	t.Parallel()
	slow := Options{Retry: time.Hour, Heartbeat: time.Hour}
	for range 10 {
		dir := t.TempDir()
		a := start(t, dir, "a", slow)
		b := start(t, dir, "b", slow)
		began := time.Now()
		b.Suspect()
		for len(b.kick) > 0 {
			runtime.Gosched()
		}
		loseLock(t, a)
		if time.Since(began) > burstLength/2 {
			continue // too busy a machine to say anything
		}
		waitFor(t, b, "the role", isPrimary)
	}
}
