package litefwd_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"
	modernc "modernc.org/sqlite"

	"github.com/litefwd/litefwd"
)

// forever is a query that runs until it is interrupted.
const forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n"

func TestLargeBlob(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver)
		mustExec(t, replica.DB(), "CREATE TABLE t(v BLOB)")
		blob := bytes.Repeat([]byte{0, 1, 2, 0xff}, 50<<20/4)
		var back []byte
		err := replica.DB().QueryRow("INSERT INTO t VALUES (?) RETURNING v", blob).Scan(&back)
		if err != nil || !bytes.Equal(blob, back) {
			t.Errorf("50 MB and back: %d bytes, %v", len(back), err)
		}
	})
}

func TestTooLarge(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver, func(c *litefwd.Config) { c.MaxMessage, c.MaxResult = 1<<20, 1<<20 })
		db := replica.DB()
		mustExec(t, db, "CREATE TABLE t(v)")
		_, err := db.Exec("INSERT INTO t VALUES (?)", make([]byte, 2<<20))
		if !errors.Is(err, litefwd.ErrTooLarge) || !litefwd.SafeToRetry(err) {
			t.Errorf("statement: %v, want ErrTooLarge and nothing ran", err)
		}
		rows, err := db.Query("INSERT INTO t SELECT value FROM json_each('[1,2,3]') RETURNING zeroblob(600000)")
		if err == nil {
			rows.Close()
		}
		if !errors.Is(err, litefwd.ErrTooLarge) {
			t.Errorf("collected rows: %v, want ErrTooLarge", err)
		}
		if n := queryInt(t, db, "SELECT count(*) FROM t"); n != 0 {
			t.Errorf("%d rows were kept", n)
		}
	})
}

// A statement that still waits in the primary's queue is withdrawn.
func TestCancelQueued(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			tx, err := primary.DB().Begin()
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "INSERT INTO t VALUES ('tx')")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			_, err = node.DB().ExecContext(ctx, "INSERT INTO t VALUES ('queued')")
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, want the deadline", node.Name(), err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			mustExec(t, node.DB(), "INSERT INTO t VALUES ('after')") // behind it in the queue
			// On a loaded machine the transaction may end before the primary's
			// timer; then the replica's caller is told that it cannot know.
			n := queryInt(t, node.DB(), "SELECT count(*) FROM t WHERE v = 'queued'")
			if n != 0 && !errors.Is(err, litefwd.ErrOutcomeUnknown) {
				t.Errorf("%s: the withdrawn statement ran", node.Name())
			}
			mustExec(t, node.DB(), "DELETE FROM t")
		}
	})
}

func TestCancelRunning(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v)")
		for _, node := range []*litefwd.Node{primary, replica} {
			tx, err := node.DB().Begin()
			if err != nil {
				t.Fatal(err)
			}
			mustExec(t, tx, "INSERT INTO t VALUES ('tx')")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			var n int
			err = tx.QueryRowContext(ctx, forever).Scan(&n)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: read in a transaction: %v, want the deadline", node.Name(), err)
			}
			if err := tx.Rollback(); err != nil {
				t.Errorf("%s: %v", node.Name(), err)
			}

			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
			_, err = node.DB().ExecContext(ctx, "INSERT INTO t "+strings.Replace(forever, "FROM n)", "FROM n WHERE i < 3000000)", 1))
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: write: %v, want the deadline", node.Name(), err)
			}
			// Its caller is released; the next writer gets its turn.
			mustExec(t, node.DB(), "INSERT INTO t VALUES ('after')")
		}
	})
}

func TestPeerLimits(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver, func(c *litefwd.Config) { c.MaxPeerTx = 1 })
		mustExec(t, replica.DB(), "CREATE TABLE t(v)")
		first, err := replica.DB().Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer first.Rollback()
		mustExec(t, first, "INSERT INTO t VALUES (1)")
		second, err := replica.DB().Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer second.Rollback()
		if _, err := second.Exec("INSERT INTO t VALUES (2)"); !errors.Is(err, litefwd.ErrOverloaded) || !litefwd.SafeToRetry(err) {
			t.Errorf("second transaction: %v, want ErrOverloaded", err)
		}
	})
}

type driverError struct{ code int }

func (e driverError) Error() string { return "as the driver says it" }

func TestMapError(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver, func(c *litefwd.Config) {
			c.MapError = func(e *litefwd.SQLError) error { return driverError{e.ExtendedCode} }
		})
		mustExec(t, replica.DB(), "CREATE TABLE t(v PRIMARY KEY)")
		mustExec(t, replica.DB(), "INSERT INTO t VALUES (1)")
		_, err := replica.DB().Exec("INSERT INTO t VALUES (1)")
		var mapped driverError
		var sqlErr *litefwd.SQLError
		if !errors.As(err, &mapped) || mapped.code != 1555 || !errors.As(err, &sqlErr) {
			t.Errorf("%v (%T), want a SQLError that unwraps to the mapped error", err, err)
		}
	})
}

// A local error unwraps to the driver's own.
func TestDriverErrors(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, _ := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(v PRIMARY KEY)")
		for _, query := range []string{"SELECT abs(-9223372036854775808)", "INSERT INTO t VALUES (1), (1)"} {
			_, err := primary.DB().Exec(query)
			var cgo sqlite3.Error
			var pure *modernc.Error
			if !errors.As(err, &cgo) && !errors.As(err, &pure) {
				t.Errorf("%s: %v (%T) hides the driver's error", query, err, err)
			}
		}
	})
}

// hooked is mattn's driver with a function and a collation on each connection.
type hooked struct{ dsn string }

func (c hooked) Driver() driver.Driver { return hookedDriver }

func (c hooked) Connect(context.Context) (driver.Conn, error) { return hookedDriver.Open(c.dsn) }

var hookedDriver = &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
	if err := c.RegisterCollation("backwards", func(a, b string) int { return strings.Compare(b, a) }); err != nil {
		return err
	}
	return c.RegisterFunc("shout", strings.ToUpper, true)
}}

func init() {
	modernc.MustRegisterDeterministicScalarFunction("shout", 1,
		func(_ *modernc.FunctionContext, args []driver.Value) (driver.Value, error) {
			return strings.ToUpper(args[0].(string)), nil
		})
	modernc.MustRegisterCollationUtf8("backwards", func(a, b string) int { return strings.Compare(b, a) })
}

// The writer's connections come from the application's connector, so forwarded
// statements find its functions and collations.
func TestFunctionsAndCollations(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver, func(c *litefwd.Config) {
			if driver == "sqlite3" {
				c.Driver, c.Connector = "", connectHooked
			}
		})
		db := replica.DB()
		mustExec(t, db, "CREATE TABLE t(v TEXT COLLATE backwards)")
		mustExec(t, db, "INSERT INTO t VALUES (shout('a')), (shout('b'))")
		var got string
		for _, q := range []interface {
			QueryRow(string, ...any) *sql.Row
		}{db, replica.Local()} {
			if err := q.QueryRow("SELECT group_concat(v, '') FROM (SELECT v FROM t ORDER BY v)").Scan(&got); err != nil || got != "BA" {
				t.Errorf("%q, %v", got, err)
			}
		}
	})
}

func connectHooked(path string) (driver.Connector, error) { return hooked{"file:" + path}, nil }
