package writer

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	modernc "modernc.org/sqlite"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// gates let a test hold a statement in the middle: SELECT gate(n) reports on
// entered and waits for open.
var gates sync.Map // int64 → *gate

type gate struct{ entered, open chan struct{} }

var lastGate atomic.Int64

func newGate(t *testing.T) (*gate, int64) {
	t.Helper()
	g := &gate{make(chan struct{}), make(chan struct{})}
	n := lastGate.Add(1)
	gates.Store(n, g)
	return g, n
}

func pass(n int64) int64 {
	if g, ok := gates.Load(n); ok {
		close(g.(*gate).entered)
		<-g.(*gate).open
	}
	return n
}

func boom(n int64) int64 {
	if n > 0 {
		panic("boom")
	}
	return n
}

func init() {
	sql.Register("sqlite3-test", &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return errors.Join(c.RegisterFunc("gate", pass, false), c.RegisterFunc("boom", boom, false))
	}})
	for name, f := range map[string]func(int64) int64{"gate": pass, "boom": boom} {
		modernc.MustRegisterScalarFunction(name, 1, func(_ *modernc.FunctionContext, args []driver.Value) (driver.Value, error) {
			return f(args[0].(int64)), nil
		})
	}
}

// testDriver is one of the local drivers that everything is tried on.
type testDriver struct {
	name, register string
	dsn            func(path string, pragmas ...string) string
}

var testDrivers = []testDriver{
	{"mattn", "sqlite3-test", func(path string, pragmas ...string) string {
		dsn := "file:" + path + "?x=y"
		for _, p := range pragmas {
			name, value, _ := strings.Cut(p, "=")
			dsn += "&_" + name + "=" + value
		}
		return dsn
	}},
	{"modernc", "sqlite", func(path string, pragmas ...string) string {
		dsn := "file:" + path + "?x=y"
		for _, p := range pragmas {
			name, value, _ := strings.Cut(p, "=")
			dsn += "&_pragma=" + name + "(" + value + ")"
		}
		return dsn
	}},
}

// connector returns a connector for path, which is in WAL mode.
func (d testDriver) connector(t testing.TB, path string, pragmas ...string) driver.Connector {
	t.Helper()
	if len(pragmas) == 0 {
		pragmas = []string{"busy_timeout=5000", "journal_mode=WAL", "synchronous=OFF"}
	}
	db, err := sql.Open(d.register, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return dsnConnector{db.Driver(), d.dsn(path, pragmas...)}
}

type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

// testEngine is an engine.Database whose answers a test sets.
type testEngine struct {
	// mu guards the following.
	mu        sync.Mutex
	fence     error
	committed error
	commits   uint64
}

func (e *testEngine) set(f func(*testEngine)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(e)
}

func (e *testEngine) Watch() (engine.Position, <-chan struct{}) { return engine.Position{}, nil }

func (e *testEngine) Serves(term uint64) error { return e.Fence(term) }

func (e *testEngine) Fence(uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fence
}

func (e *testEngine) Committed(context.Context) (engine.Position, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.commits++
	return engine.Position{TXID: e.commits, Checksum: 1}, e.committed
}

// env is a Writer on a new database, and a bare connection to look at it.
type env struct {
	*Writer
	t      testing.TB
	driver testDriver
	path   string
	engine *testEngine
	bare   *sqldriver.Conn
}

// onDrivers runs f for each local driver.
func onDrivers(t *testing.T, f func(t *testing.T, e *env), change ...func(*Options)) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			f(t, newEnv(t, d, change...))
		})
	}
}

func newEnv(t testing.TB, d testDriver, change ...func(*Options)) *env {
	t.Helper()
	e := &env{t: t, driver: d, path: filepath.Join(t.TempDir(), "test.db"), engine: &testEngine{}}
	opts := Options{Connector: d.connector(t, e.path), Database: e.engine, Classifier: sqlclass.New()}
	for _, f := range change {
		f(&opts)
	}
	e.Writer = Open(opts)
	bare, err := sqldriver.Connect(t.Context(), d.connector(t, e.path))
	if err != nil {
		t.Fatal(err)
	}
	e.bare = bare
	t.Cleanup(e.check)
	return e
}

