package writer

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

func TestExecResult(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		var id int64
		for _, c := range []struct {
			sql                     string
			last, affected, changed int64
		}{
			{"CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)", 0, 0, 0},
			{"CREATE TABLE log (a)", 0, 0, 0},
			{"CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); END", 0, 0, 0},
			{"INSERT INTO t (a) VALUES (1), (2)", 2, 2, 4},
			{"CREATE TABLE other (a)", 2, 0, 0},
			{"INSERT OR IGNORE INTO t (a) VALUES (1)", 2, 0, 0},
			{"INSERT INTO t (id, a) VALUES (9, 1) ON CONFLICT DO NOTHING", 2, 0, 0},
			{"INSERT INTO t (id, a) VALUES (9, 1) ON CONFLICT (a) DO UPDATE SET a = 5", 2, 1, 1},
			{"UPDATE t SET a = a + 10", 2, 2, 2},
			{"PRAGMA user_version = 3", 2, 0, 0},
			{"DELETE FROM t", 2, 2, 2},
			{"SELECT 1", 2, 0, 0},
			{"", 2, 0, 0},
			{"VACUUM", 5, 0, 0}, // SQLite's own: the rows of the schema are inserted anew
		} {
			st := stmt(c.sql)
			st.Session.LastInsertID = id
			res, err := e.Exec(t.Context(), st)
			if err != nil {
				t.Fatalf("%s: %v", c.sql, err)
			}
			id = res.LastInsertID
			if res.LastInsertID != c.last || res.RowsAffected != c.affected || res.Changed != c.changed {
				t.Errorf("%s: got %+v, want %+v", c.sql, res, c)
			}
		}
		e.wantValues("PRAGMA user_version", "3")
	})
}

