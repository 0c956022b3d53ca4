package writer

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// What was answered "nothing of it ran" stays unrun, and is answered once.
func TestSharedRefusedIsFinal(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		g, n := newGate(t)
		var answers atomic.Int32
		refused := make(chan error, 2)
		run := e.submitHeld([]*asked{ask("INSERT INTO t VALUES(-1)")})
		e.submit(&job{ // two statements do not share: the group puts them off
			st: stmt("INSERT INTO t VALUES(-2); INSERT INTO t VALUES(-3)"), ctx: context.Background(),
			done: func(j *job) { answers.Add(1); refused <- j.err },
		})
		last := e.submitAll([]*asked{ask("INSERT INTO t VALUES(gate(?))", n)})
		go run()
		<-g.entered
		e.abandon(closed()) // as Close does
		if err := <-refused; !fault.SafeToRetry(err) {
			t.Errorf("%v is not safe to retry", err)
		}
		close(g.open)
		last()
		e.must("INSERT INTO t VALUES(-4)") // comes after what is left of the turn
		if n := answers.Load(); n != 1 {
			t.Errorf("it was answered %d times", n)
		}
		e.wantValues("SELECT count(*) FROM t WHERE a IN (-2, -3)", "0")
	})
}

// The same by way of Close and Exec.
func TestSharedCloseWhileGrouped(t *testing.T) {
	e := newEnv(t, testDrivers[0])
	e.must("CREATE TABLE t(a)")
	g, n := newGate(t)
	run := e.submitHeld([]*asked{ask("INSERT INTO t VALUES(-1)")})
	over := make(chan error, 1)
	go func() {
		_, err := e.Exec(context.Background(), stmt("INSERT INTO t VALUES(-2); INSERT INTO t VALUES(-3)"))
		over <- err
	}()
	eventually(t, "two in the queue", func() bool { return e.Stats().Queue == 2 })
	last := e.submitAll([]*asked{ask("INSERT INTO t VALUES(gate(?))", n)})
	go run()
	<-g.entered
	shut := make(chan struct{})
	go func() { e.Close(); close(shut) }()
	wantKind(t, <-over, fault.Closed, "")
	close(g.open)
	last()
	<-shut
	e.wantValues("SELECT count(*) FROM t WHERE a IN (-2, -3)", "0")
}

// likeAlone runs text beside a neighbour's, and on a bare connection.
func likeAlone(t *testing.T, schema, text string) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			pragmas := []string{"busy_timeout=5000", "journal_mode=WAL", "synchronous=OFF", "foreign_keys=1"}
			e := newEnv(t, d, withPragmas(d, t, pragmas...))
			e.must("CREATE TABLE neighbour(a)")
			e.must(schema)
			bare := connectBare(t, d.connector(t, t.TempDir()+"/own.db", pragmas...))
			defer bare.Close()
			_, err := bare.Exec(t.Context(), schema, nil)
			wantNoError(t, err)
			n, a := ask("INSERT INTO neighbour VALUES(1)"), ask(text)
			e.submitHeld([]*asked{n, a})()
			wantNoError(t, n.err)
			_, err = bare.Exec(t.Context(), text, nil)
			if errorText(a.err) != errorText(err) {
				t.Errorf("error %v, want %v", a.err, err)
			}
			e.wantValues("SELECT rowid, * FROM t", (&env{t: t, bare: bare}).values("SELECT rowid, * FROM t"))
		})
	}
}

// The rows before a wrong type in a STRICT table go, as the statement fails.
func TestSharedStrictInsert(t *testing.T) {
	likeAlone(t, "CREATE TABLE t(a INT) STRICT", "INSERT INTO t VALUES(1), (2), ('x')")
}

func TestSharedStrictUpdate(t *testing.T) {
	likeAlone(t, "CREATE TABLE t(a INT) STRICT; INSERT INTO t VALUES(1), (2), (3)",
		"UPDATE t SET a = CASE a WHEN 3 THEN 'x' ELSE a + 10 END")
}

// A REPLACE that fails leaves the row that it would have replaced.
const checkedTable = "CREATE TABLE t(a, b); CREATE INDEX i ON t(json(b)); CREATE UNIQUE INDEX u ON t(a); INSERT INTO t VALUES(1, '1'), (2, '2')"

// The row that would be replaced stays when the new one fails.
func TestSharedReplaceFails(t *testing.T) {
	likeAlone(t, checkedTable, "REPLACE INTO t VALUES(1, '{')")
}

func TestSharedUpdateReplaceFails(t *testing.T) {
	likeAlone(t, checkedTable, "UPDATE OR REPLACE t SET a = 1, b = '{' WHERE rowid = 2")
}

