//go:build linux || darwin || freebsd

package shared

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// patience bounds what must happen; it is never what makes a test pass.
const patience = 20 * time.Second

// quick are bounds short enough for tests to see every transition.
var quick = Options{Retry: time.Millisecond, Heartbeat: 5 * time.Millisecond, StaleAfter: 5 * time.Second}

// lazy is a primary that notices nothing by itself.
var lazy = Options{Retry: time.Millisecond, Heartbeat: time.Hour}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(childMain(dir))
	}
	code := m.Run()
	if leak := leaks(); code == 0 && leak != "" {
		fmt.Fprintln(os.Stderr, "left behind after all tests:", leak)
		code = 1
	}
	os.Exit(code)
}

// leaks returns what closed engines left: goroutines, open files.
func leaks() string {
	buf := make([]byte, 1<<20)
	var found []string
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "shared.(*Engine)") {
			found = append(found, g)
		}
	}
	fds, _ := os.ReadDir("/proc/self/fd") // Linux only
	for _, fd := range fds {
		if to, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); strings.Contains(to, stateDir) {
			found = append(found, to)
		}
	}
	return strings.Join(found, "\n")
}

func mustOpen(t testing.TB, dir string, o Options) *Engine {
	t.Helper()
	e, err := Open(dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return e
}

// start opens and starts a candidate named name.
func start(t testing.TB, dir, name string, o Options) *Engine {
	t.Helper()
	return startSelf(t, dir, engine.Self{Name: name, Addr: name + ":1"}, o)
}

func startSelf(t testing.TB, dir string, self engine.Self, o Options) *Engine {
	t.Helper()
	e := mustOpen(t, dir, o)
	if err := e.Start(t.Context(), self); err != nil {
		t.Fatalf("Start: %v", err)
	}
	return e
}

// waitFor returns the first State that ok accepts.
func waitFor(t testing.TB, e *Engine, what string, ok func(engine.State) bool) engine.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		s, changed := e.Watch()
		if ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("waited %s in vain for %s; state: %+v", patience, what, s)
		}
	}
}

func isPrimary(s engine.State) bool { return s.Role == engine.Primary }

func follows(name string) func(engine.State) bool {
	return func(s engine.State) bool {
		return s.Role == engine.Replica && s.Primary.Name == name && s.Problem == nil
	}
}

func hasProblem(text string) func(engine.State) bool {
	return func(s engine.State) bool { return s.Problem != nil && strings.Contains(s.Problem.Error(), text) }
}

func mustDatabase(t testing.TB, e *Engine) engine.Database {
	t.Helper()
	db, err := e.Database(filepath.Join(e.place.dir, "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// fence asks the fence for the term that e is in.
func fence(t testing.TB, e *Engine) error {
	t.Helper()
	s, _ := e.Watch()
	return mustDatabase(t, e).Fence(s.Term)
}

// wantRefused checks that the fence refuses, and as what.
func wantRefused(t *testing.T, e *Engine) {
	t.Helper()
	err := fence(t, e)
	if !errors.Is(err, fault.NotPrimary) || !fault.SafeToRetry(err) {
		t.Errorf("Fence = %v, want a refusal of kind NotPrimary", err)
	}
}

func wantPasses(t *testing.T, e *Engine) {
	t.Helper()
	if err := fence(t, e); err != nil {
		t.Errorf("Fence = %v, want nil", err)
	}
}

// loseLock is the accident that the fence is for: the kernel lock falls and
// its holder does not know.
func loseLock(t testing.TB, e *Engine) {
	t.Helper()
	if tenure := e.tenure.Load(); tenure == nil {
		t.Fatal("the engine is not primary")
	} else if err := unlock(tenure.lock.file); err != nil {
		t.Fatal(err)
	}
}

func statePath(dir string, name ...string) string {
	return filepath.Join(append([]string{dir, stateDir}, name...)...)
}

func writeFile(t testing.TB, path, contents string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantError checks kind and words of an error.
func wantError(t *testing.T, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error = %v, want kind %q", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
