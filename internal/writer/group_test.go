package writer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// asked is a statement of somebody, and its answer.
type asked struct {
	st    forward.Statement
	query bool
	ctx   context.Context
	rows  string
	res   forward.Result
	err   error
}

func ask(sql string, args ...any) *asked { return &asked{st: stmt(sql, args...)} }

// together makes all of them wait for the slot at the same time, then gives it up,
// and returns when all are answered.
func (e *env) together(all ...*asked) {
	e.t.Helper()
	tx := e.begin(forward.TxOptions{})
	answers := e.submitAll(all)
	wantNoError(e.t, tx.Rollback(context.Background()))
	answers()
}

// submitAll submits all; what it returns waits for their answers.
func (e *env) submitAll(all []*asked) (wait func()) {
	over := make(chan struct{}, len(all))
	for _, a := range all {
		ctx := a.ctx
		if ctx == nil {
			ctx = context.Background()
		}
		e.submit(&job{st: a.st, query: a.query, ctx: ctx, done: func(j *job) {
			a.res, a.err = j.res, j.err
			if j.rows != nil {
				a.rows, _ = fetch(j.rows)
			}
			over <- struct{}{}
		}})
	}
	return func() {
		for range all {
			<-over
		}
	}
}

// withPragmas opens the Writer's connections with other settings.
func withPragmas(d testDriver, t testing.TB, pragmas ...string) func(*Options) {
	return func(o *Options) { o.Connector = d.connector(t, dsnPath(o.Connector.(dsnConnector).dsn), pragmas...) }
}

// The tables of one caller, so that what it sees does not depend on the order in
// which callers run; # is the caller.
const ownTables = `
CREATE TABLE plain#(a, b);
CREATE TABLE numbered#(id INTEGER PRIMARY KEY AUTOINCREMENT, v UNIQUE, n INT CHECK(n < 5));
CREATE TABLE counted#(id INTEGER PRIMARY KEY, v UNIQUE, n INT);
CREATE TABLE keyed#(k PRIMARY KEY, n INT) WITHOUT ROWID;
CREATE TABLE child#(id INTEGER PRIMARY KEY, p INT REFERENCES numbered# ON DELETE CASCADE);
CREATE TABLE later#(id INTEGER PRIMARY KEY, p INT REFERENCES numbered# DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE rolls#(a UNIQUE ON CONFLICT ROLLBACK);
CREATE TABLE traced#(a);
CREATE TABLE trace#(id INTEGER PRIMARY KEY, what);
CREATE TRIGGER traces# AFTER INSERT ON traced# BEGIN
	INSERT INTO trace#(what) VALUES('i' || new.a), ('j');
	SELECT RAISE(ABORT, 'seven') WHERE new.a = 7;
	SELECT RAISE(ROLLBACK, 'eight') WHERE new.a = 8;
	SELECT RAISE(FAIL, 'nine') WHERE new.a = 9;
	SELECT RAISE(IGNORE) WHERE new.a = 6;
END;
CREATE VIEW seen# AS SELECT a FROM plain#;
CREATE TRIGGER sees# INSTEAD OF INSERT ON seen# BEGIN INSERT INTO plain# VALUES(new.a, 'view'); END;
`

