package writer

import (
	"strings"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func in(sess forward.Session, st forward.Statement) forward.Statement {
	st.Session = sess
	return st
}

func pragmas(pairs ...string) forward.Session {
	m := map[string]string{}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		m[name] = value
	}
	return forward.Session{Pragmas: m}
}

func TestSessionPragmas(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id))")
		on, insert := pragmas("foreign_keys=ON", "recursive_triggers=1"), "INSERT INTO c VALUES (7)"

		_, err := e.Exec(t.Context(), in(on, stmt(insert)))
		wantCode(t, err, 19)
		e.must(insert) // another caller's connection has them off
		_, err = e.Exec(t.Context(), in(on, stmt(insert)))
		wantCode(t, err, 19)
		_, err = e.Begin(t.Context(), forward.TxOptions{Session: pragmas("foreign_keys=1; DROP TABLE c")})
		wantKind(t, err, fault.Protocol, "plain value")

		tx := e.begin(forward.TxOptions{Session: on})
		_, err = tx.Exec(t.Context(), stmt(insert))
		wantCode(t, err, 19)
		// It is ignored inside a transaction.
		_, err = tx.Exec(t.Context(), stmt("PRAGMA foreign_keys = 0"))
		wantNoError(t, err)
		_, err = tx.Exec(t.Context(), stmt(insert))
		wantCode(t, err, 19)
		// This one is not, and ends with the transaction.
		_, err = tx.Exec(t.Context(), stmt("PRAGMA defer_foreign_keys = 1"))
		wantNoError(t, err)
		_, err = tx.Exec(t.Context(), stmt(insert))
		wantNoError(t, err)
		_, err = tx.Commit(t.Context())
		wantCode(t, err, 19)
		if !tx.Open() {
			t.Error("a deferred constraint leaves the transaction open")
		}
		wantNoError(t, tx.Rollback(t.Context()))

		e.must(insert)
		e.wantValues("SELECT count(*) FROM c", "2")
		// A text's own settings do not outlive it.
		e.must("PRAGMA ignore_check_constraints = 1; CREATE TABLE k (a CHECK (a > 0)); INSERT INTO k VALUES (-1); DELETE FROM k")
		_, err = e.Exec(t.Context(), stmt("INSERT INTO k VALUES (-1)"))
		wantCode(t, err, 19)
	})
}

func TestDeferForeignKeysInSession(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p (id))")
		sess := pragmas("foreign_keys=1", "defer_foreign_keys=ON")
		tx := e.begin(forward.TxOptions{Session: sess})
		_, err := tx.Exec(t.Context(), stmt("INSERT INTO c VALUES (1)"))
		wantNoError(t, err)
		_, err = tx.Exec(t.Context(), stmt("INSERT INTO p VALUES (1)"))
		wantNoError(t, err)
		_, err = tx.Commit(t.Context())
		wantNoError(t, err)
		_, err = e.Exec(t.Context(), in(pragmas("foreign_keys=1"), stmt("INSERT INTO c VALUES (2); INSERT INTO p VALUES (2)")))
		wantCode(t, err, 19)
	})
}

// TestUnreadablePragma: case_sensitive_like cannot be read, so a connection on
// which it was changed is not used for others.
func TestUnreadablePragma(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); INSERT INTO t VALUES ('x')")
		sess := pragmas("case_sensitive_like=1")
		count := func(sess forward.Session) int64 {
			res, err := e.Exec(t.Context(), in(sess, stmt("UPDATE t SET a = 'x' WHERE a LIKE 'X'")))
			wantNoError(t, err)
			return res.RowsAffected
		}
		for range 2 {
			if got := count(sess); got != 0 {
				t.Errorf("case sensitive: %d rows", got)
			}
			if got := count(forward.Session{}); got != 1 {
				t.Errorf("case insensitive: %d rows", got)
			}
		}
	})
}

func TestLastInsertIDIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE); CREATE TABLE l (a)")
		res := e.must("INSERT INTO t VALUES (100, 1)")
		wantResult(t, res, 100, 1, 1)
		for _, c := range []struct {
			sql                     string
			session                 int64
			last, affected, changed int64
		}{
			{"INSERT OR IGNORE INTO t VALUES (5, 1)", 77, 77, 0, 0},
			{"INSERT OR IGNORE INTO t VALUES (5, 1)", 0, 0, 0, 0},
			{"INSERT INTO t VALUES (6, 1) ON CONFLICT (a) DO UPDATE SET id = 101", -3, -3, 1, 1},
			{"INSERT INTO l VALUES (last_insert_rowid())", 9_000_000_000, 1, 1, 1},
			{"UPDATE t SET a = last_insert_rowid()", 42, 42, 1, 1},
			{"INSERT INTO t VALUES (last_insert_rowid(), 8)", 43, 43, 1, 1},
			{"CREATE TABLE x (a)", 44, 44, 0, 0},
			{"SAVEPOINT s; INSERT INTO l VALUES (last_insert_rowid()); RELEASE s", 45, 2, 1, 1},
		} {
			res, err := e.Exec(t.Context(), in(forward.Session{LastInsertID: c.session}, stmt(c.sql)))
			wantNoError(t, err)
			wantResult(t, res, c.last, c.affected, c.changed)
		}
		e.wantValues("SELECT a FROM l", "9000000000 45")
		e.wantValues("SELECT id, a FROM t", "43,8 101,42")

		for _, readOnly := range []bool{false, true} {
			tx := e.begin(forward.TxOptions{ReadOnly: readOnly, Session: forward.Session{LastInsertID: 55}})
			e.wantRows(tx, "SELECT last_insert_rowid()", "55")
			wantNoError(t, tx.Rollback(t.Context()))
		}
		e.wantValues("SELECT count(*) FROM sqlite_master WHERE name LIKE 'litefwd%'", "0")
	})
}
