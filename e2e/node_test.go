package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// app is a cluster with a litefwd node on each mount.
type app struct {
	*cluster
	driver, journal string
	peers           map[string]string // hostname → litefwd address
	nodes           []*litefwd.Node
	change          func(*litefwd.Config)
	log             logBuffer
}

// logBuffer is what the nodes have logged, shown when the test fails.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

const secret = "a secret of tests, not of anybody else's"

// startApp starts the cluster and its nodes. The database's journal is journal,
// and change may alter each node's Config.
func startApp(t testing.TB, driver, journal string, opts litefstest.Options, change func(*litefwd.Config)) *app {
	t.Helper()
	a := &app{cluster: startCluster(t, opts), driver: driver, journal: journal, peers: map[string]string{}, change: change}
	for i := range a.Nodes() {
		a.peers[a.Hostname(i)] = freeAddr(t)
	}
	primary := a.waitPrimary(-1)
	a.exec(driver, primary, "PRAGMA journal_mode="+journal, createT)
	a.must("replicate", a.WaitReplicated(a.ctx, primary, "app.db"))
	a.nodes = make([]*litefwd.Node, a.Nodes())
	for i := range a.nodes {
		a.openNode(i)
	}
	t.Cleanup(func() {
		for _, n := range a.nodes {
			if n != nil {
				n.Close()
			}
		}
		if t.Failed() {
			t.Logf("log of the nodes:\n%s", a.log.String())
		}
	})
	return a
}

// freeAddr is an address of loopback that nobody listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	addrs, err := litefstest.FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	return addrs[0]
}

// config is the Config of node i.
func (a *app) config(i int) litefwd.Config {
	cfg := litefwd.Config{
		Path:      filepath.Join(a.Mount(i), "app.db"),
		Engine:    "litefs",
		LiteFSURL: a.URL(i),
		Peers:     a.peers,
		Driver:    a.driver,
		Listen:    a.peers[a.Hostname(i)],
		Name:      a.Hostname(i),
		Secret:    secret,
		Logger:    slog.New(slog.NewTextHandler(&a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if a.change != nil {
		a.change(&cfg)
	}
	return cfg
}

func (a *app) openNode(i int) {
	a.t.Helper()
	n, err := litefwd.Open(a.ctx, a.config(i))
	a.must(fmt.Sprintf("open node %d", i), err)
	a.nodes[i] = n
}

func (a *app) db(i int) *sql.DB { return a.nodes[i].DB() }

func (a *app) mustExec(i int, query string, args ...any) {
	a.t.Helper()
	_, err := a.db(i).ExecContext(a.ctx, query, args...)
	a.must(fmt.Sprintf("node %d: %s", i, query), err)
}

// value reads one value.
func value[T any](a *app, db *sql.DB, query string, args ...any) (v T) {
	a.t.Helper()
	a.must(query, db.QueryRowContext(a.ctx, query, args...).Scan(&v))
	return v
}

// eachSetup runs f with every driver on every journal mode.
func eachSetup(t *testing.T, f func(t *testing.T, driver, journal string)) {
	for _, journal := range []string{"WAL", "DELETE"} {
		t.Run(journal, func(t *testing.T) {
			eachDriver(t, func(t *testing.T, driver string) { f(t, driver, journal) })
		})
	}
}

// awaitRole waits until node i has the role.
func (a *app) awaitRole(i int, role litefwd.Role) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.ctx, patience)
	defer cancel()
	for s := range a.nodes[i].WatchRole(ctx) {
		if s.Role == role {
			return
		}
	}
	a.t.Fatalf("node %d did not become %v: %+v", i, role, a.nodes[i].Status())
}
