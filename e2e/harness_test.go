package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd/internal/consultest"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// patience bounds what should take a moment.
const patience = 20 * time.Second

// cluster is a running cluster with a bound for all that a test waits for.
type cluster struct {
	*litefstest.Cluster
	t   testing.TB
	ctx context.Context
}

func startCluster(t testing.TB, opts litefstest.Options) *cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	opts.Binary = binary
	begun := time.Now()
	c, err := litefstest.Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d nodes started in %v", c.Nodes(), since(begun))
	t.Cleanup(func() {
		begun := time.Now()
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		t.Logf("closed in %v", since(begun))
		if t.Failed() {
			for i := range c.Nodes() {
				t.Logf("log of node %d:\n%s", i, c.Log(i))
			}
		}
	})
	return &cluster{c, t, ctx}
}

func since(begun time.Time) time.Duration { return time.Since(begun).Round(time.Millisecond) }

func (c *cluster) must(what string, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

func (c *cluster) waitPrimary(i int) int {
	c.t.Helper()
	primary, err := c.WaitPrimary(c.ctx, i)
	c.must("WaitPrimary", err)
	return primary
}

// open opens app.db on node i with one connection.
func (c *cluster) open(driver string, i int) *sql.DB {
	c.t.Helper()
	db, err := sql.Open(driver, filepath.Join(c.Mount(i), "app.db"))
	c.must("open", err)
	c.t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

// exec runs statements on node i through a handle of their own, so that none
// outlives what happens to the node.
func (c *cluster) exec(driver string, i int, statements ...string) {
	c.t.Helper()
	db := c.open(driver, i)
	defer db.Close()
	for _, s := range statements {
		_, err := db.ExecContext(c.ctx, s)
		c.must(s, err)
	}
}

// rows reads the table t of node i.
func (c *cluster) rows(driver string, i int) string {
	c.t.Helper()
	db := c.open(driver, i)
	defer db.Close()
	var text sql.NullString
	c.must("read", db.QueryRowContext(c.ctx, "SELECT group_concat(v) FROM (SELECT v FROM t ORDER BY v)").Scan(&text))
	return text.String
}

// wantRows waits until all nodes are where node i is and checks their rows.
func (c *cluster) wantRows(driver string, i int, want string) {
	c.t.Helper()
	c.must("replicate", c.WaitReplicated(c.ctx, i, "app.db"))
	for j := range c.Nodes() {
		if got := c.rows(driver, j); got != want {
			c.t.Errorf("node %d has rows %q, want %q", j, got, want)
		}
	}
}

const createT = "CREATE TABLE t(v)"

func eachDriver(t *testing.T, f func(t *testing.T, driver string)) {
	for _, driver := range []string{"sqlite", "sqlite3"} {
		t.Run(driver, func(t *testing.T) { f(t, driver) })
	}
}

func TestStaticReplicates(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		for _, mode := range []string{"delete", "wal"} {
			t.Run(mode, func(t *testing.T) {
				c := startCluster(t, litefstest.Options{StrictVerify: true})
				if _, err := c.Pos(c.ctx, 1, "app.db"); !errors.Is(err, os.ErrNotExist) {
					t.Fatalf("position of a database that is not there: %v", err)
				}
				c.exec(driver, 0, "PRAGMA journal_mode="+mode, createT, "INSERT INTO t VALUES (1)")
				c.wantRows(driver, 0, "1")
				before, err := c.Pos(c.ctx, 0, "app.db")
				c.must("Pos", err)
				c.exec(driver, 0, "INSERT INTO t VALUES (2)")
				after, err := c.Pos(c.ctx, 0, "app.db")
				c.must("Pos", err)
				if after.TXID != before.TXID+1 {
					t.Errorf("positions %v and %v around one insert", before, after)
				}
				c.wantRows(driver, 0, "1,2")
			})
		}
	})
}

func consul(nodes int) litefstest.Options {
	return litefstest.Options{Nodes: nodes, Lease: litefstest.Consul, TTL: 2 * time.Second, LockDelay: 200 * time.Millisecond}
}

func TestConsulFailover(t *testing.T) {
	c := startCluster(t, consul(3))
	c.exec("sqlite", 0, createT, "INSERT INTO t VALUES (1)")
	c.wantRows("sqlite", 0, "1")

	c.must("Crash", c.Crash(0))
	if _, err := c.Pos(c.ctx, 0, "app.db"); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("the mount of a crashed node: %v", err)
	}
	killed := time.Now()
	primary := c.waitPrimary(-1)
	took := time.Since(killed)
	t.Logf("node %d is primary %v after the kill", primary, took.Round(time.Millisecond))
	if limit := 2*time.Second + 200*time.Millisecond + 2*time.Second; primary == 0 || took > limit {
		t.Errorf("node %d is primary after %v, want another than 0 within %v", primary, took, limit)
	}
	c.exec("sqlite", primary, "INSERT INTO t VALUES (2)")

	begun := time.Now()
	c.must("Restart", c.Restart(c.ctx, 0))
	c.waitPrimary(primary)
	t.Logf("restarted in %v", since(begun))
	c.wantRows("sqlite", primary, "1,2")
}