// ownStatements are what callers run; ? is a small number. Those that begin with a
// space are run for their rows.
var ownStatements = []string{
	"INSERT INTO plain# VALUES(?, 1)",
	"INSERT INTO plain# VALUES(?, 1), (?, json('{')), (3, 3)",
	"INSERT INTO plain# SELECT value, CASE value WHEN 3 THEN json('{') END FROM json_each('[1,2,3,4]') LIMIT ?",
	"INSERT INTO plain# VALUES(abs(-9223372036854775807 - ?), 1)",
	"INSERT INTO numbered#(v, n) VALUES(?, 1)",
	"INSERT OR IGNORE INTO numbered#(v, n) VALUES(?, ?)",
	"INSERT OR FAIL INTO numbered#(v) VALUES('x' || ?), (?), ('y' || ?)",
	"INSERT OR REPLACE INTO numbered#(id, v) VALUES(?, ?)",
	"INSERT OR ROLLBACK INTO numbered#(v) VALUES(?)",
	"INSERT INTO numbered#(v, n) VALUES(?, 1) ON CONFLICT(v) DO UPDATE SET n = n + 1",
	"INSERT INTO numbered#(id, v) VALUES(?, ?) ON CONFLICT DO NOTHING",
	" INSERT INTO numbered#(v) VALUES(?) RETURNING id, v",
	" INSERT INTO plain# VALUES(?, 'r') RETURNING rowid, json(iif(a = 4, '{', '1'))",
	" UPDATE plain# SET b = b || ? RETURNING a",
	" DELETE FROM keyed# WHERE k = ? RETURNING n",
	"INSERT INTO counted#(v, n) VALUES(?, 1) ON CONFLICT(v) DO UPDATE SET n = n + 1",
	"INSERT INTO counted#(v, n) VALUES(?, 1) ON CONFLICT(v) DO UPDATE SET n = n + 1 WHERE n < 2",
	"INSERT INTO counted#(v) VALUES(?)",
	"INSERT OR IGNORE INTO counted#(v) VALUES(?)",
	"INSERT INTO keyed# VALUES(?, 1) ON CONFLICT DO UPDATE SET n = n + 1",
	"REPLACE INTO keyed# VALUES(?, ?)",
	"INSERT INTO child#(p) VALUES(?)",
	"INSERT INTO later#(p) VALUES(?)",
	"UPDATE later# SET p = ?",
	"DELETE FROM numbered# WHERE id = ?",
	"DELETE FROM numbered#",
	"DELETE FROM plain#",
	"UPDATE numbered# SET n = n + 1 WHERE id = ?",
	"UPDATE numbered# SET v = v + 1",
	"INSERT INTO rolls# VALUES(?)",
	"INSERT INTO traced# VALUES(?)",
	"INSERT INTO traced# VALUES(5 + ?), (?)",
	"INSERT INTO seen# VALUES(?)",
	"INSERT INTO plain# VALUES(last_insert_rowid(), changes())",
	"INSERT INTO plain# VALUES(7, 1); INSERT INTO rolls# VALUES(4); INSERT INTO plain# VALUES(8, 2)",
	"UPDATE nowhere# SET a = ?",
	"INSERT INTO plain# VALUES(?)",
	"CREATE TABLE IF NOT EXISTS made#(a)",
	"DROP TABLE IF EXISTS made#",
	"INSERT INTO made# VALUES(?)",
}

// Callers whose statements share transactions get what each would get on a
// connection of its own to a database of its own.
func TestGroupIsLikeAlone(t *testing.T) {
	t.Parallel()
	const callers, rounds = 9, 60
	pragmas := []string{"busy_timeout=5000", "journal_mode=WAL", "synchronous=OFF", "foreign_keys=1"}
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, d, withPragmas(d, t, pragmas...))
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 1))
			sessions := make([]forward.Session, callers)
			own := make([]*sqldriver.Conn, callers)
			for k := range callers {
				tables := strings.ReplaceAll(ownTables, "#", fmt.Sprint(k))
				e.must(tables)
				own[k] = connectBare(t, d.connector(t, t.TempDir()+"/own.db", pragmas...))
				defer own[k].Close()
				_, err := own[k].Exec(t.Context(), tables, nil)
				wantNoError(t, err)
				sessions[k].LastInsertID, sessions[k].Changes = counted(t, own[k])
			}
			for round := range rounds {
				all := make([]*asked, callers)
				for k := range all {
					all[k] = ownStatement(random, k)
					all[k].st.Session = sessions[k]
				}
				e.together(all...)
				for k, a := range all {
					rows, err := onOwn(t, own[k], a)
					last, changes := counted(t, own[k])
					got := a.res
					if a.err != nil {
						after, _ := fault.AftermathOf(a.err)
						got.LastInsertID, got.RowsAffected = after.LastInsertID, after.Changes
					}
					if errorText(a.err) != errorText(err) || a.rows != rows && err == nil || a.err == nil && got.RowsAffected != changes || got.LastInsertID != last {
						t.Fatalf("seed %d, round %d, caller %d: %q %v with %+v\n got %v, rows %q, error %v\nwant id %d, %d changes, rows %q, error %v",
							seed, round, k, a.st.SQL, a.st.Args, sessions[k], got, a.rows, a.err, last, changes, rows, err)
					}
					sessions[k].LastInsertID, sessions[k].Changes = last, changes
				}
			}
			for k := range callers {
				mine := &env{t: t, bare: own[k]}
				for _, table := range []string{"plain", "numbered", "counted", "child", "later", "rolls", "traced", "trace"} {
					query := fmt.Sprintf("SELECT rowid, * FROM %s%d ORDER BY rowid", table, k)
					e.wantValues(query, mine.values(query))
				}
				query := fmt.Sprintf("SELECT * FROM keyed%d ORDER BY k", k)
				e.wantValues(query, mine.values(query))
			}
			if s := e.Stats(); s.Grouped < s.Executed/3 || s.Grouped < 2*s.Groups {
				t.Errorf("hardly anything was shared: %+v", s)
			}
		})
	}
}

