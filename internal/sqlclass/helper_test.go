package sqlclass

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// drivers are those that litefwd supports, each asked in every test.
var drivers = map[string]driver.Driver{
	"modernc": registered("sqlite"),
	"mattn":   &sqlite3.SQLiteDriver{},
}

func registered(name string) driver.Driver {
	db, err := sql.Open(name, "")
	if err != nil {
		panic(err)
	}
	defer db.Close()
	return db.Driver()
}

const fixture = `
CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT, c AS (a+1), d AS (a*2) STORED);
CREATE TABLE u(k TEXT PRIMARY KEY, t_id REFERENCES t(id)) WITHOUT ROWID;
CREATE TABLE seq(id INTEGER PRIMARY KEY AUTOINCREMENT, x);
CREATE TABLE log(what);
CREATE INDEX t_a ON t(a);
CREATE VIEW v AS SELECT id, a FROM t WHERE a > 0;
CREATE VIEW last AS SELECT last_insert_rowid() AS r, changes() AS n;
CREATE TRIGGER t_ins AFTER INSERT ON t BEGIN INSERT INTO log VALUES('t'); END;
CREATE TRIGGER v_ins INSTEAD OF INSERT ON v BEGIN INSERT INTO t(a) VALUES(new.a); DELETE FROM log; END;
INSERT INTO t(a,b) VALUES(1,'one'),(2,'two'),(-3,NULL);
INSERT INTO u VALUES('x',1),('y',2);
INSERT INTO seq(x) VALUES('s');
CREATE VIRTUAL TABLE rt USING rtree(id, x0, x1);
INSERT INTO rt VALUES(1, 0, 1);
`

// Either driver has one of these.
const (
	fixtureFTS4 = `
CREATE VIRTUAL TABLE f4 USING fts4(body);
INSERT INTO f4 VALUES('hello world');
INSERT INTO f4 VALUES('good bye');
`
	fixtureFTS5 = `
CREATE VIRTUAL TABLE ft USING fts5(body);
INSERT INTO ft VALUES('hello world'),('good bye');
`
)

// connector opens one file with one driver.
type connector struct {
	drv  driver.Driver
	path string
}

func (c connector) Connect(context.Context) (driver.Conn, error) { return c.drv.Open(c.path) }
func (c connector) Driver() driver.Driver                        { return c.drv }

// testConn is a connection to a file of its own, which holds the fixture.
type testConn struct {
	*sqldriver.Conn
	tb               testing.TB
	path             string
	hasFTS4, hasFTS5 bool
}

func (c *testConn) exec(sql string) {
	c.tb.Helper()
	if _, err := c.Exec(context.Background(), sql, nil); err != nil {
		c.tb.Fatalf("%s: %v", sql, err)
	}
}

func (c *testConn) value(sql string) driver.Value {
	c.tb.Helper()
	row, err := c.QueryRow(context.Background(), sql)
	if err != nil {
		c.tb.Fatalf("%s: %v", sql, err)
	}
	return row[0]
}

// open returns a query_only connection to a new file with the fixture.
func open(tb testing.TB, drv driver.Driver) *testConn {
	tb.Helper()
	c := openAt(tb, drv, filepath.Join(tb.TempDir(), "main.db"))
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// openAt is open for a connection that the caller closes.
func openAt(tb testing.TB, drv driver.Driver, path string) *testConn {
	tb.Helper()
	conn, err := sqldriver.Connect(tb.Context(), connector{drv, path})
	if err != nil {
		tb.Fatal(err)
	}
	c := &testConn{Conn: conn, tb: tb, path: path}
	c.exec("PRAGMA synchronous=OFF;" + fixture)
	_, err = conn.Exec(tb.Context(), fixtureFTS4, nil)
	c.hasFTS4 = err == nil
	_, err = conn.Exec(tb.Context(), fixtureFTS5, nil)
	c.hasFTS5 = err == nil
	c.exec("PRAGMA query_only=1")
	return c
}

// addOwn gives the connection temp objects and attached databases.
func (c *testConn) addOwn() {
	c.exec("PRAGMA query_only=0")
	c.exec(`CREATE TEMP TABLE tt(a, b); CREATE TEMP VIEW tv AS SELECT * FROM tt;
		CREATE INDEX temp.tt_a ON tt(a);
		CREATE TEMP TRIGGER tt_ins AFTER INSERT ON tt WHEN new.a=-99 BEGIN INSERT INTO tt VALUES(1,2); END;
		CREATE TEMP TABLE twice(a); CREATE TEMP TABLE both(a);
		CREATE TEMP TRIGGER both_ins AFTER INSERT ON both BEGIN INSERT INTO log VALUES(1); END;
		ATTACH ':memory:' AS mem; CREATE TABLE mem.m(a); CREATE TABLE mem.twice(a); CREATE INDEX mem.m_a ON m(a);`)
	c.exec("ATTACH '" + c.path + "-aux' AS Aux")
	c.exec("CREATE TABLE aux.x(a); CREATE INDEX aux.x_a ON x(a)")
	c.exec("PRAGMA query_only=1")
}

// forDrivers runs the test with each driver.
func forDrivers(t *testing.T, test func(t *testing.T, c *testConn)) {
	for name, drv := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, drv))
		})
	}
}

// drain reads up to max rows.
func drain(rows driver.Rows, max int) error {
	defer rows.Close()
	dest := make([]driver.Value, len(rows.Columns()))
	for range max {
		if err := rows.Next(dest); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// contents is the database file with its journal, which tests keep in
// rollback mode.
func (c *testConn) contents() string {
	c.tb.Helper()
	b, err := os.ReadFile(c.path)
	if err != nil {
		c.tb.Fatal(err)
	}
	return string(b)
}

// tokens are the texts of the tokens that matter, without the ';'.
func tokens(texts ...string) (all []string) {
	for _, text := range texts {
		for i := 0; ; {
			tok := scan(text, i)
			i = tok.end
			if tok.kind == tokEnd {
				break
			}
			if !slices.Contains([]tokenKind{tokSpace, tokComment, tokSemi}, tok.kind) {
				all = append(all, tok.text(text))
			}
		}
	}
	return all
}

// prepared has SQLite compile the first statement of a text, and returns the
// text that it leaves. It uses mattn/go-sqlite3, which keeps that.
func prepared(tb testing.TB, c *testConn, sql string) (tail string, ok bool) {
	stmt, err := c.Raw().Prepare(sql)
	if err != nil {
		return "", false
	}
	defer stmt.Close()
	field := reflect.ValueOf(stmt).Elem().FieldByName("t")
	if !field.IsValid() {
		tb.Fatal("mattn/go-sqlite3 no longer keeps the tail in SQLiteStmt.t")
	}
	return field.String(), true
}

func hasWord(sql string, words ...string) bool {
	lower := strings.ToLower(sql)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
}
