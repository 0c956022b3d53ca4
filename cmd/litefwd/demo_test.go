//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// asTool in the environment makes this test binary the tool; its value is a
// fault that every node plants in its database, see plants, or "none".
const asTool = "LITEFWD_TEST_AS_TOOL"

// plants are triggers that lose or duplicate acknowledged writes.
var plants = map[string]string{
	"lose": `CREATE TRIGGER IF NOT EXISTS planted AFTER INSERT ON lines WHEN new.n = 150
		BEGIN DELETE FROM lines WHERE id = new.id; END`,
	"duplicate": `CREATE TRIGGER IF NOT EXISTS planted AFTER INSERT ON lines WHEN new.n = 150
		BEGIN INSERT INTO lines (n, via, text) VALUES (new.n, new.via, new.text); END`,
}

func TestMain(m *testing.M) {
	switch fault := os.Getenv(asTool); {
	case fault == "":
		os.Exit(m.Run())
	case len(os.Args) > 1 && os.Args[1] == nodeCommand:
		os.Exit(demoapp.Main(os.Args[2:], planting(plants[fault]), os.Stdin, os.Stdout, os.Stderr))
	default:
		main()
	}
}

// planting is demoapp.Open followed by the statement that plants a fault,
// once the table is there: from the second node on.
func planting(statement string) demoapp.Opener {
	return func(ctx context.Context, cfg litefwd.Config) (*demoapp.Database, error) {
		db, err := demoapp.Open(ctx, cfg)
		if err == nil && statement != "" && cfg.Name != "node-1" {
			_, err = db.DB.ExecContext(ctx, statement)
		}
		return db, err
	}
}

// tool is a running demo with a temporary directory of its own.
type tool struct {
	*exec.Cmd
	tmp         string
	out, errOut bytes.Buffer
	ended       func(time.Duration) error
}

func newTool(t *testing.T, fault string, args ...string) *tool {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	d := &tool{tmp: t.TempDir()}
	d.Cmd = exec.Command(exe, append([]string{"demo", "-timeout", "1m"}, args...)...)
	d.Env = append(os.Environ(), asTool+"="+fault, "TMPDIR="+d.tmp)
	d.Stdout, d.Stderr = &d.out, &d.errOut
	if d.ended, err = litefstest.WatchEnd(d.Cmd); err != nil {
		t.Fatal(err)
	}
	return d
}

// leavesNothing fails the test unless all processes end soon, and no file is left.
func (d *tool) leavesNothing(t *testing.T) {
	t.Helper()
	err := d.ended(15 * time.Second)
	if left, _ := filepath.Glob(filepath.Join(d.tmp, "*")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %q %v", left, err)
	}
}

// outcome is the part of the JSON result that tests look at.
type outcome struct {
	OK                                           bool
	Lines, Acknowledged, Found, Lost, Duplicated int
	Unknown                                      struct{ Total, Found, Resent int }
	Takeover                                     *struct {
		Killed     string
		NewPrimary string `json:"new_primary"`
	}
	Nodes  []struct{ Name, Role string }
	Search struct{ Answers []struct{ Hits int } }
}

func (d *tool) outcome(t *testing.T) (o outcome) {
	t.Helper()
	if err := json.Unmarshal(d.out.Bytes(), &o); err != nil {
		t.Fatalf("%v in %q\n%s", err, &d.out, &d.errOut)
	}
	return o
}

func TestDemo(t *testing.T) {
	t.Parallel()
	d := newTool(t, "none", "-lines", "300", "-json")
	if err := d.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &d.out, &d.errOut)
	}
	o := d.outcome(t)
	if !o.OK || o.Lines != 300 || o.Found != 300 || o.Lost != 0 || o.Duplicated != 0 || o.Acknowledged+o.Unknown.Found != 300 {
		t.Errorf("result %+v", o)
	}
	if o.Takeover == nil || o.Takeover.Killed != "node-1" {
		t.Errorf("takeover %+v", o.Takeover)
	}
	primaries := 0
	for _, n := range o.Nodes {
		if n.Role == "primary" {
			primaries++
		}
	}
	if len(o.Nodes) != 3 || primaries != 1 || len(o.Search.Answers) != 3 || o.Search.Answers[0].Hits == 0 {
		t.Errorf("nodes %+v, search %+v", o.Nodes, o.Search)
	}
	d.leavesNothing(t)
}

func TestDemoFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string][2]int{"lose": {1, 0}, "duplicate": {0, 1}} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			d := newTool(t, fault, "-lines", "300", "-json", "-no-kill")
			err := d.Run()
			if code := d.ProcessState.ExitCode(); code != exitFailed {
				t.Errorf("%v, want code %d\n%s", err, exitFailed, &d.errOut)
			}
			o := d.outcome(t)
			if o.OK || o.Lost != want[0] || o.Duplicated != want[1] || o.Takeover != nil {
				t.Errorf("result %+v", o)
			}
			d.leavesNothing(t)
		})
	}
}

func TestDemoKeep(t *testing.T) {
	t.Parallel()
	d := newTool(t, "none", "-lines", "100", "-no-kill", "-keep", "-search", "opticks")
	if err := d.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &d.out, &d.errOut)
	}
	kept, _ := filepath.Glob(filepath.Join(d.tmp, demoapp.DirPrefix+"*", "app.db"))
	if len(kept) != 1 || !strings.Contains(d.out.String(), "kept: "+filepath.Dir(kept[0])) {
		t.Errorf("kept %q\n%s", kept, &d.out)
	}
	if !strings.Contains(d.out.String(), `search "opticks"`) {
		t.Errorf("no search:\n%s", &d.out)
	}
}

// However the demo ends in the middle, nothing is left.
func TestDemoEndedInTheMiddle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(d *tool) error
		code int
		says string
	}{
		{"interrupted", func(d *tool) error { return d.Process.Signal(os.Interrupt) }, exitInterrupted, "interrupted"},
		{"terminated", func(d *tool) error { return d.Process.Signal(syscall.SIGTERM) }, exitInterrupted, "interrupted"},
		{"killed", func(d *tool) error { return d.Process.Kill() }, -1, ""},
		{"a node dies", killReplica, exitFailed, "node-3 ended by itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newTool(t, "none", "-no-kill", "-writers", "1")
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
			if err := c.end(d); err != nil {
				t.Error(err)
			}
			for lines.Scan() {
			}
			d.Wait()
			if code := d.ProcessState.ExitCode(); code != c.code || !strings.Contains(d.errOut.String(), c.says) {
				t.Errorf("code %d, %q", code, &d.errOut)
			}
			d.leavesNothing(t)
		})
	}
}

// killReplica kills the process of node-3, as somebody else might.
func killReplica(d *tool) error {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		args, _ := os.ReadFile(file)
		var pid int
		if bytes.Contains(args, []byte(d.tmp)) && bytes.Contains(args, []byte("node-3")) {
			fmt.Sscanf(file, "/proc/%d/", &pid)
			return syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return fmt.Errorf("no process of node-3 (this test needs Linux)")
}
