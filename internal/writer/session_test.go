package writer

import (
	"fmt"
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

// TestChangesAreTheCallersOwn: also where another caller's write was the last.
func TestChangesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); CREATE TABLE l (n)")
		for _, n := range []int64{0, 1, 2, 3, maxPrimed} {
			e.must("INSERT INTO t VALUES (1), (2)")
			sess := forward.Session{LastInsertID: n * 7, Changes: n}
			res, err := e.Exec(t.Context(), in(sess, stmt("INSERT INTO l SELECT changes() WHERE last_insert_rowid() = ?", n*7)))
			wantNoError(t, err)
			if res.RowsAffected != 1 || res.Changed != 1 {
				t.Errorf("%d: %+v", n, res)
			}
			// What has set no counter leaves them.
			res, err = e.Exec(t.Context(), in(sess, stmt("CREATE TABLE IF NOT EXISTS l (n)")))
			wantNoError(t, err)
			wantResult(t, res, n*7, n, 0)
			rows, err := e.Query(t.Context(), in(sess, stmt("SELECT changes()")))
			wantNoError(t, err)
			if got, err := fetch(rows); got != fmt.Sprint(n) || err != nil {
				t.Errorf("%d: got %s, %v", n, got, err)
			}
		}
		e.wantValues("SELECT n FROM l", "0 1 2 3 100000")
		_, err := e.Exec(t.Context(), in(forward.Session{Changes: maxPrimed + 1}, stmt("INSERT INTO l VALUES (changes())")))
		wantKind(t, err, fault.Unsupported, "RowsAffected")
		tx := e.begin(forward.TxOptions{ReadOnly: true, Session: forward.Session{LastInsertID: 4, Changes: 3}})
		e.wantRows(tx, "SELECT changes(), last_insert_rowid()", "3 4")
		wantNoError(t, tx.Rollback(t.Context()))
		e.wantValues("SELECT count(*) FROM sqlite_master WHERE name LIKE 'litefwd%'", "0")
	})
}

// TestCountersLikeBareDriver runs the same statements, each alone, on a bare
// connection and for one caller of the Writer, between whose statements
// others write: the counters must be the same, also after errors.
func TestCountersLikeBareDriver(t *testing.T) {
	t.Parallel()
	texts := []string{
		"CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p, u UNIQUE)",
		"INSERT INTO p VALUES (7), (8), (9)", "CREATE TABLE x (a)",
		"INSERT INTO c VALUES (70, 7, 1), (71, 7, 2), (72, 8, 1)", "UPDATE c SET u = u", "INSERT INTO c VALUES (50, 7, 1)",
		"INSERT OR FAIL INTO c VALUES (60, 7, 3), (61, 7, 4), (62, 8, 3)", "INSERT INTO nosuch VALUES (1)", "UPDATE c SET u = 5",
		"INSERT OR IGNORE INTO c VALUES (80, 7, 3)", "INSERT INTO c VALUES (81, 99, 9)", "PRAGMA user_version = 3",
		"CREATE TABLE y AS SELECT * FROM c", "DROP TABLE y", "DELETE FROM c WHERE id = 60", "VACUUM",
		"CREATE VIRTUAL TABLE r USING rtree(id, a, b)", "INSERT INTO r VALUES (500, 1, 2), (501, 1, 2)",
		"UPDATE r SET a = 0 WHERE id = 500", "DELETE FROM r WHERE id = 501", "DROP TABLE r",
		"CREATE VIRTUAL TABLE f USING fts5(a)", "INSERT INTO f VALUES ('x'), ('y')",
		"UPDATE f SET a = 'z' WHERE rowid = 1", "DELETE FROM f", "DROP TABLE f",
		"DELETE FROM c", "DROP TABLE p",
	}
	onDrivers(t, func(t *testing.T, e *env) {
		other := newBare(t, e.driver)
		e.must("CREATE TABLE noise (id INTEGER PRIMARY KEY)")
		sess := pragmas("foreign_keys=1")
		for i := range 2 { // the others write before every second statement
			other.values("PRAGMA foreign_keys = 1")
			for k, sql := range texts {
				_, want := other.bare.Exec(t.Context(), sql, nil)
				if k%2 == i {
					e.must("DELETE FROM noise")
					e.must("INSERT INTO noise VALUES (9000), (9001), (9002), (9003)")
				}
				res, err := e.Exec(t.Context(), in(sess, stmt(sql)))
				if fmt.Sprint(err) != fmt.Sprint(want) {
					t.Fatalf("%s: got error %v, want %v", sql, err, want)
				}
				sess.LastInsertID, sess.Changes = res.LastInsertID, res.RowsAffected
				got, wantNow := fmt.Sprintf("%d,%d", sess.LastInsertID, sess.Changes), other.values("SELECT last_insert_rowid(), changes()")
				if err != nil {
					a, _ := fault.AftermathOf(err)
					sess.LastInsertID, sess.Changes = a.LastInsertID, a.Changes
					got = fmt.Sprintf("%d,%d", sess.LastInsertID, sess.Changes)
				}
				if got != wantNow {
					t.Errorf("%s: got %s, want %s", sql, got, wantNow)
				}
			}
			other.values("DROP TABLE c")
			other.values("DROP TABLE x")
			e.must("DROP TABLE c; DROP TABLE x")
		}
	})
}