func ownStatement(random *rand.Rand, k int) *asked {
	sql := ownStatements[random.IntN(len(ownStatements))]
	args := make([]any, strings.Count(sql, "?"))
	for i := range args {
		args[i] = int64(random.IntN(6))
	}
	a := ask(strings.ReplaceAll(strings.TrimSpace(sql), "#", fmt.Sprint(k)), args...)
	a.query = sql[0] == ' '
	return a
}

func onOwn(t *testing.T, c *sqldriver.Conn, a *asked) (string, error) {
	t.Helper()
	if !a.query {
		_, err := c.Exec(t.Context(), a.st.SQL, a.st.Args)
		return "", err
	}
	rows, err := c.Query(t.Context(), a.st.SQL, a.st.Args)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	return fetchRaw(rows)
}

func counted(t *testing.T, c *sqldriver.Conn) (last, changes int64) {
	t.Helper()
	row, err := c.QueryRow(t.Context(), "SELECT last_insert_rowid(), changes()")
	wantNoError(t, err)
	return row[0].(int64), row[1].(int64)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	var e *fault.SQLError
	if errors.As(err, &e) {
		return fmt.Sprint(e.ExtendedCode, " ", e.Msg)
	}
	return err.Error()
}

// A row that would mend a deferred foreign key comes too late for whoever has
// violated it, although both wait at the same time.
func TestGroupDeferredKeys(t *testing.T) {
	t.Parallel()
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, d, withPragmas(d, t, "busy_timeout=5000", "journal_mode=WAL", "foreign_keys=1"))
			e.must("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
			for range 2 { // the second time both texts are known
				child, other, parent := ask("INSERT INTO c VALUES(1)"), ask("INSERT INTO p VALUES(2)"), ask("INSERT INTO p VALUES(1)")
				e.together(other, child, parent)
				wantNoError(t, other.err)
				wantNoError(t, parent.err)
				// It runs before or after its parent, but alone.
				if child.err != nil {
					wantCode(t, child.err, constraint)
				}
				e.must("DELETE FROM c")
				e.must("DELETE FROM p")
			}
			child, orphan := ask("INSERT INTO c VALUES(1)"), ask("INSERT INTO c VALUES(5)")
			e.must("INSERT INTO p VALUES(1)")
			e.together(child, orphan)
			wantNoError(t, child.err)
			wantCode(t, orphan.err, constraint)
			e.wantValues("SELECT p FROM c", "1")
		})
	}
}

// A trigger that another program has made since is noticed before a statement
// that was harmless ends the transaction of others.
func TestGroupSchemaChanged(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a); CREATE TABLE u(a)")
		insert := func() (t1, u1 *asked) {
			return ask("INSERT INTO t VALUES(?)", int64(1)), ask("INSERT INTO u VALUES(1)")
		}
		a, b := insert()
		e.together(a, b)
		_, err := e.bare.Exec(t.Context(), "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'out'); END", nil)
		wantNoError(t, err)
		before := e.Stats()
		a, b = insert()
		e.together(b, a)
		wantCode(t, a.err, constraint)
		wantNoError(t, b.err)
		e.wantValues("SELECT count(*) FROM t UNION ALL SELECT count(*) FROM u", "1 2")
		if s := e.Stats(); s.Grouped != before.Grouped+1 {
			t.Errorf("%d have shared, want 1", s.Grouped-before.Grouped)
		}
	})
}

