package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/litefwd/litefwd"
)

// Opening a database on a replica, where there is none, makes an empty file of
// that node's alone on LiteFS. Litefwd never does.
func TestMissingDatabase(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), nil)
		other := a.nodes[1].Database("other.db")
		for _, text := range []string{"SELECT * FROM u", "SELECT 1", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema"} {
			_, err := other.ExecContext(a.ctx, text)
			if text == "SELECT * FROM u" && (err == nil || !strings.Contains(err.Error(), "no such table")) {
				t.Errorf("%s: %v", text, err)
			}
		}
		if err := other.PingContext(a.ctx); err != nil {
			t.Errorf("Ping: %v", err)
		}
		if _, err := os.Stat(filepath.Join(a.Mount(1), "other.db")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("other.db on the replica: %v", err)
		}
		for _, text := range []string{"CREATE TABLE u(v)", "INSERT INTO u VALUES (1)"} {
			_, err := other.ExecContext(a.ctx, text)
			a.must(text, err)
		}
		a.must("replicate", a.WaitReplicated(a.ctx, 0, "other.db"))
		if got := value[int](a, other, "SELECT count(*) FROM u"); got != 1 {
			t.Errorf("%d rows", got)
		}
	})
}

// A connection that sets another journal mode than the file's fails on a
// replica, for good. The error says what to change.
func TestJournalModeInDSN(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		other := map[string]string{"WAL": "DELETE", "DELETE": "WAL"}[journal]
		dsn := map[string]string{"sqlite": "file:{path}?_pragma=journal_mode(" + other + ")", "sqlite3": "file:{path}?_journal_mode=" + other}[driver]
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) {
			if cfg.Name == "node1" {
				cfg.DriverDSN = dsn
			}
		})
		err := a.db(1).QueryRowContext(a.ctx, "SELECT count(*) FROM t").Scan(new(int))
		wantKind(t, "a read", err, litefwd.ErrConfig)
		if err == nil || !strings.Contains(err.Error(), "driver_dsn") || !strings.Contains(err.Error(), "journal_mode") {
			t.Errorf("the error is %v", err)
		}
		a.mustExec(0, "INSERT INTO t VALUES (1)")
		a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))
		if got := strings.ToUpper(value[string](a, a.db(0), "PRAGMA journal_mode")); got != journal {
			t.Errorf("the file's journal mode is now %s", got)
		}
	})
}

// Settings with which LiteFS does not replicate, or not any more.
func TestRefusedSettings(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), nil)
		for i := range a.Nodes() {
			for _, text := range []string{"PRAGMA journal_mode=MEMORY", "PRAGMA journal_mode=OFF", "PRAGMA locking_mode=EXCLUSIVE"} {
				_, err := a.db(i).ExecContext(a.ctx, text)
				wantKind(t, text, err, litefwd.ErrUnsupported)
				_, err = a.db(i).ExecContext(a.ctx, text+"; INSERT INTO t VALUES (9)")
				wantKind(t, text+" before a write", err, litefwd.ErrUnsupported)
			}
			a.mustExec(i, "INSERT INTO t VALUES (?)", i)
		}
		a.wantCopies(0, 0, 1)
	})
}

func TestRefusedSettingsInDSN(t *testing.T) {
	settings := map[string][]string{
		"sqlite":  {"_pragma=journal_mode(MEMORY)", "_pragma=journal_mode(OFF)", "_pragma=locking_mode(EXCLUSIVE)"},
		"sqlite3": {"_journal_mode=MEMORY", "_journal_mode=OFF", "_locking_mode=EXCLUSIVE"},
	}
	eachDriver(t, func(t *testing.T, driver string) {
		a := startApp(t, driver, "DELETE", static(1), nil)
		for _, setting := range settings[driver] {
			a.must("close", a.nodes[0].Close())
			a.change = func(cfg *litefwd.Config) { cfg.DriverDSN = "file:{path}?" + setting }
			a.openNode(0)
			_, err := a.db(0).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
			wantKind(t, setting, err, litefwd.ErrConfig)
			if err == nil || !strings.Contains(err.Error(), "driver_dsn") {
				t.Errorf("%s: %v", setting, err)
			}
		}
		if got := a.rows(driver, 0); got != "" {
			t.Errorf("rows %q were written", got)
		}
	})
}

// A transaction over two databases of LiteFS fails at COMMIT in rollback mode,
// and is two transactions in WAL mode. It is refused before.
func TestAttachedWrite(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), nil)
		other := a.nodes[0].Database("other.db")
		_, err := other.ExecContext(a.ctx, "CREATE TABLE u(v)")
		a.must("create", err)
		a.must("replicate", a.WaitReplicated(a.ctx, 0, "other.db"))
		for i := range a.Nodes() {
			conn, err := a.db(i).Conn(a.ctx)
			a.must("conn", err)
			_, err = conn.ExecContext(a.ctx, "ATTACH '"+filepath.Join(a.Mount(i), "other.db")+"' AS o")
			a.must("attach", err)
			a.must("read", conn.QueryRowContext(a.ctx, "SELECT count(*) FROM o.u").Scan(new(int)))
			tx, err := conn.BeginTx(a.ctx, nil)
			a.must("begin", err)
			_, err = tx.ExecContext(a.ctx, "INSERT INTO main.t VALUES (1)")
			a.must("insert", err)
			_, err = tx.ExecContext(a.ctx, "INSERT INTO o.u VALUES (1)")
			wantKind(t, "the second database", err, litefwd.ErrUnsupported)
			a.must("rollback", tx.Rollback())
			_, err = conn.ExecContext(a.ctx, "INSERT INTO o.u VALUES (1)")
			wantKind(t, "the other database", err, litefwd.ErrUnsupported)
			a.must("close", conn.Close())
		}
		if got := value[int](a, other, "SELECT count(*) FROM u"); got != 0 {
			t.Errorf("%d rows in the other database", got)
		}
		a.wantCopies(0)
	})
}
