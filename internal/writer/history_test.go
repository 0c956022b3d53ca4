package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// replicatedEngine is an engine whose history the test raises.
type replicatedEngine struct {
	engine.Database
	history atomic.Uint64
	settled error  // what Settle returns, nil: what it is asked about
	settles func() // called by Settle, if not nil
}

var _ engine.Replicated = (*replicatedEngine)(nil)

func (e *replicatedEngine) History() (uint64, <-chan struct{}) { return e.history.Load(), nil }
func (e *replicatedEngine) HistoryNow() uint64                 { return e.history.Load() }
func (e *replicatedEngine) File() uint64                       { return 0 }
func (*replicatedEngine) Newest() (engine.Position, uint64, error) {
	return engine.Position{}, 0, nil
}
func (e *replicatedEngine) MayCreate() bool { return true }
func (e *replicatedEngine) CommittedAfter(engine.Position) (engine.Position, bool) {
	return engine.Position{}, false
}
func (e *replicatedEngine) Failed(error) {}

func (e *replicatedEngine) Standing(engine.Position, uint64) engine.Standing { return engine.Held }
func (e *replicatedEngine) Breaks(uint64) ([]engine.Break, uint64)           { return nil, 0 }

func (e *replicatedEngine) Snapshot(context.Context, uint64) (engine.Position, error) {
	return engine.Position{}, nil
}

func (e *replicatedEngine) Settle(_ context.Context, _ uint64, _ bool, err error) error {
	if e.settles != nil {
		e.settles()
	}
	if e.settled != nil {
		return e.settled
	}
	return err
}

// countingConnector counts the connections that are open.
type countingConnector struct {
	driver.Connector
	made, open atomic.Int32
}

func (c *countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c.made.Add(1)
	c.open.Add(1)
	return &countedConn{conn, c}, nil
}

type countedConn struct {
	driver.Conn
	c *countingConnector
}

func (c *countedConn) Close() error {
	c.c.open.Add(-1)
	return c.Conn.Close()
}

// A connection that was opened in an older history is not used again: its
// database may have been dropped, and made again.
func TestHistoryRaised(t *testing.T) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			var engine *replicatedEngine
			var conns *countingConnector
			e := newEnv(t, d, func(o *Options) {
				engine = &replicatedEngine{Database: o.Database}
				conns = &countingConnector{Connector: o.Connector}
				o.Database, o.Connector = engine, conns
			})
			historyRaised(t, e, engine, conns)
		})
	}
}

func historyRaised(t *testing.T, e *env, engine *replicatedEngine, conns *countingConnector) {
	read := func() {
		t.Helper()
		rows, err := e.Writer.Query(t.Context(), stmt("SELECT count(*) FROM t"))
		wantNoError(t, err)
		wantNoError(t, rows.Close())
	}
	e.must("CREATE TABLE t (v)")
	read()
	made := conns.made.Load()
	read()
	e.must("INSERT INTO t VALUES (1)")
	if got := conns.made.Load(); got != made {
		t.Fatalf("%d connections were made in one history, and then %d", made, got)
	}

	engine.history.Add(1)
	e.must("INSERT INTO t VALUES (2)")
	read()
	if got := conns.made.Load(); got != 2*made {
		t.Fatalf("%d connections were made in one history, and %d in two", made, got)
	}

	engine.history.Add(1)
	tx := e.begin(forward.TxOptions{})
	_, err := tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (3)"))
	wantNoError(t, err)
	engine.history.Add(1)
	e.Writer.Discard()
	if got := conns.open.Load(); got != 1 {
		t.Fatalf("%d connections are open, want the transaction's", got)
	}
	_, err = tx.Commit(t.Context())
	wantNoError(t, err)
	e.Writer.Discard()
	if got := conns.open.Load(); got != 0 {
		t.Fatalf("%d connections are open after Discard", got)
	}
	e.wantValues("SELECT v FROM t ORDER BY v", "1 2 3")
}

// However a transaction is begun, the engine is asked why it cannot be, so that the
// next primary gets it.
func TestBeginFails(t *testing.T) {
	onFlakyReplicated(t, fault.Refuse(fault.NotPrimary, "the role is lost"), func(e *env, f *flaky, _ *replicatedEngine) {
		f.set(func(f *flaky) { f.fail, f.err = "BEGIN", codeError(fault.CodeProtocol) })
		insert := stmt("INSERT INTO t VALUES (1)")
		_, err := e.Exec(e.t.Context(), insert)
		wantKind(e.t, err, fault.NotPrimary, "")
		_, err = e.Batch(e.t.Context(), forward.Batch{ID: forward.NewID(), Statements: []forward.Statement{insert}})
		wantKind(e.t, err, fault.NotPrimary, "")
		_, err = e.Begin(e.t.Context(), forward.TxOptions{})
		wantKind(e.t, err, fault.NotPrimary, "")
		f.set(func(f *flaky) { f.fail = "" })
		e.must("CREATE TABLE t(v)")
	})
}

