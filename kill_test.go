package litefwd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// childEnv makes the test binary run as one node that writes until it is
// killed. Its value is "driver directory name".
const childEnv = "LITEFWD_TEST_CHILD"

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		if err := runChild(strings.Fields(spec)); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// createW makes the table that all write to. It has no key: a row that was
// written twice must be seen.
const createW = "CREATE TABLE IF NOT EXISTS w(writer TEXT, seq INTEGER)"

// runChild writes numbered rows through its own node and reports each number's
// fate on standard output, until standard input ends.
func runChild(spec []string) error {
	driver, dir, name := spec[0], spec[1], spec[2]
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with the process or its parent
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	node, err := litefwd.Open(ctx, litefwd.Config{
		Path:   filepath.Join(dir, "app.db"),
		Engine: "shared",
		Driver: driver,
		Listen: "127.0.0.1:0",
		Name:   name,
	})
	if ctx.Err() != nil {
		return nil // told to stop before it had started
	}
	if err != nil {
		return err
	}
	defer node.Close()
	for ctx.Err() == nil {
		// Its outcome may be unknown, but it may run twice.
		if _, err := node.DB().Exec(createW); err == nil {
			break
		}
	}
	for seq := 0; ctx.Err() == nil; seq++ {
		// A background context: a write that was begun is seen through.
		_, err := node.DB().Exec("INSERT INTO w(writer, seq) VALUES (?, ?)", name, seq)
		switch {
		case err == nil:
			fmt.Println("ack", seq)
		case errors.Is(err, litefwd.ErrOutcomeUnknown):
			fmt.Println("unknown", seq)
		default:
			fmt.Println("fail", seq, litefwd.SafeToRetry(err), err)
		}
	}
	return nil
}

// child is one running node.
type child struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when all its output is read
}

// fates collects what the children reported, by "name/seq".
type fates struct {
	mu      sync.Mutex // guards the following
	fate    map[string]string
	acks    int
	changed chan struct{}
}

func (f *fates) note(key, fate string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fate[key] = fate
	if fate == "ack" {
		f.acks++
	}
	close(f.changed)
	f.changed = make(chan struct{})
}

// waitAcks waits for n more acknowledged writes.
func (f *fates) waitAcks(t *testing.T, n int) {
	t.Helper()
	f.mu.Lock()
	goal := f.acks + n
	f.mu.Unlock()
	bound := time.After(20 * time.Second)
	for {
		f.mu.Lock()
		acks, changed := f.acks, f.changed
		f.mu.Unlock()
		if acks >= goal {
			return
		}
		select {
		case <-changed:
		case <-bound:
			t.Fatalf("no %d acknowledged writes within 20 s", n)
		}
	}
}

func startChild(t *testing.T, f *fates, driver, dir, name string) *child {
	t.Helper()
	c := &child{name: name, cmd: exec.Command(os.Args[0]), done: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childEnv+"="+driver+" "+dir+" "+name)
	c.cmd.Stderr = os.Stderr
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdin = stdin
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) >= 2 {
				f.note(name+"/"+fields[1], lines.Text()[:len(fields[0])])
			}
			if fields[0] == "fail" {
				t.Logf("%s: %s", name, lines.Text())
			}
		}
	}()
	return c
}

// end waits for a child that was killed or told to stop.
func (c *child) end() {
	c.stdin.Close()
	<-c.done
	c.cmd.Wait() // its exit status says only how it was ended
}

// The primary is killed 50 times in a row while all nodes write. Afterwards
// every acknowledged row is there exactly once, one whose outcome was reported
// as unknown at most once, and a failed one not at all.
func TestKillPrimary(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 5
	}
	onBoth(t, func(t *testing.T, driver string) {
		dir := t.TempDir()
		observer := openNode(t, dir, driver, func(c *litefwd.Config) { c.Listen = "" })
		f := &fates{fate: map[string]string{}, changed: make(chan struct{})}

		children := map[string]*child{}
		start := func(name string) { children[name] = startChild(t, f, driver, dir, name) }
		t.Cleanup(func() {
			for _, c := range children {
				c.cmd.Process.Kill()
				c.end()
			}
		})
		start("n0")
		mustExec(t, observer.DB(), createW)
		start("n1")
		start("n2")

		var takeovers []time.Duration
		for i := range kills {
			f.waitAcks(t, 30)
			victim := children[observer.Primary().Name]
			if victim == nil {
				t.Fatalf("kill %d: primary is %+v", i, observer.Status())
			}
			if err := victim.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			killed := time.Now()
			victim.end() // all it acknowledged is known now
			delete(children, victim.name)
			f.waitAcks(t, 1)
			takeovers = append(takeovers, time.Since(killed))
			waitOtherPrimary(t, observer, victim.name)
			start("n" + strconv.Itoa(3+i))
		}
		f.waitAcks(t, 30)
		for name, c := range children {
			c.end()
			delete(children, name)
		}
		checkFates(t, f, observer)
		var sum time.Duration
		for _, d := range takeovers {
			sum += d
		}
		t.Logf("%d kills: kill to next acknowledged write %v on average", kills, sum/time.Duration(len(takeovers)))
	})
}

func waitOtherPrimary(t *testing.T, node *litefwd.Node, than string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for s := range node.WatchRole(ctx) {
		if s.Primary.Name != "" && s.Primary.Name != than {
			return
		}
	}
	t.Fatalf("nobody took over from %s", than)
}

func checkFates(t *testing.T, f *fates, node *litefwd.Node) {
	t.Helper()
	found := map[string]int{}
	rows, err := node.Local().Query("SELECT writer, seq FROM w")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var writer string
		var seq int
		if err := rows.Scan(&writer, &seq); err != nil {
			t.Fatal(err)
		}
		found[fmt.Sprintf("%s/%d", writer, seq)]++
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for key, fate := range f.fate {
		counts[fate]++
		n := found[key]
		switch {
		case fate == "ack" && n != 1:
			t.Errorf("acknowledged write %s is there %d times", key, n)
		case fate == "unknown" && n > 1:
			t.Errorf("write %s of unknown outcome is there %d times", key, n)
		case fate == "fail" && n != 0:
			t.Errorf("failed write %s is there %d times", key, n)
		}
	}
	for key, n := range found {
		if n > 1 {
			t.Errorf("write %s is there %d times", key, n)
		}
	}
	var check string
	if err := node.Local().QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity_check: %s, %v", check, err)
	}
	t.Logf("acknowledged %d, unknown %d, failed %d", counts["ack"], counts["unknown"], counts["fail"])
}
