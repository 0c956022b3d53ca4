//go:build linux || darwin || freebsd

package shared

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// Environment of a child: it runs one engine instead of the tests.
const (
	childDir  = "LITEFWD_SHARED_TEST_DIR"
	childName = "LITEFWD_SHARED_TEST_NAME"
)

// childMain prints each State until its standard input ends.
func childMain(dir string) int {
	name := os.Getenv(childName)
	e, err := Open(dir, quick)
	if err == nil {
		err = e.Start(context.Background(), engine.Self{Name: name, Addr: name + ":1"})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	eof := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(eof)
	}()
	out := json.NewEncoder(os.Stdout)
	for {
		s, changed := e.Watch()
		if err := out.Encode(childState{Role: s.Role, Term: s.Term, Primary: s.Primary.Name}); err != nil {
			return 1
		}
		select {
		case <-changed:
		case <-eof:
			if err := e.Close(); err != nil {
				return 1
			}
			return 0
		}
	}
}

type childState struct {
	Role    engine.Role
	Term    uint64
	Primary string
}

type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	states chan childState // closed when the child's output ends
}

func spawn(t *testing.T, dir, name string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir, childName+"="+name)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: cmd, stdin: stdin, states: make(chan childState, 1000)}
	go func() {
		defer close(c.states)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var s childState
			if json.Unmarshal(lines.Bytes(), &s) == nil {
				c.states <- s
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		for range c.states {
		}
		_ = cmd.Wait()
	})
	return c
}

// waitRole reads the child's states up to one with the role.
func (c *child) waitRole(t *testing.T, r engine.Role) childState {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		select {
		case s, ok := <-c.states:
			if !ok {
				t.Fatalf("the child ended before it was %s", r)
			}
			if s.Role == r {
				return s
			}
		case <-timeout.C:
			t.Fatalf("waited in vain for the child to be %s", r)
		}
	}
}

func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestTakeoverAfterKill(t *testing.T) {
	for _, c := range []struct {
		name    string
		suspect bool
		bound   time.Duration
	}{
		{"suspected", true, 5 * time.Second},
		{"unsuspected", false, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var took []time.Duration
			for range 7 {
				dir := t.TempDir()
				primary := spawn(t, dir, "child")
				primary.waitRole(t, engine.Primary)
				e := start(t, dir, "parent", Options{}) // the real intervals
				waitFor(t, e, "the child as primary", follows("child"))
				killed := time.Now()
				primary.signal(t, syscall.SIGKILL)
				if c.suspect {
					e.Suspect()
				}
				waitFor(t, e, "the role", isPrimary)
				took = append(took, time.Since(killed))
				wantPasses(t, e)
				if s, _ := e.Watch(); s.Term != 2 {
					t.Errorf("term = %d, want 2", s.Term)
				}
				_ = e.Close()
			}
			slices.Sort(took)
			t.Logf("takeover after kill -9: median %s, worst %s", took[len(took)/2], took[len(took)-1])
			if worst := took[len(took)-1]; worst > c.bound {
				t.Errorf("takeover took %s, want at most %s", worst, c.bound)
			}
		})
	}
}

// Each kill makes exactly one of the survivors primary, and all others see it.
func TestKillsInARow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	watcher := startSelf(t, dir, engine.Self{Name: "watcher"}, quick)
	children := map[string]*child{}
	for i := range 4 {
		name := fmt.Sprintf("n%d", i)
		children[name] = spawn(t, dir, name)
	}
	var term uint64
	for len(children) > 0 {
		s := waitFor(t, watcher, "the next primary", func(s engine.State) bool {
			return s.Term > term && s.Primary.Name != "" && s.Problem == nil
		})
		if s.Term != term+1 {
			t.Errorf("term went from %d to %d", term, s.Term)
		}
		term = s.Term
		victim := children[s.Primary.Name]
		if victim == nil {
			t.Fatalf("primary %q was killed before", s.Primary.Name)
		}
		if got := victim.waitRole(t, engine.Primary); got.Term != term {
			t.Errorf("primary's own term = %d, the watcher's %d", got.Term, term)
		}
		delete(children, s.Primary.Name)
		victim.signal(t, syscall.SIGKILL)
		watcher.Suspect()
	}
	if s := waitFor(t, watcher, "the end", func(s engine.State) bool { return s.Problem != nil }); s.Primary != (engine.Peer{}) {
		t.Errorf("state without any candidate = %+v", s)
	}
}

func TestCloseInOtherProcessHandsOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	primary := spawn(t, dir, "child")
	primary.waitRole(t, engine.Primary)
	e := start(t, dir, "parent", quick)
	if err := primary.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, e, "the role", isPrimary)
}

func TestStoppedPrimaryIsReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	primary := spawn(t, dir, "child")
	primary.waitRole(t, engine.Primary)
	o := quick
	o.StaleAfter = 300 * time.Millisecond
	e := start(t, dir, "parent", o)
	waitFor(t, e, "the child", follows("child"))

	primary.signal(t, syscall.SIGSTOP)
	s := waitFor(t, e, "the Problem", hasProblem("sign of life"))
	if s.Role != engine.Replica || s.Primary.Name != "child" {
		t.Errorf("state beside a stopped primary = %+v, want a replica that still names it", s)
	}
	want := fmt.Sprintf("primary child (pid %d) holds the lock but has not shown a sign of life for 0.", primary.cmd.Process.Pid)
	if !hasProblem(want)(s) || !hasProblem("stopped or hung; restart it")(s) {
		t.Errorf("Problem = %q, want %q…", s.Problem, want)
	}
	primary.signal(t, syscall.SIGCONT)
	waitFor(t, e, "the end of the Problem", follows("child"))
}