// LastInsertId of an upsert that inserts.
func TestSharedUpsertID(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, n INT DEFAULT 1); CREATE TABLE other(a)")
		for i := range int64(4) { // the first time it runs alone
			a := ask("INSERT INTO t(id, u) VALUES(?, ?) ON CONFLICT(u) DO UPDATE SET n = n + 1", 100+i, i)
			e.submitHeld([]*asked{ask("INSERT INTO other VALUES(1)"), a})()
			wantNoError(t, a.err)
			wantResult(t, a.res, 100+i, 1, 1)
		}
	})
}

// Committed is answered, whatever runs after it in the same turn.
func TestSharedAnswerWhenCommitted(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		g, n := newGate(t)
		first := ask("INSERT INTO t VALUES(-1)")
		answered := make(chan struct{})
		if !e.slot.seize() {
			t.Fatal("somebody has the slot")
		}
		e.submit(&job{st: first.st, ctx: context.Background(), done: func(*job) { close(answered) }})
		rest := e.submitAll([]*asked{ask("INSERT INTO t VALUES(-2); INSERT INTO t VALUES(gate(?))", n)})
		e.slot.release()
		<-g.entered
		e.wantValues("SELECT count(*) FROM t WHERE a = -1", "1")
		select {
		case <-answered:
		case <-time.After(time.Second):
			t.Error("it was committed a second ago and is not answered")
		}
		close(g.open)
		rest()
	})
}

// Who waits is answered when his ctx, or BusyTimeout, ends.
func TestSharedWaitIsBounded(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		g, n := newGate(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		run := e.submitHeld([]*asked{
			ask("INSERT INTO t VALUES(-1)"),
			ask("INSERT INTO t VALUES(-2); INSERT INTO t VALUES(gate(?))", n),
		})
		answered := make(chan struct{})
		e.submit(&job{
			st: stmt("INSERT INTO t VALUES(-4); INSERT INTO t VALUES(-5)"), ctx: ctx,
			done: func(*job) { close(answered) },
		})
		go run()
		<-g.entered
		select {
		case <-answered:
		case <-time.After(time.Second):
			t.Error("no answer a second after a ctx of 20 ms and a BusyTimeout of 100 ms")
		}
		close(g.open)
		<-answered
	}, func(o *Options) { o.BusyTimeout = 100 * time.Millisecond })
}

// A deferred key that another program has made since is noticed: the child
// cannot be accepted, in whatever order the two run.
func TestSharedStaleSchema(t *testing.T) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			e := newEnv(t, d, withPragmas(d, t, "busy_timeout=5000", "journal_mode=WAL", "foreign_keys=1"))
			e.must("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p)")
			_, err := e.bare.Exec(t.Context(), "DROP TABLE c; CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)", nil)
			wantNoError(t, err)
			for i := range 3 {
				child, cleaner := ask("INSERT INTO c VALUES(1)"), ask("DELETE FROM c WHERE p = 1")
				e.submitHeld([]*asked{child, cleaner})()
				wantNoError(t, cleaner.err)
				if child.err == nil {
					t.Errorf("round %d: a child without a parent was accepted", i)
				}
			}
		})
	}
}

// One hiccup does not end sharing for good.
func TestSharedSlowOnce(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a)")
		ten := func() []*asked {
			all := make([]*asked, 10)
			for i := range all {
				all[i] = ask("INSERT INTO t(a) VALUES(gate(?))", int64(-1))
			}
			return all
		}
		e.submitHeld(ten())()
		e.submitHeld(ten())()
		g, n := newGate(t)
		go func() { <-g.entered; time.Sleep(12 * time.Millisecond); close(g.open) }()
		e.submitHeld([]*asked{ask("INSERT INTO t(a) VALUES(gate(?))", n)})()
		before := e.Stats().Grouped
		for range 10 {
			e.submitHeld(ten())()
		}
		if got := e.Stats().Grouped - before; got < 50 {
			t.Errorf("after one pause of 12 ms %d of 100 have shared", got)
		}
	})
}

// That a statement without a loop is slow is learnt too.
func TestSharedSlowWithoutLoop(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		for i := range 3 {
			g, n := newGate(t)
			go func() { <-g.entered; time.Sleep(60 * time.Millisecond); close(g.open) }()
			before := e.Stats().Grouped
			e.submitHeld([]*asked{ask("INSERT INTO t VALUES(-1)"), ask("INSERT INTO t VALUES(gate(?))", n), ask("INSERT INTO t VALUES(-2)")})()
			if i > 0 && e.Stats().Grouped-before == 3 {
				t.Errorf("round %d: it has taken 60 ms each time, MaxGroupTime is 25 ms, and it shares", i)
			}
		}
	})
}