// A statement that takes long is interrupted when others wait for its transaction,
// which run again without it, and it runs alone, now and later.
func TestGroupSlowStatement(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		steps := map[string]int{"mattn": 6_000_000, "modernc": 600_000}[e.driver.name] // a third of a second: on a busy machine interrupting takes a while
		slow := fmt.Sprintf("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT max(i) FROM n", steps)
		e.must("CREATE TABLE t(a)")
		for i := range 2 {
			all := []*asked{ask("INSERT INTO t VALUES(1)"), ask(slow), ask("INSERT INTO t VALUES(2)")}
			before := e.Stats()
			e.together(all...)
			for _, a := range all {
				wantNoError(t, a.err)
				wantResult(t, a.res, a.res.LastInsertID, 1, 1)
			}
			if s := e.Stats(); s.Executed-before.Executed != 3 || s.Grouped-before.Grouped > 2 {
				t.Errorf("round %d: the slow one has shared: %+v", i, s)
			}
		}
		e.wantValues("SELECT a, count(*) FROM t GROUP BY a", fmt.Sprintf("1,2 2,2 %d,2", steps))
	}, func(o *Options) { o.MaxGroupTime, o.BusyTimeout = time.Millisecond, time.Minute })
}

// A panic in a function costs the one whose statement called it.
func TestGroupPanic(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		all := []*asked{ask("INSERT INTO t VALUES(1)"), ask("INSERT INTO t VALUES(boom(?))", int64(1)), ask("INSERT INTO t VALUES(boom(?))", int64(-2))}
		e.together(all...)
		wantNoError(t, all[0].err)
		wantNoError(t, all[2].err)
		wantCode(t, all[1].err, fault.CodeError)
		e.wantValues("SELECT a FROM t ORDER BY a", "-2 1")
	})
}

// A full database ends the transaction; what still fits is written.
func TestGroupFull(t *testing.T) {
	t.Parallel()
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, d)
			e.must("CREATE TABLE t(a)")
			e.must("PRAGMA journal_mode")
			e.must("INSERT INTO t VALUES(1)")
			all := []*asked{ask("INSERT INTO t VALUES(2)"), ask("INSERT INTO t VALUES(zeroblob(?))", int64(1<<20)), ask("INSERT INTO t VALUES(3)")}
			for _, a := range all { // the limit belongs to the connection
				a.st.Session.Pragmas = nil
			}
			limit := e.limitPages(20)
			defer limit()
			e.together(all...)
			wantNoError(t, all[0].err)
			wantCode(t, all[1].err, codeFull)
			wantNoError(t, all[2].err)
			e.wantValues("SELECT a FROM t ORDER BY a", "1 2 3")
		})
	}
}

// limitPages bounds the size of the database for the writing connection.
func (e *env) limitPages(n int) (undo func()) {
	e.t.Helper()
	if !e.slot.seize() {
		e.t.Fatal("somebody has the slot")
	}
	defer e.slot.release()
	wantNoError(e.t, e.conn.run(fmt.Sprintf("PRAGMA max_page_count = %d", n)))
	return func() {}
}

// What the engine does not confirm is unknown to each, with its own id.
func TestGroupUnconfirmed(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		e.engine.set(func(te *testEngine) { te.committed = errors.New("no idea") })
		all := []*asked{ask("INSERT INTO t VALUES(1)"), ask("INSERT INTO t VALUES(2)")}
		e.together(all...)
		for _, a := range all {
			wantKind(t, a.err, fault.OutcomeUnknown, "no idea")
			var own *fault.Error
			if !errors.As(a.err, &own) || own.RequestID != a.st.ID.String() {
				t.Errorf("%v has the id of another", a.err)
			}
		}
	})
}

// A node that may not write any more refuses all, and nothing has run.
func TestGroupFenced(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		e.engine.set(func(te *testEngine) { te.fence = fault.Refuse(fault.NotPrimary, "not any more") })
		all := []*asked{ask("INSERT INTO t VALUES(1)"), ask("INSERT INTO t VALUES(2)")}
		tx := e.submitHeld(all)
		tx()
		for _, a := range all {
			wantKind(t, a.err, fault.NotPrimary, "not any more")
			if !fault.SafeToRetry(a.err) {
				t.Errorf("%v is not safe to retry", a.err)
			}
		}
		e.engine.set(func(te *testEngine) { te.fence = nil })
		e.together(all...) // the ids are free again
		wantNoError(t, all[0].err)
		e.wantValues("SELECT a FROM t ORDER BY a", "1 2")
	})
}

