package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// flaky wraps a connector so that statements fail as SQLite's cannot be made
// to on demand.
type flaky struct {
	driver.Connector

	// mu guards the following.
	mu       sync.Mutex
	fail     string // statements that begin with it fail, "" none
	err      error
	after    bool // they run before they fail
	invalid  bool // the connection is not valid any more
	connects int
	closes   int
}

func (f *flaky) set(change func(*flaky)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *flaky) check(sql string) (err error, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != "" && strings.HasPrefix(sql, f.fail) {
		return f.err, f.after
	}
	return nil, false
}

func (f *flaky) Connect(ctx context.Context) (driver.Conn, error) {
	if err, _ := f.check("CONNECT"); err != nil {
		return nil, err
	}
	c, err := f.Connector.Connect(ctx)
	f.set(func(f *flaky) { f.connects++ })
	return &flakyConn{c, f}, err
}

// flakyConn has no optional interface but what is needed; Exec and Query go by
// way of prepared statements.
type flakyConn struct {
	driver.Conn
	f *flaky
}

func (c *flakyConn) IsValid() bool {
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	return !c.f.invalid
}

func (c *flakyConn) Close() error {
	c.f.set(func(f *flaky) { f.closes++ })
	return c.Conn.Close()
}

func (c *flakyConn) Prepare(sql string) (driver.Stmt, error) {
	s, err := c.Conn.Prepare(sql)
	if err != nil {
		return nil, err
	}
	return &flakyStmt{s, c.f, sql}, nil
}

func (c *flakyConn) ExecContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Result, error) {
	err, after := c.f.check(sql)
	if err != nil && !after {
		return nil, err
	}
	res, e := c.Conn.(driver.ExecerContext).ExecContext(ctx, sql, args)
	return res, errors.Join(err, e)
}

func (c *flakyConn) QueryContext(ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error) {
	if err, _ := c.f.check(sql); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, sql, args)
}

type flakyStmt struct {
	driver.Stmt
	f   *flaky
	sql string
}

func (s *flakyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	err, after := s.f.check(s.sql)
	if err != nil && !after {
		return nil, err
	}
	res, e := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	if err != nil {
		return nil, err
	}
	return res, e
}

func (s *flakyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err, after := s.f.check(s.sql); err != nil {
		if after {
			s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
		}
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// codeError is an error as modernc.org/sqlite makes them.
type codeError int

func (e codeError) Error() string { return "disk I/O error" }
func (e codeError) Code() int     { return int(e) }

const ioErrWrite = fault.CodeIOErr | 3<<8

func onFlaky(t *testing.T, f func(t *testing.T, e *env, f *flaky), change ...func(*Options)) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			fl := &flaky{}
			e := newEnv(t, d, func(o *Options) {
				fl.Connector = o.Connector
				o.Connector = fl
				for _, c := range change {
					c(o)
				}
			})
			e.must("CREATE TABLE t (a)")
			f(t, e, fl)
			fl.set(func(f *flaky) { f.fail = "" })
			e.must("INSERT INTO t VALUES ('after')")
		})
	}
}

func TestConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fail string
		err        error
		code       int
		text       string
	}{
		{"write fails", "INSERT", codeError(ioErrWrite), fault.CodeIOErr, "disk I/O error"},
		{"begin fails", "BEGIN", codeError(ioErrWrite), fault.CodeIOErr, "disk I/O error"},
		{"commit fails", "COMMIT", codeError(ioErrWrite), fault.CodeIOErr, "disk I/O error"},
		{"not a database", "INSERT", codeError(fault.CodeNotADB), fault.CodeNotADB, "disk I/O error"},
		{"corrupt", "INSERT", codeError(11), 11, "disk I/O error"},
		{"bad connection", "INSERT", driver.ErrBadConn, fault.CodeIOErr, "connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onFlaky(t, func(t *testing.T, e *env, f *flaky) {
				f.set(func(f *flaky) { f.fail, f.err = c.fail, c.err })
				_, err := e.Exec(t.Context(), stmt("INSERT INTO t VALUES (1)"))
				wantCode(t, err, c.code)
				if errors.Is(err, driver.ErrBadConn) || !strings.Contains(err.Error(), c.text) {
					t.Errorf("got %v", err)
				}
				tx, err := e.Begin(t.Context(), forward.TxOptions{})
				if c.fail == "BEGIN" {
					wantCode(t, err, c.code)
				} else {
					wantNoError(t, err)
				}
				f.set(func(f *flaky) { f.fail = "" })
				if f.closes == 0 || f.connects < 2 {
					t.Errorf("%d connects, %d closes", f.connects, f.closes)
				}
				if tx != nil {
					wantNoError(t, tx.Rollback(t.Context()))
				}
				e.wantValues("SELECT count(*) FROM t", "0")
			})
		})
	}
}

