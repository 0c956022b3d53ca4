package e2e

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// tool builds the tool once.
var tool = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(os.Args[0]), "litefwd") // where "go test" has built this binary
	cmd := exec.Command("go", "build", "-o", path, "./cmd/litefwd")
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return path, err
})

// demo is a run of "litefwd demo -engine litefs" with a directory of its own for
// all that it makes.
type demo struct {
	*exec.Cmd
	tmp         string
	out, errOut bytes.Buffer
	ended       func(time.Duration) error
}

func newDemo(t *testing.T, args ...string) *demo {
	t.Helper()
	path, err := tool()
	if err != nil {
		t.Fatalf("build the tool: %v", err)
	}
	d := &demo{tmp: t.TempDir()}
	d.Cmd = exec.Command(path, append([]string{"demo", "-engine", "litefs", "-timeout", "90s"}, args...)...)
	d.Env = append(os.Environ(), litefstest.BinaryEnv+"="+binary, "TMPDIR="+d.tmp)
	d.Stdout, d.Stderr = &d.out, &d.errOut
	if d.ended, err = litefstest.WatchEnd(d.Cmd); err != nil {
		t.Fatal(err)
	}
	return d
}

// left waits for the end of all processes of the demo and returns what it has
// left: processes, mounts and files.
func (d *demo) left(t *testing.T) (left []string) {
	t.Helper()
	if err := d.ended(patience); err != nil {
		left = append(left, err.Error())
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, d.tmp) {
			left = append(left, "mount "+line)
		}
	}
	files, err := os.ReadDir(d.tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		left = append(left, "file "+f.Name())
	}
	return left
}

func (d *demo) leavesNothing(t *testing.T) {
	t.Helper()
	if left := d.left(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// Three servers, the role is moved, the primary server is killed, and what must
// be there is there.
func TestDemo(t *testing.T) {
	d := newDemo(t, "-lines", "600", "-json")
	if err := d.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &d.out, &d.errOut)
	}
	var r struct {
		OK          bool
		Found, Lost int
		Gone        struct{ Unreplicated, Outvoted int }
		Handoff     struct {
			From, To      string
			Checked, Lost int
		}
		Takeover struct{ Killed string }
		Nodes    []struct {
			Name, Role string
			Found      int
		}
	}
	if err := json.Unmarshal(d.out.Bytes(), &r); err != nil {
		t.Fatalf("%v in %q\n%s", err, &d.out, &d.errOut)
	}
	if want := 600 - r.Gone.Unreplicated - r.Gone.Outvoted; !r.OK || r.Lost != 0 || r.Found != want || len(r.Nodes) != 3 {
		t.Errorf("found %d of %d: %+v", r.Found, want, r)
	}
	if h := r.Handoff; h.From != "node-1" || h.To != "node-2" || h.Checked == 0 || h.Lost != 0 || r.Takeover.Killed != "node-2" {
		t.Errorf("roles: %+v", r)
	}
	d.leavesNothing(t)
}

// The copies that are kept are databases, and all the same.
func TestDemoKeep(t *testing.T) {
	d := newDemo(t, "-lines", "100", "-no-kill", "-keep")
	if err := d.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &d.out, &d.errOut)
	}
	copies, _ := filepath.Glob(filepath.Join(d.tmp, "litefwd-demo-*", "node-*.db"))
	if len(copies) != 3 {
		t.Fatalf("kept %q\n%s", copies, &d.out)
	}
	for _, path := range copies {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		var lines int
		if err := db.QueryRow("SELECT count(DISTINCT n) FROM lines").Scan(&lines); err != nil || lines != 100 {
			t.Errorf("%s has %d lines (%v)", filepath.Base(path), lines, err)
		}
		db.Close()
	}
	for _, what := range d.left(t) {
		if !strings.HasPrefix(what, "file litefwd-demo-") {
			t.Errorf("left behind: %s", what)
		}
	}
}

// However the demo ends in the middle, nothing is left.
func TestDemoEndedInTheMiddle(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run(s.String(), func(t *testing.T) {
			d := newDemo(t, "-no-kill")
			d.Stdout = nil
			out, err := d.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for lines.Scan() && !strings.Contains(lines.Text(), "in one transaction") {
			}
			if err := d.Process.Signal(s); err != nil {
				t.Error(err)
			}
			for lines.Scan() {
			}
			d.Wait()
			if s == syscall.SIGINT && (d.ProcessState.ExitCode() != 130 || !strings.Contains(d.errOut.String(), "interrupted")) {
				t.Errorf("code %d, %q", d.ProcessState.ExitCode(), &d.errOut)
			}
			d.leavesNothing(t)
		})
	}
}