// TestExecLikeBareDriver runs the same texts on the bare driver, outside a
// transaction, and through the Writer: errors and database must be the same.
func TestExecLikeBareDriver(t *testing.T) {
	t.Parallel()
	texts := []struct {
		sql  string
		args []any
	}{
		{"CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b DEFAULT 'x')", nil},
		{"INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2)", nil},
		{"INSERT OR FAIL INTO t (a) VALUES (10), (11), (1), (12)", nil},
		{"INSERT OR ROLLBACK INTO t (a) VALUES (20), (1), (21)", nil},
		{"INSERT OR ABORT INTO t (a) VALUES (30), (1), (31)", nil},
		{"INSERT OR IGNORE INTO t (a) VALUES (40), (1), (41)", nil},
		{"INSERT OR REPLACE INTO t (a) VALUES (50), (1)", nil},
		{"CREATE TRIGGER r BEFORE INSERT ON t WHEN new.a < 0 BEGIN SELECT RAISE(ROLLBACK, 'negative'); END", nil},
		{"CREATE TRIGGER f BEFORE INSERT ON t WHEN new.a = 999 BEGIN SELECT RAISE(FAIL, 'too much'); END", nil},
		{"INSERT INTO t (a) VALUES (60); INSERT INTO t (a) VALUES (-1); INSERT INTO t (a) VALUES (61)", nil},
		{"INSERT INTO t (a) VALUES (70), (999), (71)", nil},
		{"CREATE TABLE u (a); INSERT INTO u VALUES (1); SELECT * FROM u; INSERT INTO u SELECT a + 1 FROM u", nil},
		{"BEGIN; INSERT INTO u VALUES (100); COMMIT; INSERT INTO u VALUES (101)", nil},
		{"BEGIN; INSERT INTO u VALUES (200); ROLLBACK; INSERT INTO u VALUES (201)", nil},
		{"SAVEPOINT a; INSERT INTO u VALUES (300); SAVEPOINT b; INSERT INTO u VALUES (301); ROLLBACK TO b; RELEASE a", nil},
		{"SAVEPOINT a; INSERT INTO u VALUES (310); ROLLBACK TO a; INSERT INTO u VALUES (311); RELEASE A", nil},
		{"COMMIT", nil},
		{"ROLLBACK", nil},
		{"RELEASE nothing", nil},
		{"BEGIN; BEGIN", nil},
		{"nonsense", nil},
		{"INSERT INTO missing VALUES (1)", nil},
		{"INSERT INTO u VALUES (1, 2)", nil},
		{"INSERT INTO u VALUES (400); nonsense", nil},
		{"-- nothing", nil},
		{" ; ; ", nil},
		{"CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)", nil},
		{"PRAGMA foreign_keys = 1; INSERT INTO c VALUES (7); PRAGMA foreign_keys = 0", nil},
		{"PRAGMA foreign_keys = 0", nil},
		{"VACUUM", nil},
		{"BEGIN; VACUUM; COMMIT", nil},
		{"ROLLBACK", nil},
		{"PRAGMA user_version = 7", nil},
		{"INSERT INTO t (a, b) VALUES (?, ?)", []any{int64(500), "x"}},
		{"INSERT INTO t (a, b) VALUES (?, ?)", []any{int64(501)}},
		{"INSERT INTO t (a, b) VALUES (?, ?)", []any{int64(502), "x", "too many"}},
		{"INSERT INTO t (a, b) VALUES (?, ?)", nil},
		{"INSERT INTO t (a, b) VALUES (?2, ?1)", []any{"x", int64(503)}},
		{"INSERT INTO t (a) VALUES (?); INSERT INTO t (a, b) VALUES (?, ?)", []any{int64(510), int64(511), "y"}},
		{"INSERT INTO t (a) VALUES (?); INSERT INTO t (a, b) VALUES (?, ?)", []any{int64(520), int64(521)}},
		{"INSERT INTO t (a) VALUES (?); CREATE TABLE v (a); INSERT INTO v VALUES (?)", []any{int64(530), int64(531)}},
		{"INSERT INTO t (a, b) VALUES (:a, @b)", []any{driver.NamedValue{Name: "a", Value: int64(540)}, driver.NamedValue{Name: "b", Value: "z"}}},
		{"INSERT INTO t (a) VALUES (:a); UPDATE t SET b = :b WHERE a = :a",
			[]any{driver.NamedValue{Name: "a", Value: int64(550)}, driver.NamedValue{Name: "b", Value: "w"}}},
		{"INSERT INTO t (a, b) VALUES (1000, 'q') RETURNING id", nil},
		{"INSERT INTO t (a, b) VALUES (x'', ''), (x'00', NULL)", nil},
	}
	onDrivers(t, func(t *testing.T, e *env) {
		other := newBare(t, e.driver)
		for _, c := range texts {
			args := namedArgs(c.args)
			_, want := other.bare.Exec(t.Context(), c.sql, args)
			if other.bare.Exec(t.Context(), "BEGIN", nil); true {
				other.bare.Exec(t.Context(), "ROLLBACK", nil)
			}
			_, got := e.Exec(t.Context(), forward.Statement{SQL: c.sql, Args: args})
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: got error %v, want %v", c.sql, got, want)
			}
			const all = "SELECT id, a, b, typeof(a), typeof(b) FROM t ORDER BY id"
			if got, want := e.values(all), other.values(all); got != want {
				t.Fatalf("%s: t is\n%s, want\n%s", c.sql, got, want)
			}
		}
		for _, query := range []string{"SELECT a FROM u", "SELECT a FROM v", "SELECT * FROM c", "PRAGMA user_version"} {
			e.wantValues(query, other.values(query))
		}
	})
}

func newBare(t *testing.T, d testDriver) *env {
	e := &env{t: t, driver: d, path: filepath.Join(t.TempDir(), "bare.db")}
	var err error
	e.bare, err = sqldriver.Connect(t.Context(), d.connector(t, e.path))
	wantNoError(t, err)
	t.Cleanup(func() { e.bare.Close() })
	return e
}

func namedArgs(values []any) []driver.NamedValue {
	args := sqldriver.Args(values...)
	for i, a := range args {
		if n, ok := a.Value.(driver.NamedValue); ok {
			args[i].Name, args[i].Value = n.Name, n.Value
		}
	}
	return args
}

