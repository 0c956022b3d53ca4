package dbfile

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// bundle is one driver on one copy of a database: the file below, and
// connections as an application has them.
type bundle struct {
	t    *testing.T
	conn connector
	file *File
}

// connector opens connections of a registered driver with a DSN.
type connector struct {
	d   driver.Driver
	dsn string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.d.Open(c.dsn) }
func (c connector) Driver() driver.Driver                        { return c.d }

// eachDriver runs the test on every driver; which are the usual two.
func eachDriver(t *testing.T, run func(t *testing.T, name string)) {
	for _, name := range []string{"sqlite", "sqlite3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, name)
		})
	}
}

func driverOf(t *testing.T, name string) driver.Driver {
	t.Helper()
	db, err := sql.Open(name, ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return db.Driver()
}

func newBundle(t *testing.T, name string) *bundle {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.db")
	dsn := "file:" + path + "?_busy_timeout=5000&_pragma=busy_timeout(5000)"
	b := &bundle{t: t, conn: connector{d: driverOf(t, name), dsn: dsn}}
	var err error
	if b.file, err = Open(t.Context(), path, b.conn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the connections of connect, which are registered later
		if err := b.file.Check(context.Background()); err != nil {
			t.Error(err)
		}
		if err := b.file.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// connect opens one more connection, which the test's cleanup closes.
func (b *bundle) connect() *sqldriver.Conn {
	b.t.Helper()
	c, err := sqldriver.Connect(b.t.Context(), b.conn)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

func (b *bundle) capture(base *Image) *Image {
	b.t.Helper()
	m, err := b.file.Capture(b.t.Context(), base)
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

func (b *bundle) apply(from, to *Image) {
	b.t.Helper()
	published := 0
	if err := b.file.Apply(b.t.Context(), from, to, false, func() { published++ }); err != nil {
		b.t.Fatal(err)
	}
	if published != 1 {
		b.t.Fatalf("published %d times", published)
	}
}

func exec(t *testing.T, c *sqldriver.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(context.Background(), sql, sqldriver.Args(args...)); err != nil {
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
