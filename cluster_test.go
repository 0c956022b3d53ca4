package litefwd_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine/shared"
)

// localDrivers are the SQLite drivers that every test of behaviour runs on.
var localDrivers = []string{"sqlite", "sqlite3"}

// onBoth runs a test with each driver.
func onBoth(t *testing.T, test func(t *testing.T, driver string)) {
	for _, driver := range localDrivers {
		t.Run(driver, func(t *testing.T) { test(t, driver) })
	}
}

// openNode opens a node of its own on dir/app.db: an engine given by hand is
// not shared with the process's other nodes.
func openNode(t testing.TB, dir, driver string, change ...func(*litefwd.Config)) *litefwd.Node {
	t.Helper()
	engine, err := shared.Open(dir, shared.Options{})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := engine.Secret()
	if err != nil {
		t.Fatal(err)
	}
	cfg := litefwd.Config{
		Path:         filepath.Join(dir, "app.db"),
		CustomEngine: engine,
		Driver:       driver,
		Listen:       "127.0.0.1:0",
		Secret:       string(secret),
	}
	for _, f := range change {
		f(&cfg)
	}
	node, err := litefwd.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

// openPair opens a primary and a replica on one directory.
func openPair(t testing.TB, driver string, change ...func(*litefwd.Config)) (primary, replica *litefwd.Node) {
	t.Helper()
	dir := t.TempDir()
	primary = openNode(t, dir, driver, append(change, func(c *litefwd.Config) { c.Name = "one" })...)
	waitRole(t, primary, litefwd.RolePrimary)
	replica = openNode(t, dir, driver, append(change, func(c *litefwd.Config) { c.Name = "two" })...)
	waitRole(t, replica, litefwd.RoleReplica)
	return primary, replica
}

// waitRole waits until node has role and knows a primary.
func waitRole(t testing.TB, node *litefwd.Node, role litefwd.Role) {
	t.Helper()
	bound := time.After(10 * time.Second)
	watch := node.WatchRole(t.Context())
	for {
		select {
		case s := <-watch:
			if s.Role == role && s.Primary.Addr != "" {
				return
			}
		case <-bound:
			t.Fatalf("%s did not become %s: %+v", node.Name(), role, node.Status())
		}
	}
}

func mustExec(t testing.TB, db interface {
	Exec(string, ...any) (sql.Result, error)
}, query string, args ...any) sql.Result {
	t.Helper()
	res, err := db.Exec(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return res
}

func queryInt(t testing.TB, db interface {
	QueryRow(string, ...any) *sql.Row
}, query string, args ...any) (n int64) {
	t.Helper()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