func TestPromote(t *testing.T) {
	c := startCluster(t, consul(3))
	c.exec("sqlite3", 0, createT)
	c.wantRows("sqlite3", 0, "")
	for _, i := range []int{2, 1, 0} {
		begun := time.Now()
		c.must("Promote", c.Promote(c.ctx, i))
		c.waitPrimary(i)
		t.Logf("node %d is primary after %v", i, since(begun))
		c.exec("sqlite3", i, fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
	}
	c.wantRows("sqlite3", 0, "0,1,2")
}

// The lease ends while its holder lives.
func TestExpire(t *testing.T) {
	c := startCluster(t, consul(2))
	old := c.Consul().Expire(litefstest.LeaseKey)
	if old == "" {
		t.Fatal("nobody held the lease")
	}
	begun := time.Now()
	c.must("Wait", litefstest.Wait(c.ctx, "a new lease", func(context.Context) error {
		if session, _ := c.Consul().Holder(litefstest.LeaseKey); session == "" {
			return errors.New("nobody holds it")
		}
		return nil
	}))
	primary := c.waitPrimary(-1)
	t.Logf("node %d is primary after %v", primary, since(begun))
	if session, value := c.Consul().Holder(litefstest.LeaseKey); session == old || !strings.Contains(string(value), c.Hostname(primary)) {
		t.Errorf("the lease is held by %q with %q", session, value)
	}
}

func TestFreeze(t *testing.T) {
	c := startCluster(t, litefstest.Options{})
	c.exec("sqlite", 0, createT)
	c.wantRows("sqlite", 0, "")
	c.must("Freeze", c.Freeze(1))
	c.exec("sqlite", 0, "INSERT INTO t VALUES (1)")
	soon, cancel := context.WithTimeout(c.ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := c.Pos(soon, 1, "app.db"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Pos of a frozen node: %v", err)
	}
	if primary, err := c.Primary(c.ctx); primary != 0 || err != nil {
		t.Errorf("Primary while another node is frozen: %d %v", primary, err)
	}
	c.must("Thaw", c.Thaw(1))
	c.wantRows("sqlite", 0, "1")
}

// A primary that is cut off goes on until its lease is over; what it wrote
// meanwhile is gone when it is back.
func TestIsolate(t *testing.T) {
	opts := consul(3)
	opts.Isolatable = true
	c := startCluster(t, opts)
	c.exec("sqlite", 0, createT, "INSERT INTO t VALUES (1)")
	c.wantRows("sqlite", 0, "1")
	c.must("Isolate", c.Isolate(0))
	c.exec("sqlite", 0, "INSERT INTO t VALUES (2)")
	begun := time.Now()
	primary := c.waitPrimary(-1)
	t.Logf("node %d is primary after %v", primary, since(begun))
	if primary == 0 {
		t.Fatal("the isolated node is still primary")
	}
	c.exec("sqlite", primary, "INSERT INTO t VALUES (3)")
	c.must("Rejoin", c.Rejoin(0))
	c.waitPrimary(primary)
	c.wantRows("sqlite", primary, "1,3")
}

// LiteFS's renewal of its lease has no timeout: with a Consul that does not
// answer, a primary stays primary beside the next one.
func TestTwoPrimaries(t *testing.T) {
	opts := consul(2)
	opts.TTL = time.Second
	opts.Isolatable = true
	c := startCluster(t, opts)
	c.must("Isolate", c.Isolate(0))
	c.Consul().SetFault("node0", consultest.Hang)
	c.waitPrimary(1)
	if info, err := c.Info(c.ctx, 0); !info.IsPrimary || err != nil {
		t.Errorf("the old primary: %+v %v", info, err)
	}
	c.must("Rejoin", c.Rejoin(0))
	c.waitPrimary(1)
}

func TestStopAndRestart(t *testing.T) {
	c := startCluster(t, litefstest.Options{})
	c.exec("sqlite", 0, createT)
	c.must("Stop", c.Stop(c.ctx, 1))
	if code := c.ExitCode(1); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.exec("sqlite", 0, "INSERT INTO t VALUES (1)")
	c.must("Restart", c.Restart(c.ctx, 1))
	if err := c.Restart(c.ctx, 1); err == nil {
		t.Error("a node was started twice")
	}
	c.must("Kill", c.Kill(1))
	<-c.Done(1)
	if files, err := os.ReadDir(c.Mount(1)); len(files) != 0 || err != nil {
		t.Errorf("the mount of a killed node: %v %v", files, err)
	}
	if err := c.Freeze(1); err == nil {
		t.Error("a node that does not run was frozen")
	}
	c.must("Restart", c.Restart(c.ctx, 1))
	c.waitPrimary(0)
	c.wantRows("sqlite", 0, "1")
}

// Close ends nodes in any state, tells of files that are open, and leaves
// nothing.
func TestClose(t *testing.T) {
	dir := t.TempDir()
	c, err := litefstest.Start(t.Context(), litefstest.Options{Binary: binary, Nodes: 4, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	open, err := os.Create(filepath.Join(c.Mount(0), "open.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for i, do := range []func(int) error{nil, c.Crash, c.Freeze, c.Kill} {
		if do != nil {
			if err := do(i); err != nil {
				t.Fatal(err)
			}
		}
	}
	// One that hangs in a frozen mount is freed.
	hanging := make(chan error, 1)
	go func() {
		_, err := os.ReadDir(c.Mount(2))
		hanging <- err
	}()
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), open.Name()+" is still open") {
		t.Errorf("Close with an open file: %v", err)
	}
	<-hanging
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%v is left (%v)", files, err)
	}
	open.Close()
	if left, err := litefstest.Leftovers(); err != nil || len(left) != 0 {
		t.Errorf("left: %q %v", left, err)
	}
}

// A start that fails says why, with the log, and leaves nothing.
func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "litefs")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho the reason\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := litefstest.Start(t.Context(), litefstest.Options{Binary: program, Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("Start: %v", err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "litefstest-*")); len(files) != 0 {
		t.Errorf("%q is left", files)
	}
}