// submitHeld is together for a slot that no transaction can hold.
func (e *env) submitHeld(all []*asked) (run func()) {
	e.t.Helper()
	if !e.slot.seize() {
		e.t.Fatal("somebody has the slot")
	}
	wait := e.submitAll(all)
	return func() { e.slot.release(); wait() }
}

// In rollback mode a reader can be in the way of COMMIT, which is tried again.
func TestGroupCommitBusy(t *testing.T) {
	t.Parallel()
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			pragmas := []string{"busy_timeout=1", "journal_mode=DELETE"}
			e := newEnv(t, d, withPragmas(d, t, pragmas...))
			e.bare.Close()
			e.bare = connectBare(t, d.connector(t, e.path, pragmas...))
			e.must("CREATE TABLE t(a)")
			e.must("INSERT INTO t VALUES(0)")
			_, err := e.bare.Exec(t.Context(), "BEGIN; SELECT * FROM t", nil)
			wantNoError(t, err)
			all := []*asked{ask("INSERT INTO t VALUES(1)"), ask("INSERT INTO t VALUES(2)")}
			run := e.submitHeld(all)
			over := make(chan struct{})
			go func() { run(); close(over) }()
			eventually(t, "COMMIT", e.commit.running)
			_, err = e.bare.Exec(t.Context(), "ROLLBACK", nil)
			wantNoError(t, err)
			<-over
			wantNoError(t, all[0].err)
			wantNoError(t, all[1].err)
			e.wantValues("SELECT a FROM t", "0 1 2")
		})
	}
}

// Somebody whose context ends while he waits is not run; those beside him are.
func TestGroupCancelled(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		all := []*asked{ask("INSERT INTO t VALUES(1)"), ask("INSERT INTO t VALUES(2)"), ask("INSERT INTO t VALUES(3)")}
		ctx, cancel := context.WithCancel(t.Context())
		all[1].ctx = ctx
		run := e.submitHeld(all)
		cancel()
		run()
		wantNoError(t, all[0].err)
		wantCode(t, all[1].err, fault.CodeBusy)
		if !errors.Is(all[1].err, context.Canceled) {
			t.Error(all[1].err)
		}
		wantNoError(t, all[2].err)
		e.wantValues("SELECT a FROM t", "1 3")
	})
}

// While somebody else has SQLite's lock nothing of a job has run, and Close says so
// at once, although SQLite goes on trying.
func TestCloseBeforeBegin(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		for _, times := range []int{1, 2} { // alone, and in a group
			_, err := e.bare.Exec(t.Context(), "BEGIN IMMEDIATE", nil)
			wantNoError(t, err)
			a := ask("INSERT INTO t VALUES(?)", int64(times))
			wait := e.submitAll([]*asked{a})
			e.abandon(closed())
			wait()
			wantKind(t, a.err, fault.Closed, "")
			if !fault.SafeToRetry(a.err) {
				t.Errorf("%v is not safe to retry", a.err)
			}
			_, err = e.bare.Exec(t.Context(), "ROLLBACK", nil)
			wantNoError(t, err)
			e.must("SELECT 1") // waits for the slot
			e.wantValues("SELECT a FROM t", "")
		}
	})
}

// The engine is asked once for all.
func TestGroupPosition(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		e.must("INSERT INTO t VALUES(?)", int64(0))
		commits := e.engine.commits
		all := make([]*asked, 50)
		for i := range all {
			all[i] = ask("INSERT INTO t VALUES(?)", int64(i+1))
		}
		e.submitHeld(all)()
		for i, a := range all {
			wantNoError(t, a.err)
			wantResult(t, a.res, int64(i+2), 1, 1)
			if a.res.Position != (engine.Position{TXID: commits + 1, Checksum: 1}) {
				t.Fatalf("position %v", a.res.Position)
			}
		}
		if e.engine.commits != commits+1 {
			t.Errorf("%d commits", e.engine.commits-commits)
		}
	})
}

func TestNodesTakeTurns(t *testing.T) {
	t.Parallel()
	var f fairQueue
	add := func(from string, n int) (last *request) {
		for range n {
			last = &request{from: from}
			f.push(last)
		}
		return last
	}
	add("a", 1000)
	gone := add("b", 2)
	add("c", 1)
	f.remove(gone)
	order := ""
	for range 5 {
		order += f.pop().from
	}
	if order != "abcaa" || f.length != 997 || len(f.lines) != 1 {
		t.Errorf("order %s, %d left", order, f.length)
	}
}
