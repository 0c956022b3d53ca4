package litefwdtest

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

const app = databaseName

// bundle is a core with connections as litefwd would have them, but no litefwd.
type bundle struct {
	t *testing.T
	*core
	engines []engine.Engine
	conns   []*sqldriver.Conn
}

func eachDriver(t *testing.T, run func(t *testing.T, driver Option)) {
	t.Helper()
	for _, name := range knownDrivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, WithDriver(name))
		})
	}
}

// setup starts n nodes that have app.db open; node 0 is primary.
func setup(t *testing.T, n int, opts ...Option) *bundle {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	dirs := make([]string, n)
	for i := range dirs {
		dirs[i] = t.TempDir()
	}
	c, err := newCore(dirs, o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bundle{t: t, core: c}
	t.Cleanup(b.teardown)
	for i := range n {
		b.engines = append(b.engines, &nodeEngine{c.members[i]})
		// Nobody connects: these tests are about files.
		if err := b.engines[i].Start(t.Context(), engine.Self{Name: fmt.Sprint("n", i), Addr: "127.0.0.1:1"}); err != nil {
			t.Fatal(err)
		}
		b.db(i, app)
	}
	return b
}

func (b *bundle) teardown() {
	for _, c := range b.conns {
		c.Close()
	}
	b.stop()
	if !b.opts.unchecked {
		if err := b.check(context.Background()); err != nil {
			b.t.Error(err)
		}
	}
	for _, e := range b.engines {
		if err := e.Close(); err != nil {
			b.t.Error(err)
		}
	}
	if err := b.close(); err != nil {
		b.t.Error(err)
	}
}

func (b *bundle) db(i int, name string) engine.Database {
	b.t.Helper()
	d, err := b.engines[i].Database(b.members[i].dir + "/" + name)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

// rawConnector makes connections to node i's app.db that wait for nothing.
func (b *bundle) rawConnector(i int) driver.Connector {
	b.t.Helper()
	connector, err := b.opts.connector(b.members[i].dir + "/" + app)
	if err != nil {
		b.t.Fatal(err)
	}
	return connector
}

// connect opens a connection on node i's copy of a database.
func (b *bundle) connect(i int, name string) *sqldriver.Conn {
	b.t.Helper()
	connector, err := b.members[i].connectorFor(b.members[i].dir + "/" + name)
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := sqldriver.Connect(b.t.Context(), connector)
	if err != nil {
		b.t.Fatal(err)
	}
	b.conns = append(b.conns, c)
	return c
}

// disconnect closes c, as a node does when its role has changed.
func (b *bundle) disconnect(c *sqldriver.Conn) {
	b.t.Helper()
	if err := c.Close(); err != nil {
		b.t.Fatal(err)
	}
	for i := range b.conns {
		if b.conns[i] == c {
			b.conns = append(b.conns[:i], b.conns[i+1:]...)
			break
		}
	}
}

// tryWrite runs sql as litefwd's writer does.
func (b *bundle) tryWrite(i int, c *sqldriver.Conn, sql string) (engine.Position, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d := b.db(i, app)
	state, _ := b.engines[i].Watch()
	exec(b.t, c, "BEGIN IMMEDIATE")
	if err := d.Fence(state.Term); err != nil {
		exec(b.t, c, "ROLLBACK")
		return engine.Position{}, err
	}
	exec(b.t, c, sql)
	if err := d.Fence(state.Term); err != nil {
		exec(b.t, c, "ROLLBACK")
		return engine.Position{}, err
	}
	exec(b.t, c, "COMMIT")
	return d.Committed(ctx)
}

func (b *bundle) write(i int, c *sqldriver.Conn, sql string) engine.Position {
	b.t.Helper()
	pos, err := b.tryWrite(i, c, sql)
	if err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return pos
}

func (b *bundle) settle() {
	b.t.Helper()
	b.within(patience, b.Settle)
}

// within runs f, which must succeed, with a bound.
func (b *bundle) within(d time.Duration, f func(context.Context) error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), d)
	defer cancel()
	if err := f(ctx); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) promote(i int) {
	b.t.Helper()
	b.within(patience, func(ctx context.Context) error { return b.Promote(ctx, i) })
}

func (b *bundle) failover(i int) {
	b.t.Helper()
	b.within(patience, func(ctx context.Context) error { return b.Failover(ctx, i) })
}

// expire is a context that ends soon, for what must not happen.
func expire(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// identical checks that all nodes are at one position with one content.
func (b *bundle) identical(name string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.members[0].dbs[name]
	for _, m := range b.members[1:] {
		d := m.dbs[name]
		if d == nil || d.pos != first.pos || !d.image.Equal(first.image) {
			b.t.Fatalf("node %d's %s is not node 0's", m.index, name)
		}
	}
}

func exec(t *testing.T, c *sqldriver.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(context.Background(), sql, nil); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// query returns the first row as text.
func query(t *testing.T, c *sqldriver.Conn, sql string) string {
	t.Helper()
	row, err := c.QueryRow(context.Background(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	text := make([]string, len(row))
	for i, v := range row {
		text[i] = fmt.Sprint(v)
	}
	return strings.Join(text, " ")
}

func check(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %q, want %q", what, got, want)
	}
}
