package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)")
		e.wantRows(e, "SELECT 1 WHERE 0", "")
		e.wantRows(e, "INSERT INTO t (a) VALUES (1), (2) RETURNING id, a", "1 1 2 2")
		e.wantRows(e, "INSERT INTO t (a) VALUES (?) RETURNING a", "x", "x")
		e.wantRows(e, "SELECT a FROM t WHERE id > ?", "2 x", int64(1))
		e.wantRows(e, "UPDATE t SET a = a || 'y' WHERE id = 3 RETURNING a", "xy")
		e.wantRows(e, "DELETE FROM t WHERE id = 3", "")
		e.wantRows(e, "INSERT INTO t (a) VALUES (7); SELECT max(a) FROM t", "7")
		e.wantRows(e, "SELECT 1; SELECT 2", "2")
		e.wantRows(e, "PRAGMA user_version = 4", "")
		e.wantRows(e, "PRAGMA user_version", "4")
		e.wantRows(e, "CREATE TABLE u (a)", "")
		e.wantValues("SELECT a FROM t", "1 2 7")

		for _, sql := range []string{"INSERT INTO t (a) VALUES (50), (1) RETURNING a", "SELECT * FROM nothing", "nonsense",
			"INSERT INTO t (a) VALUES (60); INSERT INTO t (a) VALUES (1)"} {
			_, err := e.Query(t.Context(), stmt(sql))
			rows, want := e.bare.Query(t.Context(), sql, nil)
			if want == nil {
				want = rows.Next(make([]driver.Value, len(rows.Columns())))
				rows.Close()
			}
			if fmt.Sprint(err) != fmt.Sprint(want) {
				t.Errorf("%s: got %v, want %v", sql, err, want)
			}
		}
		_, err := e.Query(t.Context(), stmt("BEGIN; INSERT INTO t (a) VALUES (70); COMMIT"))
		wantKind(t, err, fault.Unsupported, "BEGIN")
		_, err = e.Query(t.Context(), stmt("INSERT INTO t (a) VALUES (70); VACUUM"))
		wantKind(t, err, fault.Unsupported, "alone")
		_, err = e.Query(t.Context(), stmt("SELECT total_changes()"))
		wantKind(t, err, fault.Unsupported, "RowsAffected")
	})
}

func TestQueryResult(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (id INTEGER PRIMARY KEY, a)")
		rows, err := e.Query(t.Context(), stmt("INSERT INTO t (a) VALUES (1), (2) RETURNING id"))
		wantNoError(t, err)
		wantResult(t, rows.Result(), 2, 2, 2) // known before the first row
		if rows.Result().Position.IsZero() {
			t.Error("no position")
		}
		e.wantValues("SELECT count(*) FROM t", "2")
		wantNoError(t, rows.Close())

		st := stmt("SELECT id FROM t WHERE id = last_insert_rowid()")
		st.Session.LastInsertID = 1
		rows, err = e.Query(t.Context(), st)
		wantNoError(t, err)
		if got, err := fetch(rows); got != "1" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestQueryLimits(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		_, err := e.Query(t.Context(), stmt("INSERT INTO t VALUES (1), (2), (3), (4) RETURNING a"))
		wantKind(t, err, fault.TooLarge, "MaxResultRows")
		_, err = e.Query(t.Context(), stmt("INSERT INTO t VALUES (zeroblob(2000)) RETURNING a"))
		wantKind(t, err, fault.TooLarge, "2000 bytes (MaxResult)")
		e.wantValues("SELECT count(*) FROM t", "0")
		e.wantRows(e, "INSERT INTO t VALUES (1), (2), (3) RETURNING a", "1 2 3")
		e.wantRows(e, "SELECT x.a FROM t AS x, t AS y WHERE x.a = 1", "1 1 1")
	}, func(o *Options) { o.MaxResultRows, o.MaxResult = 3, 2000 })
}