// Nobody is told that a transaction was rolled back whose COMMIT may have been
// made, though the Writer is stopped while the engine is asked about it.
func TestStoppedInUnsureCommit(t *testing.T) {
	for name, commit := range map[string]func(e *env, tx forward.Tx) error{
		"Commit": func(e *env, tx forward.Tx) error { _, err := tx.Commit(e.t.Context()); return err },
		"COMMIT": func(e *env, tx forward.Tx) error { _, err := tx.Exec(e.t.Context(), stmt("COMMIT")); return err },
		"Query":  func(e *env, tx forward.Tx) error { _, err := tx.Query(e.t.Context(), stmt("COMMIT")); return err },
		"several": func(e *env, tx forward.Tx) error {
			_, err := tx.Exec(e.t.Context(), stmt("SELECT 1; COMMIT"))
			return err
		},
	} {
		for _, stops := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", name, stops), func(t *testing.T) {
				onFlakyReplicated(t, fault.New(fault.OutcomeUnknown, "the mount is dead"), func(e *env, f *flaky, engine *replicatedEngine) {
					e.must("CREATE TABLE t(v)")
					tx, err := e.Begin(t.Context(), forward.TxOptions{ID: forward.NewID()})
					wantNoError(t, err)
					_, err = tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (1)"))
					wantNoError(t, err)
					if stops {
						engine.settles = func() { e.interrupt(nil, "this node is shutting down") }
					}
					f.set(func(f *flaky) { f.fail, f.err, f.after = "COMMIT", codeError(ioErrWrite), true })
					wantKind(t, commit(e, tx), fault.OutcomeUnknown, "")
					_, err = tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (2)"))
					wantKind(t, err, fault.OutcomeUnknown, "")
				})
			})
		}
	}
}

// A read that fails because the primary's file is not to be read is the next primary's.
func TestReadOfABrokenFile(t *testing.T) {
	onFlakyReplicated(t, fault.Refuse(fault.NotPrimary, "the mount is dead"), func(e *env, f *flaky, _ *replicatedEngine) {
		e.must("CREATE TABLE t(v)")
		for _, fails := range []string{"SELECT v", "CONNECT"} {
			f.set(func(f *flaky) { f.fail, f.err = fails, codeError(fault.CodeIOErr) })
			_, err := e.Query(e.t.Context(), stmt("SELECT v FROM t"))
			wantKind(e.t, err, fault.NotPrimary, "")
		}
		f.set(func(f *flaky) { f.fail = "BEGIN" })
		_, err := e.Begin(e.t.Context(), forward.TxOptions{ReadOnly: true})
		wantKind(e.t, err, fault.NotPrimary, "")
		f.set(func(f *flaky) { f.fail = "" })
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

// onFlakyReplicated runs f with each driver on an engine whose Settle returns settled.
func onFlakyReplicated(t *testing.T, settled error, f func(e *env, fl *flaky, engine *replicatedEngine)) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			var fl *flaky
			var engine *replicatedEngine
			e := newEnv(t, d, func(o *Options) {
				fl = &flaky{Connector: o.Connector}
				engine = &replicatedEngine{Database: o.Database, settled: settled}
				o.Connector, o.Database = fl, engine
			})
			f(e, fl, engine)
		})
	}
}

// toldEngine has always been told of the next commit, whoever's it is.
type toldEngine struct {
	replicatedEngine
	at   uint64 // where the database is when the next commit is made
	told int    // how often that was enough
}

func (e *toldEngine) Committed(context.Context) (engine.Position, error) {
	return engine.Position{TXID: e.at, Checksum: 1}, nil
}

func (e *toldEngine) CommittedAfter(p engine.Position) (engine.Position, bool) {
	if p.TXID >= e.at {
		return engine.Position{}, false
	}
	e.told++
	return engine.Position{TXID: p.TXID + 1, Checksum: 1}, true
}