func TestTextLeavesTransactionOpen(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		_, err := e.Exec(t.Context(), stmt("BEGIN; INSERT INTO t VALUES (1)"))
		wantKind(t, err, fault.Unsupported, "BeginTx")
		_, err = e.Exec(t.Context(), stmt("INSERT INTO t VALUES (2); SAVEPOINT x; INSERT INTO t VALUES (3)"))
		wantKind(t, err, fault.Unsupported, "BeginTx")
		e.wantValues("SELECT a FROM t", "2")
		e.must("INSERT INTO t VALUES (4)")
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		for _, c := range []struct{ sql, part string }{
			{"CREATE TEMP TABLE x (a)", ""},
			{"INSERT INTO t VALUES (1); CREATE TEMP TABLE x (a)", ""},
			{"INSERT INTO t VALUES (1); ATTACH ':memory:' AS m", ""},
			{"INSERT INTO t VALUES (1); PRAGMA locking_mode = exclusive", ""},
			{"PRAGMA journal_mode = MEMORY", ""},
			{"PRAGMA journal_mode = off", ""},
			{"SELECT total_changes()", "RowsAffected"},
			{"PRAGMA query_only = 1", ""},
		} {
			_, err := e.Exec(t.Context(), stmt(c.sql))
			wantKind(t, err, fault.Unsupported, c.part)
			if !fault.SafeToRetry(err) {
				t.Errorf("%s: %v should say that nothing ran", c.sql, err)
			}
		}
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

func TestChangesWithinText(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); CREATE TABLE n (n)")
		e.must("BEGIN; INSERT INTO t VALUES (1), (2), (3); INSERT INTO n VALUES (changes()); COMMIT")
		e.wantValues("SELECT n FROM n", "3")
	})
}

func TestFence(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		e.engine.set(func(e *testEngine) { e.fence = fault.New(fault.NotPrimary, "term 2 has begun") })
		before := e.engine.commits
		for _, sql := range []string{"INSERT INTO t VALUES (1)", "VACUUM", "BEGIN; INSERT INTO t VALUES (1); COMMIT"} {
			_, err := e.Exec(t.Context(), stmt(sql))
			wantKind(t, err, fault.NotPrimary, "term 2")
			if !fault.SafeToRetry(err) {
				t.Errorf("%s: %v should be safe to retry", sql, err)
			}
		}
		_, err := e.Begin(t.Context(), forward.TxOptions{})
		wantKind(t, err, fault.NotPrimary, "term 2")
		_, err = e.Query(t.Context(), stmt("SELECT 1"))
		wantKind(t, err, fault.NotPrimary, "term 2")
		_, err = e.Query(t.Context(), stmt("INSERT INTO t VALUES (1) RETURNING a"))
		wantKind(t, err, fault.NotPrimary, "term 2")
		if e.engine.commits != before {
			t.Error("Committed was called")
		}
		e.engine.set(func(e *testEngine) { e.fence = nil })
		e.wantValues("SELECT count(*) FROM t", "0")
		e.must("INSERT INTO t VALUES (1)")
	})
}

func TestCommittedFails(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		e.engine.set(func(e *testEngine) { e.committed = errors.New("the lease is gone") })
		st := stmt("INSERT INTO t VALUES (1)")
		_, err := e.Exec(t.Context(), st)
		wantKind(t, err, fault.OutcomeUnknown, "the lease is gone")
		wantKind(t, err, fault.OutcomeUnknown, st.ID.String())
		if fault.SafeToRetry(err) {
			t.Error("safe to retry")
		}
		id := forward.NewID()
		tx := e.begin(forward.TxOptions{ID: id})
		_, err = tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (2)"))
		wantNoError(t, err)
		_, err = tx.Commit(t.Context())
		wantKind(t, err, fault.OutcomeUnknown, "the lease is gone")
		if tx.Open() {
			t.Error("still open")
		}
		_, err = e.Outcome(t.Context(), id)
		wantKind(t, err, fault.OutcomeUnknown, "the lease is gone")
		e.engine.set(func(e *testEngine) { e.committed = nil })
		res := e.must("INSERT INTO t VALUES (3)")
		if res.Position.IsZero() {
			t.Error("no position")
		}
	})
}

func TestAloneStatements(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
		e.wantValues("SELECT a FROM t", "1")
		_, err := e.Query(t.Context(), stmt("PRAGMA journal_mode = DELETE"))
		wantCode(t, err, fault.CodeBusy) // the bare connection is open
		e.bare.Close()
		e.wantRows(e, "PRAGMA journal_mode = DELETE", "delete")
		e.wantRows(e, "PRAGMA journal_mode = WAL", "wal")
		e.must("INSERT INTO t VALUES (2); VACUUM; INSERT INTO t VALUES (3)")
		bare, err := sqldriver.Connect(t.Context(), e.driver.connector(t, e.path))
		wantNoError(t, err)
		e.bare = bare
		e.wantValues("SELECT a FROM t", "1 2 3")
	})
}