// check is run after every test: the Writer closes, holds no lock and leaves
// no goroutine, and the database is whole.
func (e *env) check() {
	e.t.Helper()
	if err := e.Close(); err != nil {
		e.t.Errorf("Close: %v", err)
	}
	if s := e.Stats(); s.Open != 0 || s.Queue != 0 {
		e.t.Errorf("after Close: %+v", s)
	}
	if got := e.values("PRAGMA integrity_check"); got != "ok" {
		e.t.Errorf("integrity_check: %s", got)
	}
	e.bare.Close()
}

// values returns the rows of a query on the bare connection, as text.
func (e *env) values(query string) string {
	e.t.Helper()
	rows, err := e.bare.Query(context.Background(), query, nil)
	if err != nil {
		e.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return strings.Join(out, " ")
		}
		if err != nil {
			e.t.Fatalf("%s: %v", query, err)
		}
		cells := make([]string, len(dest))
		for i, v := range dest {
			cells[i] = text(v)
		}
		out = append(out, strings.Join(cells, ","))
	}
}

func (e *env) wantValues(query, want string) {
	e.t.Helper()
	if got := e.values(query); got != want {
		e.t.Errorf("%s: got %q, want %q", query, got, want)
	}
}

// must runs an autocommit text that has to succeed.
func (e *env) must(sql string, args ...any) forward.Result {
	e.t.Helper()
	res, err := e.Exec(context.Background(), stmt(sql, args...))
	if err != nil {
		e.t.Fatalf("%s: %v", sql, err)
	}
	return res
}

func (e *env) begin(opts forward.TxOptions) forward.Tx {
	e.t.Helper()
	tx, err := e.Begin(context.Background(), opts)
	if err != nil {
		e.t.Fatal(err)
	}
	return tx
}

func stmt(sql string, args ...any) forward.Statement {
	return forward.Statement{ID: forward.NewID(), SQL: sql, Args: sqldriver.Args(args...)}
}

// fetch returns all rows as text and closes them.
func fetch(rows forward.Rows) (string, error) {
	defer rows.Close()
	return fetchAll(len(rows.Columns()), rows)
}

// fetchRaw is fetch for rows of the driver itself, which the caller closes.
func fetchRaw(rows driver.Rows) (string, error) {
	text, err := fetchAll(len(rows.Columns()), rows)
	return text, fault.FromDriver(err)
}

func fetchAll(width int, rows interface{ Next([]driver.Value) error }) (string, error) {
	dest := make([]driver.Value, width)
	var out []string
	for {
		err := rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return strings.Join(out, " "), nil
		}
		if err != nil {
			return strings.Join(out, " "), err
		}
		out = append(out, strings.Trim(fmt.Sprint(dest), "[]"))
	}
}

func (e *env) wantRows(q interface {
	Query(context.Context, forward.Statement) (forward.Rows, error)
}, sql, want string, args ...any) {
	e.t.Helper()
	rows, err := q.Query(context.Background(), stmt(sql, args...))
	if err != nil {
		e.t.Errorf("%s: %v", sql, err)
		return
	}
	if got, err := fetch(rows); err != nil || got != want {
		e.t.Errorf("%s: got %q, %v; want %q", sql, got, err, want)
	}
}

// wantKind checks for one of litefwd's errors, whose text has the given part.
func wantKind(t testing.TB, err error, kind fault.Kind, part string) {
	t.Helper()
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), part) {
		t.Errorf("got error %v, want kind %v with %q", err, kind, part)
	}
}

func wantCode(t testing.TB, err error, code int) {
	t.Helper()
	var e *fault.SQLError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got error %v, want SQLite's code %d", err, code)
	}
}

func wantNoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

// wantResult compares what matters to database/sql.
func wantResult(t testing.TB, got forward.Result, last, affected, changed int64) {
	t.Helper()
	if got.LastInsertID != last || got.RowsAffected != affected || got.Changed != changed {
		t.Errorf("got %+v, want LastInsertID %d, RowsAffected %d, Changed %d", got, last, affected, changed)
	}
}

// eventually waits for something that another goroutine is about to do.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		runtime.Gosched()
	}
}

func connectBare(t testing.TB, c driver.Connector) *sqldriver.Conn {
	t.Helper()
	conn, err := sqldriver.Connect(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func dsnPath(dsn string) string {
	path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
	return path
}