// What the engine was told of a commit is taken for the writer's own only if nobody
// else can have made it.
func TestCommittedAfter(t *testing.T) {
	for _, d := range testDrivers {
		for _, journal := range []string{"WAL", "DELETE"} {
			t.Run(d.name+"/"+journal, func(t *testing.T) {
				told := &toldEngine{}
				e := newEnv(t, d, func(o *Options) {
					told.Database, o.Database = o.Database, told
				})
				_, err := e.bare.Exec(t.Context(), "PRAGMA journal_mode="+journal, nil)
				wantNoError(t, err)
				exec := func(sql string) (engine.Position, error) {
					res, err := e.Exec(t.Context(), stmt(sql))
					return res.Position, err
				}
				const insert = "INSERT INTO t VALUES (1)"
				for i, step := range []struct {
					name string
					own  func() (engine.Position, error) // a commit of the writer's, or
					by   string                          // one of somebody else's
					told bool                            // without asking
				}{
					{"CREATE", func() (engine.Position, error) { return exec("CREATE TABLE t(v CHECK (v < 10))") }, "", false},
					{"first", func() (engine.Position, error) { return exec(insert) }, "", true},
					{"second", func() (engine.Position, error) { return exec(insert) }, "", true},
					{"foreign", nil, insert, false},
					{"after a foreign one", func() (engine.Position, error) { return exec(insert) }, "", false},
					{"after one's own", func() (engine.Position, error) { return exec(insert) }, "", true},
					{"vacuum", func() (engine.Position, error) { return exec("VACUUM") }, "", false},
					{"after VACUUM", func() (engine.Position, error) { return exec(insert) }, "", true},
					{"batch", func() (engine.Position, error) {
						res, err := e.Batch(t.Context(), forward.Batch{ID: forward.NewID(), Statements: []forward.Statement{stmt(insert), stmt(insert)}})
						return res.Result.Position, err
					}, "", true},
					{"transaction", func() (engine.Position, error) {
						tx, err := e.Begin(t.Context(), forward.TxOptions{ID: forward.NewID()})
						wantNoError(t, err)
						_, err = tx.Exec(t.Context(), stmt(insert))
						wantNoError(t, err)
						res, err := tx.Commit(t.Context())
						return res.Position, err
					}, "", true},
					{"foreign", nil, "UPDATE t SET v = 2", false},
					{"foreign", nil, "UPDATE t SET v = 3", false},
					{"query", func() (engine.Position, error) {
						rows, err := e.Query(t.Context(), stmt(insert+" RETURNING v"))
						wantNoError(t, err)
						defer rows.Close()
						return rows.Result().Position, nil
					}, "", false},
					{"last", func() (engine.Position, error) { return exec(insert) }, "", true},
				} {
					told.at++
					if step.own == nil {
						_, err := e.bare.Exec(t.Context(), step.by, nil)
						wantNoError(t, err)
						continue
					}
					before := told.told
					pos, err := step.own()
					wantNoError(t, err)
					if pos.TXID != told.at {
						t.Errorf("%d, %s: at %d, not %d", i, step.name, pos.TXID, told.at)
					}
					if asked := told.told == before; asked == step.told {
						t.Errorf("%d, %s: the engine was asked: %t", i, step.name, asked)
					}
				}
				if _, err := exec("INSERT INTO t VALUES (11)"); err == nil {
					t.Error("the constraint does not hold")
				}
				told.at++ // not by that
				if pos, err := exec(insert); err != nil || pos.TXID != told.at {
					t.Errorf("after a failure: %v, %v", pos, err)
				}
			})
		}
	}
}

// What the engine knows of a failed COMMIT is what its caller is told.
func TestSettledCommit(t *testing.T) {
	onFlakyReplicated(t, nil, func(e *env, f *flaky, _ *replicatedEngine) { // nothing was committed, and this node is primary
		e.must("CREATE TABLE t(v)")
		f.set(func(f *flaky) { f.fail, f.err = "COMMIT", codeError(ioErrWrite) })
		insert := stmt("INSERT INTO t VALUES (1)")
		_, err := e.Exec(e.t.Context(), insert)
		wantCode(e.t, err, fault.CodeIOErr)
		for _, commit := range []func(tx forward.Tx) error{
			func(tx forward.Tx) error { _, err := tx.Commit(e.t.Context()); return err },
			func(tx forward.Tx) error { _, err := tx.Exec(e.t.Context(), stmt("COMMIT")); return err },
		} {
			tx, err := e.Begin(e.t.Context(), forward.TxOptions{ID: forward.NewID()})
			wantNoError(e.t, err)
			_, err = tx.Exec(e.t.Context(), insert)
			wantNoError(e.t, err)
			if err := commit(tx); errors.Is(err, fault.OutcomeUnknown) || fault.Code(err) != fault.CodeIOErr {
				t.Errorf("%v", err)
			}
			tx.Rollback(e.t.Context())
		}
		f.set(func(f *flaky) { f.fail = "" })
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

// A text that has committed and goes on is not said to be rolled back.
func TestLostAfterCommit(t *testing.T) {
	onFlakyReplicated(t, fault.Refuse(fault.NotPrimary, "the role is lost"), func(e *env, f *flaky, _ *replicatedEngine) {
		e.must("CREATE TABLE t(v)")
		tx, err := e.Begin(e.t.Context(), forward.TxOptions{ID: forward.NewID()})
		wantNoError(e.t, err)
		_, err = tx.Exec(e.t.Context(), stmt("INSERT INTO t VALUES (1)"))
		wantNoError(e.t, err)
		f.set(func(f *flaky) { f.fail, f.err = "INSERT", codeError(ioErrWrite) })
		_, err = tx.Exec(e.t.Context(), stmt("COMMIT; INSERT INTO t VALUES (2)"))
		wantKind(e.t, err, fault.TxExpired, "what came after COMMIT was rolled back")
		if fault.SafeToRetry(err) {
			t.Error("it is safe to retry")
		}
		f.set(func(f *flaky) { f.fail = "" })
		e.wantValues("SELECT count(*) FROM t", "1")
	})
}
