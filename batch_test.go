package litefwd_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/litefwd/litefwd"
)

// A batch is one transaction on the primary, from whichever node.
func TestBatch(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver)
		for i := range 2 {
			name := fmt.Sprint("by node ", i)
			got, err := c.Node(i).Batch(t.Context(),
				litefwd.Statement{SQL: "INSERT INTO t VALUES (?)", Args: []any{name}},
				litefwd.Statement{SQL: "INSERT INTO t VALUES (:v) RETURNING rowid, v", Args: []any{sql.Named("v", 5)}},
				litefwd.Statement{SQL: "SELECT count(*) AS n FROM t"},
				litefwd.Statement{SQL: "UPDATE t SET v = v || '!' WHERE v = ?", Args: []any{name}},
			)
			if err != nil {
				t.Fatal(err)
			}
			id := int64(2*i + 2)
			for j, want := range []string{
				fmt.Sprintf("{%d 1 [] []}", id-1), fmt.Sprintf("{%d 1 [rowid v] [[%d 5]]}", id, id),
				fmt.Sprintf("{%d 1 [n] [[%d]]}", id, id), fmt.Sprintf("{%d 1 [] []}", id),
			} {
				if fmt.Sprint(got[j]) != want {
					t.Errorf("node %d, statement %d: got %v, want %v", i, j, got[j], want)
				}
			}
			if n := queryInt(t, c.Local(i), "SELECT count(*) FROM t WHERE v = ?", name+"!"); n != 1 {
				t.Errorf("node %d does not see its own batch", i)
			}
			_, err = c.Node(i).Batch(t.Context(),
				litefwd.Statement{SQL: "DELETE FROM t"},
				litefwd.Statement{SQL: "INSERT INTO nowhere VALUES (1)"},
			)
			var failed *litefwd.BatchError
			if !errors.As(err, &failed) || failed.Index != 1 || !errors.Is(err, &litefwd.SQLError{Code: 1}) {
				t.Errorf("node %d: %v", i, err)
			}
			if n := queryInt(t, c.DB(i), "SELECT count(*) FROM t"); n != id {
				t.Errorf("node %d: a batch that failed has left %d rows, want %d", i, n, id)
			}
			if _, err = litefwd.Batch(t.Context(), c.Local(i), litefwd.Statement{SQL: "DELETE FROM t"}); !errors.Is(err, litefwd.ErrUnsupported) {
				t.Errorf("Batch on Local: %v", err)
			}
			if _, err := c.Node(i).Batch(t.Context(), make([]litefwd.Statement, 4097)...); !errors.Is(err, litefwd.ErrTooLarge) || !litefwd.SafeToRetry(err) {
				t.Errorf("node %d: too many statements: %v", i, err)
			}
			// Rows that are too large are refused before they are committed.
			if _, err := c.Node(i).Batch(t.Context(), litefwd.Statement{SQL: "DELETE FROM t"},
				litefwd.Statement{SQL: "SELECT zeroblob(?)", Args: []any{64<<20 - 10}}); !errors.Is(err, litefwd.ErrTooLarge) {
				t.Errorf("node %d: rows that are too large: %v", i, err)
			}
			if n := queryInt(t, c.DB(i), "SELECT count(*) FROM t"); n != id {
				t.Errorf("node %d: a batch that failed has left %d rows, want %d", i, n, id)
			}
			if got, err := c.Node(i).Batch(t.Context()); err != nil || len(got) != 0 {
				t.Errorf("an empty batch: %v, %v", got, err)
			}
		}
		other, err := sql.Open(driver, ":memory:")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if _, err := litefwd.Batch(t.Context(), other, litefwd.Statement{SQL: "SELECT 1"}); !errors.Is(err, litefwd.ErrConfig) {
			t.Errorf("Batch on another database: %v", err)
		}
	})
}