// TestColumns compares what rows say of their columns, before the first row,
// at each, and their values, with the driver's own.
func TestColumns(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must(`CREATE TABLE t (i INTEGER, t TEXT, v VARCHAR(10), r REAL, b BLOB, d DATETIME, o BOOLEAN, n DECIMAL(9, 2), x)`)
		const values = `VALUES (1, 'a', 'b', 1.5, x'0102', '2026-01-02 03:04:05', 1, 3, 'any'),
			(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
			(2, '', 'c', 2, x'', 1700000000, 0, 2.5, 7), (3, 'd', 'e', 3, x'00', 'no date', 'yes', 'ten', x'ff')`
		e.must("INSERT INTO t " + values)
		for _, sql := range []string{
			"SELECT * FROM t", "SELECT * FROM t WHERE 0", "SELECT 1 + 1, 'x' AS \"a name\", count(*) FROM t",
			"UPDATE t SET i = i RETURNING *", "UPDATE t SET i = i WHERE 0 RETURNING *",
		} {
			want := bareTranscript(t, e, sql)
			rows, err := e.Query(t.Context(), stmt(sql))
			wantNoError(t, err)
			compare(t, "Query: "+sql, transcript(t, rows), want)
			tx := e.begin(forward.TxOptions{})
			rows, err = tx.Query(t.Context(), stmt(sql))
			wantNoError(t, err)
			compare(t, "Tx.Query: "+sql, transcript(t, rows), want)
			wantNoError(t, tx.Rollback(t.Context()))
		}
	})
}

func compare(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func transcript(t *testing.T, rows forward.Rows) string {
	t.Helper()
	defer rows.Close()
	var b strings.Builder
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		fmt.Fprintf(&b, "%+v\n", rows.Columns())
		err := rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		wantNoError(t, err)
		fmt.Fprintf(&b, "%+v %#v\n", rows.Columns(), dest)
	}
}

func bareTranscript(t *testing.T, e *env, sql string) string {
	t.Helper()
	rows, err := e.bare.Query(t.Context(), sql, nil)
	wantNoError(t, err)
	defer rows.Close()
	var b strings.Builder
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		fmt.Fprintf(&b, "%+v\n", bareColumns(rows))
		err := rows.Next(dest)
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		wantNoError(t, err)
		fmt.Fprintf(&b, "%+v %#v\n", bareColumns(rows), dest)
	}
}

func bareColumns(rows driver.Rows) []forward.Column {
	cols := make([]forward.Column, len(rows.Columns()))
	for i, name := range rows.Columns() {
		cols[i] = forward.Column{Name: name, ScanType: reflect.TypeFor[any]()}
		cols[i].DeclType = rows.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(i)
		cols[i].ScanType = rows.(driver.RowsColumnTypeScanType).ColumnTypeScanType(i)
		cols[i].Nullable, cols[i].HasNullable = rows.(driver.RowsColumnTypeNullable).ColumnTypeNullable(i)
		if r, ok := rows.(driver.RowsColumnTypeLength); ok {
			cols[i].Length, cols[i].HasLength = r.ColumnTypeLength(i)
		}
	}
	return cols
}

func TestReadConnections(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
		first, err := e.Query(t.Context(), stmt("SELECT a FROM t"))
		wantNoError(t, err)
		_, err = e.Query(t.Context(), stmt("SELECT a FROM t"))
		wantKind(t, err, fault.Overloaded, "ReadConns")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = e.Query(ctx, stmt("SELECT a FROM t"))
		if !errors.Is(err, context.Canceled) || !fault.SafeToRetry(err) {
			t.Errorf("got %v", err)
		}
		e.must("INSERT INTO t VALUES (3)") // writes do not wait for reads
		if got, err := fetch(first); got != "1 2" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		e.wantRows(e, "SELECT a FROM t", "1 2 3")
		// What the classifier lets through by mistake fails.
		tx := e.begin(forward.TxOptions{ReadOnly: true})
		_, err = tx.Exec(t.Context(), stmt("INSERT INTO t VALUES (4)"))
		wantCode(t, err, fault.CodeReadOnly)
		wantNoError(t, tx.Rollback(t.Context()))
	}, func(o *Options) { o.ReadConns, o.BusyTimeout = 1, 30*time.Millisecond })
}

// TestSlowReader: a reader that fetches in time, but slowly, does not hold a
// read connection for ever.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t (a)")
		rows, err := e.Query(t.Context(), stmt("WITH RECURSIVE r (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r) SELECT a FROM r"))
		wantNoError(t, err)
		defer rows.Close()
		dest := make([]driver.Value, 1)
		pause := time.NewTicker(2 * time.Millisecond)
		defer pause.Stop()
		for range pause.C {
			if err := rows.Next(dest); err != nil {
				wantKind(t, err, fault.TxExpired, "TotalLimit")
				break
			}
		}
		if e, ok := rows.(interface{ Expired() bool }); !ok || !e.Expired() {
			t.Error("the rows do not say that they have expired")
		}
	}, func(o *Options) { o.IdleLimit, o.TotalLimit = time.Minute, 30*time.Millisecond })
}
