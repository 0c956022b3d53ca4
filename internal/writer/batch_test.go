package writer

import (
	"context"
	"errors"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func batchOf(stmts ...forward.Statement) forward.Batch {
	return forward.Batch{ID: forward.NewID(), Statements: stmts}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE); INSERT INTO t(a) VALUES('x')")
		commits := e.engine.commits
		b := batchOf(
			stmt("INSERT INTO t(a) VALUES(?)", "y"),
			stmt("CREATE TABLE u(a)"),
			stmt("INSERT INTO u VALUES(last_insert_rowid()) RETURNING a"),
			stmt("SELECT id, a FROM t ORDER BY id"),
			stmt("UPDATE t SET a = a || '!'"),
			stmt(" -- nothing"),
		)
		res, err := e.Batch(t.Context(), b)
		wantNoError(t, err)
		if len(res.Items) != 6 || res.Result.Position.TXID != commits+1 || e.engine.commits != commits+1 {
			t.Fatalf("%+v after %d commits", res, e.engine.commits-commits)
		}
		for i, want := range [][3]int64{{2, 1, 1}, {2, 1, 0}, {1, 1, 1}, {1, 1, 0}, {1, 2, 2}, {1, 2, 0}} {
			wantResult(t, res.Items[i].Result, want[0], want[1], want[2])
		}
		for i, want := range []string{"", "", "2", "1 x 2 y", "", ""} {
			if (res.Items[i].Rows != nil) != (want != "") {
				t.Errorf("rows of statement %d: %v", i, res.Items[i].Rows)
				continue
			}
			if want == "" {
				continue
			}
			if got, err := fetch(res.Items[i].Rows); err != nil || got != want {
				t.Errorf("rows of statement %d: %q, %v", i, got, err)
			}
		}
		// Delivered twice it runs once.
		_, err = e.Batch(t.Context(), b)
		wantKind(t, err, fault.OutcomeUnknown, "ran once and is committed")
		e.wantValues("SELECT count(*), max(a) FROM t", "2,y!")
	})
}

// A statement that fails takes all with it, and is named.
func TestBatchFails(t *testing.T) {
	t.Parallel()
	onDrivers(t, func(t *testing.T, e *env) {
		e.must("CREATE TABLE t(a UNIQUE)")
		for _, c := range []struct {
			sql  string
			code int
			kind error
		}{
			{sql: "INSERT INTO t VALUES(1)", code: constraint},
			{sql: "INSERT OR ROLLBACK INTO t VALUES(1)", code: constraint},
			{sql: "INSERT INTO nowhere VALUES(1)", code: fault.CodeError},
			{sql: "COMMIT", kind: fault.Unsupported},
			{sql: "PRAGMA foreign_keys = 1", kind: fault.Unsupported},
			{sql: "VACUUM", kind: fault.Unsupported},
			{sql: "SELECT 1; SELECT 2", kind: fault.Unsupported},
			{sql: "CREATE TEMP TABLE x(a)", kind: fault.Unsupported},
		} {
			_, err := e.Batch(t.Context(), batchOf(stmt("INSERT INTO t VALUES(1)"), stmt(c.sql)))
			var failed *fault.BatchError
			if !errors.As(err, &failed) || failed.Index != 1 {
				t.Errorf("%s: %v", c.sql, err)
			}
			if c.kind != nil && !errors.Is(err, c.kind) || c.kind == nil && fault.Code(err) != c.code {
				t.Errorf("%s: %v", c.sql, err)
			}
		}
		e.wantValues("SELECT count(*) FROM t", "0")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := e.Batch(ctx, batchOf(stmt("INSERT INTO t VALUES(1)")))
		wantCode(t, err, fault.CodeInterrupt)
		_, err = e.Batch(t.Context(), batchOf())
		wantKind(t, err, fault.Protocol, "without statements")
	})
}
