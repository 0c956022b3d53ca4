package e2e

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// The hazards are what applications meet that use LiteFS without litefwd,
// numbered as when they were found out by experiment. Each TestFindingNN shows
// what an application sees of one that has only litefwd's API.

func static(nodes int) litefstest.Options { return litefstest.Options{Nodes: nodes} }

// isolatable is a consul cluster whose primary can be cut off, with leases that
// end as soon as LiteFS allows.
func isolatable(nodes int) litefstest.Options {
	return litefstest.Options{
		Nodes: nodes, Lease: litefstest.Consul, TTL: time.Second, LockDelay: 200 * time.Millisecond, Isolatable: true,
	}
}

// eachSetupAtOnce is eachSetup for what mostly waits for leases.
func eachSetupAtOnce(t *testing.T, f func(t *testing.T, driver, journal string)) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		t.Parallel()
		f(t, driver, journal)
	})
}

// hooks are called around the COMMITs of the writer that uses their connector,
// and make its other statements fail. Each is used once.
type hooks struct {
	mu            sync.Mutex // guards the following
	before, after func()
	failing       error // of the next connection that runs failingAt, for ever
	failingAt     string
	refusing      error // of all new connections to the copy; not used up
}

func (h *hooks) set(before, after func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before, h.after = before, after
}

func (h *hooks) fail(err error) { h.failAt(readHazard, err) }

func (h *hooks) failAt(query string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing, h.failingAt = err, query
}

// refuse makes it impossible to connect to the copy; nil ends that.
func (h *hooks) refuse(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusing = err
}

func (h *hooks) refusal() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refusing
}

func (h *hooks) run(which *func()) {
	h.mu.Lock()
	f := *which
	*which = nil
	h.mu.Unlock()
	if f != nil {
		f()
	}
}

func (h *hooks) takeFailure() error { return h.takeFailureAt(readHazard) }

func (h *hooks) takeFailureAt(query string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if query != h.failingAt {
		return nil
	}
	err := h.failing
	h.failing = nil
	return err
}

// hook makes cfg's connections through h.
func (h *hooks) hook(cfg *litefwd.Config) {
	name := cfg.Driver
	cfg.Driver = ""
	cfg.Connector = func(path string) (driver.Connector, error) {
		db, err := sql.Open(name, path) // connects to nothing
		if err != nil {
			return nil, err
		}
		defer db.Close()
		return &hookedConnector{db.Driver(), path, h}, nil
	}
}

type hookedConnector struct {
	driver driver.Driver
	path   string
	hooks  *hooks
}

func (c *hookedConnector) Driver() driver.Driver { return c.driver }

func (c *hookedConnector) Connect(context.Context) (driver.Conn, error) {
	if _, err := os.Stat(filepath.Join(filepath.Dir(c.path), ".lag")); err == nil { // else it is a stand-in
		if err := c.hooks.refusal(); err != nil {
			return nil, err
		}
	}
	conn, err := c.driver.Open("file:" + c.path)
	if err != nil {
		return nil, err
	}
	return &hookedConn{Conn: conn, hooks: c.hooks}, nil
}

// hookedConn passes on what both drivers have.
type hookedConn struct {
	driver.Conn
	hooks  *hooks
	broken error
}

func (c *hookedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case query == "COMMIT":
		return &hookedCommit{stmt, c.hooks}, nil
	default:
		return &hookedStmt{stmt, c, query}, nil
	}
}

// hookedStmt fails as the connection's own queries do.
type hookedStmt struct {
	driver.Stmt
	conn  *hookedConn
	query string
}

func (s *hookedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *hookedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.conn.failure(s.query); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (c *hookedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *hookedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.failure(query); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *hookedConn) failure(query string) error {
	if c.broken == nil {
		c.broken = c.hooks.takeFailureAt(query)
	}
	return c.broken
}

// readHazard is the query that hooks.fail waits for.
const readHazard = "SELECT count(*) FROM t"

// hookedCommit is the writer's COMMIT.
type hookedCommit struct {
	driver.Stmt
	hooks *hooks
}

func (s *hookedCommit) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.hooks.run(&s.hooks.before)
	res, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	s.hooks.run(&s.hooks.after)
	return res, err
}

// codeError is a driver's error with that extended code.
type codeError int

func (e codeError) Code() int     { return int(e) }
func (e codeError) Error() string { return fmt.Sprintf("made up: code %d", int(e)) }

// wantCode checks for an error of SQLite.
func wantCode(t *testing.T, what string, err error, code, extended int) {
	t.Helper()
	if !errors.Is(err, &litefwd.SQLError{Code: code, ExtendedCode: extended}) {
		t.Errorf("%s: got %v (%T), want SQLite's %d/%d", what, err, err, code, extended)
	}
}

// wantKind checks for an error of litefwd's.
func wantKind(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: got %v, want: %v", what, err, kind)
	}
}

// eventually waits until ok says so.
func (a *app) eventually(what string, ok func() error) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.ctx, patience)
	defer cancel()
	a.must(what, litefstest.Wait(ctx, what, func(context.Context) error { return ok() }))
}

// values reads all rows of t, in order.
func values(a *app, db *sql.DB) []int {
	a.t.Helper()
	vs, err := readValues(a.ctx, db)
	a.must("read t", err)
	return vs
}

func readValues(ctx context.Context, db *sql.DB) (vs []int, err error) {
	rows, err := db.QueryContext(ctx, "SELECT v FROM t ORDER BY v")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v int
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, rows.Err()
}

// wantCopies waits until all copies are that of node i, and checks what litefwd
// shows of them: locally, and as it would the application.
func (a *app) wantCopies(i int, want ...int) {
	a.t.Helper()
	a.must("replicate", a.WaitReplicated(a.ctx, i, "app.db"))
	for j, n := range a.nodes {
		for name, db := range map[string]*sql.DB{"DB": n.DB(), "Local": n.Local()} {
			if got := values(a, db); !slices.Equal(got, want) {
				a.t.Errorf("node %d's %s has %v, want %v", j, name, got, want)
			}
		}
	}
}

// alive fails the test if the LiteFS of a node has ended.
func (a *app) alive() {
	a.t.Helper()
	for i := range a.Nodes() {
		select {
		case <-a.Done(i):
			a.t.Errorf("LiteFS %d has ended, with code %d", i, a.ExitCode(i))
		default:
		}
	}
}

// execRaw runs a text on a driver's own connection.
func execRaw(ctx context.Context, conn driver.Conn, text string) (driver.Result, error) {
	return conn.(driver.ExecerContext).ExecContext(ctx, text, nil)
}

// queryer is a *sql.DB, as far as reads of one row go.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}