func TestTxOnBrokenConnection(t *testing.T) {
	t.Parallel()
	onFlaky(t, func(t *testing.T, e *env, f *flaky) {
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (1)")
		f.set(func(f *flaky) { f.fail, f.err = "UPDATE", codeError(ioErrWrite) })
		_, err := tx.Exec(t.Context(), stmt("UPDATE t SET a = 2"))
		wantCode(t, err, fault.CodeIOErr)
		if tx.Open() {
			t.Error("still open")
		}
		_, err = tx.Commit(t.Context())
		wantKind(t, err, fault.TxExpired, "disk I/O error")
		e.wantValues("SELECT count(*) FROM t", "0")
	})
}

func TestConnectFails(t *testing.T) {
	t.Parallel()
	onFlaky(t, func(t *testing.T, e *env, f *flaky) {
		f.set(func(f *flaky) { f.invalid = true })
		e.must("INSERT INTO t VALUES (1)") // on the last that was valid
		f.set(func(f *flaky) { f.invalid, f.fail, f.err = false, "CONNECT", codeError(fault.CodeCantOpen) })
		for range 3 { // nothing is left behind by a failure
			_, err := e.Exec(t.Context(), stmt("INSERT INTO t VALUES (2)"))
			wantCode(t, err, fault.CodeCantOpen)
			_, err = e.Begin(t.Context(), forward.TxOptions{})
			wantCode(t, err, fault.CodeCantOpen)
			_, err = e.Query(t.Context(), stmt("SELECT 1"))
			wantCode(t, err, fault.CodeCantOpen)
		}
	})
}

func TestUnsafeConnectionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, d := range testDrivers {
		for _, pragma := range []string{"journal_mode=MEMORY", "journal_mode=OFF", "locking_mode=EXCLUSIVE"} {
			t.Run(d.name+"/"+pragma, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t, d, func(o *Options) {
					o.Connector = d.connector(t, dsnPath(o.Connector.(dsnConnector).dsn), pragma)
				})
				name, _, _ := strings.Cut(pragma, "=")
				_, err := e.Exec(t.Context(), stmt("CREATE TABLE t (a)"))
				wantKind(t, err, fault.Config, name)
				_, err = e.Query(t.Context(), stmt("SELECT 1"))
				wantKind(t, err, fault.Config, name)
			})
		}
	}
}

// TestPanic: a panic in a user-defined function becomes an error, and the
// Writer goes on with another connection.
func TestPanic(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		e.must("INSERT INTO t VALUES (boom(0))")
		for _, ctx := range []context.Context{context.Background(), t.Context(), t.Context()} {
			_, err := e.Exec(ctx, stmt("INSERT INTO t VALUES (2), (boom(1))"))
			wantCode(t, err, fault.CodeError)
			if !strings.Contains(err.Error(), "boom") {
				t.Errorf("got %v", err)
			}
			e.must("INSERT INTO t VALUES (1)")
		}
		_, err := e.Query(t.Context(), stmt("INSERT INTO t VALUES (boom(1)) RETURNING a"))
		wantCode(t, err, fault.CodeError)
		e.must("INSERT INTO t VALUES (1)")
		tx := e.begin(forward.TxOptions{})
		mustExec(t, tx, "INSERT INTO t VALUES (3)")
		if _, err := tx.Query(t.Context(), stmt("SELECT boom(1)")); err == nil {
			t.Error("no error")
		}
		_, err = tx.Commit(t.Context())
		wantKind(t, err, fault.TxExpired, "boom")
		e.must("INSERT INTO t VALUES (4)")
		e.wantValues("SELECT a FROM t", "0 1 1 1 1 4")
	})
}

// Storage that fails in the middle of a group, or at its COMMIT, with the error of
// any kind that ends transactions.
func TestGroupOnBadStorage(t *testing.T) {
	t.Parallel()
	for _, code := range []int{fault.CodeIOErr, ioErrWrite, codeFull, fault.CodeNoMem, fault.CodeBusy} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			onFlaky(t, func(t *testing.T, e *env, f *flaky) { groupOnBadStorage(t, e, f, code) },
				func(o *Options) { o.BusyTimeout = 50 * time.Millisecond })
		})
	}
}

func groupOnBadStorage(t *testing.T, e *env, f *flaky, code int) {
	const bad = "INSERT INTO t VALUES(-1)"
	three := func() []*asked {
		return []*asked{ask("INSERT INTO t VALUES(1)"), ask(bad), ask("INSERT INTO t VALUES(2)")}
	}
	e.submitHeld(three())() // the texts are known from here on
	e.must("DELETE FROM t")

	f.set(func(f *flaky) { f.fail, f.err = bad, codeError(code) })
	all := three()
	e.submitHeld(all)()
	wantNoError(t, all[0].err)
	wantCode(t, all[1].err, code&0xff)
	wantNoError(t, all[2].err)
	e.wantValues("SELECT a FROM t ORDER BY a", "1 2")

	// At COMMIT what has not certainly failed is unknown.
	f.set(func(f *flaky) { f.fail = "COMMIT" })
	all = three()
	e.submitHeld(all)()
	for _, a := range all {
		if code&0xff == fault.CodeIOErr {
			wantKind(t, a.err, fault.OutcomeUnknown, "COMMIT failed")
		}
		wantCode(t, a.err, code&0xff)
	}
	e.wantValues("SELECT a FROM t ORDER BY a", "1 2")
}