// A batch that Pause interrupts can run on the next primary, as Exec's can.
func TestSharedBatchPaused(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a)")
		const endless = "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"
		for _, how := range []string{"Exec", "Batch"} {
			over := make(chan error, 1)
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				var err error
				if how == "Exec" {
					_, err = e.Exec(ctx, stmt(endless))
				} else {
					_, err = e.Batch(ctx, forward.Batch{ID: forward.NewID(), Statements: []forward.Statement{{SQL: endless}}})
				}
				over <- err
			}()
			eventually(t, "it runs", func() bool {
				e.mu.Lock()
				defer e.mu.Unlock()
				return e.turn != nil && e.turn.jobs[0].phase == jobBegun
			})
			pausing, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
			e.Pause(pausing) //nolint:errcheck // ctx's
			stop()
			if err := <-over; !fault.SafeToRetry(err) {
				t.Errorf("%s: %v is not safe to retry", how, err)
			}
			cancel()
			e.Resume()
		}
	})
}

// A panic in a function is an error also where an argument too many makes the driver run it.
func TestSharedPanicExtraArgument(t *testing.T) {
	e := newEnv(t, testDrivers[0])
	e.must("CREATE TABLE t(a)")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := e.Exec(ctx, stmt("INSERT INTO t VALUES(boom(?))", int64(1), int64(2)))
	wantCode(t, err, fault.CodeError)
}

// So is one in a hook that runs when a connection is made.
type panicky struct {
	driver.Connector
	now *atomic.Bool
}

func (c panicky) Connect(ctx context.Context) (driver.Conn, error) {
	if c.now.Load() {
		panic("connect hook")
	}
	return c.Connector.Connect(ctx)
}

// A panic in a connect hook is an error.
func TestSharedConnectPanic(t *testing.T) {
	var now atomic.Bool
	now.Store(true)
	e := newEnv(t, testDrivers[0], func(o *Options) { o.Connector = panicky{o.Connector, &now} })
	defer func() { recover(); now.Store(false) }() // as serve does, and net/http
	_, err := e.Exec(t.Context(), stmt("CREATE TABLE t(a)"))
	t.Log(err)
}

// last_insert_rowid() after a failure that set it to what a neighbour's was.
func TestSharedFailedRowID(t *testing.T) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			pragmas := []string{"busy_timeout=5000", "journal_mode=WAL", "foreign_keys=1"}
			e := newEnv(t, d, withPragmas(d, t, pragmas...))
			const schema = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p); CREATE TABLE n(a)"
			const text = "REPLACE INTO c VALUES(1, 5)"
			e.must(schema)
			bare := connectBare(t, d.connector(t, t.TempDir()+"/own.db", pragmas...))
			defer bare.Close()
			_, err := bare.Exec(t.Context(), schema, nil)
			wantNoError(t, err)
			n, a := ask("INSERT INTO n VALUES(1)"), ask(text)
			e.submitHeld([]*asked{n, a})()
			_, err = bare.Exec(t.Context(), text, nil)
			last, _ := counted(t, bare)
			after, _ := fault.AftermathOf(a.err)
			if errorText(err) != errorText(a.err) || after.LastInsertID != last {
				t.Errorf("got %v, last_insert_rowid() %d; want %v, %d", a.err, after.LastInsertID, err, last)
			}
		})
	}
}

// changes() is 0 after a statement that failed while it ran.
func TestSharedChangesAfterError(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE other(a)")
		bare := connectBare(t, e.driver.connector(t, t.TempDir()+"/own.db"))
		defer bare.Close()
		_, err := bare.Exec(t.Context(), "CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(8), (9)", nil)
		wantNoError(t, err)
		n, a := ask("UPDATE other SET a = 1"), ask("INSERT INTO t VALUES('x')")
		a.st.Session = forward.Session{LastInsertID: 9, Changes: 2}
		e.submitHeld([]*asked{n, a})()
		bare.Exec(t.Context(), "INSERT INTO t VALUES('x')", nil) //nolint:errcheck // it fails
		last, changes := counted(t, bare)
		after, _ := fault.AftermathOf(a.err)
		if after.LastInsertID != last || after.Changes != changes {
			t.Errorf("got %+v after %v, want %d, %d", after, a.err, last, changes)
		}
	})
}

// changes() in a trigger is the caller's too.
func TestSharedChangesInTrigger(t *testing.T) {
	onDrivers(t, func(t *testing.T, e *env) {
		const schema = `CREATE TABLE t(a); CREATE TABLE log(c);
			CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES(changes()); END;
			INSERT INTO t VALUES(1), (2), (3); DELETE FROM log; UPDATE t SET a = 5`
		bare := connectBare(t, e.driver.connector(t, t.TempDir()+"/own.db"))
		defer bare.Close()
		_, err := bare.Exec(t.Context(), schema+"; INSERT INTO t VALUES(4)", nil)
		wantNoError(t, err)
		res := e.must(schema)
		e.must("CREATE TABLE other(a); INSERT INTO other VALUES(1)") // another caller
		a := ask("INSERT INTO t VALUES(4)")
		a.st.Session = forward.Session{LastInsertID: res.LastInsertID, Changes: res.RowsAffected}
		e.submitAll([]*asked{a})()
		wantNoError(t, a.err)
		e.wantValues("SELECT c FROM log", (&env{t: t, bare: bare}).values("SELECT c FROM log"))
	})
}
