//go:build linux || darwin || freebsd

package shared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

func TestAloneBecomesPrimary(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir(), "a", Options{})
	got, _ := e.Watch()
	want := engine.State{Role: engine.Primary, Primary: engine.Peer{Name: "a", Addr: "a:1"}, Term: 1}
	if got != want {
		t.Errorf("state = %+v, want %+v", got, want)
	}
	wantPasses(t, e)
}

func TestSecondIsReplicaAndCloseHandsOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := start(t, dir, "a", quick)
	b := start(t, dir, "b", quick)
	got, changed := b.Watch()
	want := engine.State{Role: engine.Replica, Primary: engine.Peer{Name: "a", Addr: "a:1"}, Term: 1}
	if got != want {
		t.Errorf("second node's first state = %+v, want %+v", got, want)
	}
	wantRefused(t, b)

	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, a)
	waitFor(t, b, "the role", isPrimary)
	select {
	case <-changed:
	default:
		t.Error("the channel of the first Watch is not closed after the role changed")
	}
	if s, _ := b.Watch(); s.Term != 2 || s.Primary.Name != "b" {
		t.Errorf("state after the handover = %+v, want term 2, primary b", s)
	}
	wantPasses(t, b)
	if s, _ := a.Watch(); s.Role != engine.Unknown || !errors.Is(s.Problem, fault.Closed) {
		t.Errorf("state of the closed node = %+v, want unknown, closed", s)
	}
}

func TestClientNeverTakesTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := startSelf(t, dir, engine.Self{Name: "tool"}, quick)
	if runtime.GOOS == "linux" { // elsewhere a client cannot tell
		waitFor(t, c, "nobody being primary", hasProblem("no process is primary"))
	}
	for range 30 {
		c.Suspect() // a turn every millisecond, each of which must leave the lock alone
		a := start(t, dir, "a", quick)
		if s, _ := a.Watch(); s.Role != engine.Primary {
			t.Fatalf("a candidate beside a client starts as %+v", s)
		}
		waitFor(t, c, "the candidate", follows("a"))
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantRefused(t, c)
}

func TestStartAndCloseContract(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := context.Background()
	self := engine.Self{Name: "a", Addr: "a:1"}

	e := mustOpen(t, dir, quick)
	if s, _ := e.Watch(); s.Role != engine.Unknown || s.Problem == nil {
		t.Errorf("state before Start = %+v", s)
	}
	wantError(t, e.Start(ctx, engine.Self{}), fault.Config, "name")
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := e.Start(cancelled, self); !errors.Is(err, context.Canceled) {
		t.Errorf("Start with an ended context = %v", err)
	}
	if err := e.Start(ctx, self); err != nil {
		t.Fatal(err)
	}
	wantError(t, e.Start(ctx, self), fault.Config, "twice")
	for range 2 {
		if err := e.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	wantError(t, e.Start(ctx, self), fault.Closed)
	wantRefused(t, e)
	e.Suspect() // must neither block nor panic

	unstarted := mustOpen(t, dir, quick)
	if err := unstarted.Close(); err != nil {
		t.Errorf("Close without Start = %v", err)
	}
}

// A primary that holds the lock and has not published its address keeps
// Start waiting only for a moment.
func TestStartWithoutPublishedAddress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := start(t, dir, "a", lazy)
	if err := os.Remove(statePath(dir, "primary")); err != nil {
		t.Fatal(err)
	}
	b := start(t, dir, "b", quick)
	s, _ := b.Watch()
	if s.Role != engine.Replica || s.Primary != (engine.Peer{}) || !errors.Is(s.Problem, errUnpublished) {
		t.Errorf("state = %+v, want a replica that knows of no address", s)
	}
	a.Suspect() // any turn of the primary publishes again
	waitFor(t, b, "the address", follows("a"))
}

// Go's collector once closed an unreferenced lock file and made two primaries.
func TestGarbageCollectionKeepsTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := start(t, dir, "a", lazy)
	other, err := openLockFile(statePath(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	for range 50 {
		runtime.GC()
		if ok, err := tryLock(other.file); ok || err != nil {
			t.Fatalf("tryLock beside the primary = %v, %v", ok, err)
		}
	}
	runtime.KeepAlive(e)
}

// Invariant: whoever finds itself primary is alone until it closes.
func TestOpenCloseStress(t *testing.T) {
	t.Parallel()
	const workers, rounds = 8, 13
	dir := t.TempDir()
	var holder atomic.Int64
	var wg sync.WaitGroup
	for w := range int64(workers) {
		wg.Go(func() {
			for r := range rounds {
				e := start(t, dir, fmt.Sprintf("n%d-%d", w, r), quick)
				waitFor(t, e, "the role", isPrimary)
				if !holder.CompareAndSwap(0, w+1) {
					t.Errorf("worker %d is primary while worker %d is", w+1, holder.Load())
				}
				wantPasses(t, e)
				holder.Store(0)
				if err := e.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	last := start(t, dir, "last", quick)
	if s, _ := last.Watch(); s.Term != workers*rounds+1 {
		t.Errorf("term after %d tenures = %d", workers*rounds+1, s.Term)
	}
}

func TestConcurrentUseDuringClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 20 {
		e := start(t, dir, "a", quick)
		db := mustDatabase(t, e)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_ = db.Fence(1)
						e.Suspect()
						e.Watch()
					}
				}
			})
		}
		wg.Go(func() { _ = e.Close() })
		_ = e.Close()
		wantRefused(t, e)
		close(stop)
		wg.Wait()
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		give Options
		want string
	}{
		"zero":                   {Options{}, ""},
		"slow heartbeat":         {Options{Heartbeat: time.Minute}, ""},
		"negative retry":         {Options{Retry: -1}, "Retry"},
		"negative heartbeat":     {Options{Heartbeat: -1}, "Heartbeat"},
		"stale before two beats": {Options{Heartbeat: time.Second, StaleAfter: time.Second}, "StaleAfter"},
	} {
		_, err := Open(t.TempDir(), c.give)
		if c.want != "" {
			wantError(t, err, fault.Config, c.want)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
