package litefwd_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/litefwd/litefwd"
)

func sharedConfig(dir, driver string) litefwd.Config {
	return litefwd.Config{Path: filepath.Join(dir, "app.db"), Engine: "shared", Driver: driver, Listen: "127.0.0.1:0"}
}

func open(t *testing.T, cfg litefwd.Config) *litefwd.Node {
	t.Helper()
	node, err := litefwd.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return node
}

// Opening a directory twice shares one node; the last one closed stops it.
func TestSameDirectorySharesOneNode(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		dir := t.TempDir()
		first := open(t, sharedConfig(dir, driver))
		mustExec(t, first.DB(), "CREATE TABLE t(v)")

		cfg := sharedConfig(dir, driver)
		cfg.Path = filepath.Join(dir, "other.db")
		second := open(t, cfg)
		if first.Addr() != second.Addr() || first.Name() != second.Name() {
			t.Errorf("two nodes: %s %s and %s %s", first.Name(), first.Addr(), second.Name(), second.Addr())
		}
		mustExec(t, second.DB(), "CREATE TABLE other(v)")
		if n := queryInt(t, first.Database("other.db"), "SELECT count(*) FROM other"); n != 0 {
			t.Errorf("%d rows", n)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		mustExec(t, second.DB(), "INSERT INTO other VALUES (1)")
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		third := open(t, sharedConfig(dir, driver))
		mustExec(t, third.DB(), "INSERT INTO t VALUES (1)")
	})
}

func TestConflictingSecondOpen(t *testing.T) {
	dir := t.TempDir()
	open(t, sharedConfig(dir, "sqlite"))
	for _, tt := range []struct {
		key    string
		change func(*litefwd.Config)
	}{
		{"driver", func(c *litefwd.Config) { c.Driver = "sqlite3" }},
		{"listen", func(c *litefwd.Config) { c.Listen = "127.0.0.2:0" }},
		{"secret", func(c *litefwd.Config) { c.Secret = "another secret of some length" }},
	} {
		cfg := sharedConfig(dir, "sqlite")
		tt.change(&cfg)
		_, err := litefwd.Open(t.Context(), cfg)
		if !errors.Is(err, litefwd.ErrConfig) || !strings.Contains(err.Error(), tt.key+":") {
			t.Errorf("%s: %v", tt.key, err)
		}
		if strings.Contains(err.Error(), cfg.Secret) && cfg.Secret != "" {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

func TestSQLOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		dsn := sharedConfig(t.TempDir(), driver).DSN()
		db, err := sql.Open("litefwd", dsn)
		if err != nil {
			t.Fatal(err)
		}
		mustExec(t, db, "CREATE TABLE t(v)")
		mustExec(t, db, "INSERT INTO t VALUES (1)")
		if n := queryInt(t, db, "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("%d rows", n)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if db, err = sql.Open("litefwd", dsn); err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if n := queryInt(t, db, "SELECT count(*) FROM t"); n != 1 {
			t.Errorf("after opening again: %d rows", n)
		}
	})
	if _, err := sql.Open("litefwd", "/a.db?engine=shared&driver=sqlite&colour=red"); !errors.Is(err, litefwd.ErrConfig) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestOpenFailures(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		cfg := sharedConfig(t.TempDir(), driver)
		cfg.Listen = taken.Addr().String()
		if _, err := litefwd.Open(t.Context(), cfg); !errors.Is(err, litefwd.ErrConfig) || !strings.Contains(err.Error(), "listen") {
			t.Errorf("port taken: %v", err)
		}
		// Nothing is left of the attempt.
		cfg.Listen = "127.0.0.1:0"
		open(t, cfg)

		cfg = sharedConfig(t.TempDir(), driver)
		if err := os.WriteFile(cfg.Path, []byte(strings.Repeat("This is not a database. ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		node := open(t, cfg)
		_, err = node.DB().Exec("CREATE TABLE t(v)")
		if !errors.Is(err, &litefwd.SQLError{Code: 26}) {
			t.Errorf("not a database: %v, want SQLITE_NOTADB", err)
		}
	})
}

// A directory that is not mounted yet must never be written as a plain one.
func TestUnmountedLiteFSIsRefused(t *testing.T) {
	cfg := sharedConfig(t.TempDir(), "sqlite")
	cfg.Engine = ""
	_, err := litefwd.Open(t.Context(), cfg)
	if !errors.Is(err, litefwd.ErrConfig) || !strings.Contains(err.Error(), `"shared"`) {
		t.Errorf("no engine named: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(cfg.Path), ".lag"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Engine = "shared"
	if _, err := litefwd.Open(t.Context(), cfg); !errors.Is(err, litefwd.ErrConfig) {
		t.Errorf("shared on a LiteFS mount: %v", err)
	}
}

func TestUnsafeJournalIsRefused(t *testing.T) {
	for driver, dsns := range map[string][]string{
		"sqlite":  {"file:{path}?_pragma=journal_mode(MEMORY)", "file:{path}?_pragma=locking_mode(EXCLUSIVE)"},
		"sqlite3": {"file:{path}?_journal_mode=OFF", "file:{path}?_locking_mode=EXCLUSIVE"},
	} {
		for _, dsn := range dsns {
			cfg := sharedConfig(t.TempDir(), driver)
			cfg.DriverDSN = dsn
			node := open(t, cfg)
			if _, err := node.DB().Exec("CREATE TABLE t(v)"); !errors.Is(err, litefwd.ErrConfig) {
				t.Errorf("%s %s: %v, want ErrConfig", driver, dsn, err)
			}
		}
		node := open(t, sharedConfig(t.TempDir(), driver))
		for _, pragma := range []string{"journal_mode=MEMORY", "journal_mode=OFF", "locking_mode=EXCLUSIVE", "query_only=0"} {
			if _, err := node.DB().Exec("PRAGMA " + pragma); !errors.Is(err, litefwd.ErrUnsupported) {
				t.Errorf("%s: PRAGMA %s: %v, want ErrUnsupported", driver, pragma, err)
			}
		}
	}
}

func TestWatchRoleEnds(t *testing.T) {
	node := open(t, sharedConfig(t.TempDir(), "sqlite"))
	waitRole(t, node, litefwd.RolePrimary)
	ctx, cancel := context.WithCancel(t.Context())
	watch := node.WatchRole(ctx)
	if s := <-watch; s.Role != litefwd.RolePrimary || s.Primary.Addr != node.Addr() {
		t.Errorf("status %+v", s)
	}
	cancel()
	for range watch {
	}
	watch = node.WatchRole(t.Context())
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	for range watch {
	}
}
