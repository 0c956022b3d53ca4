package litefwd_test

import (
	"errors"
	"testing"

	"github.com/litefwd/litefwd"
)

// Temp objects made inside a transaction can be used there, on the primary and
// on a replica, and are gone with it.
func TestTempTableInTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		primary, replica := openPair(t, driver)
		mustExec(t, primary.DB(), "CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
		for i, node := range []*litefwd.Node{primary, replica} {
			base := int64(i * 100)
			mustExec(t, node.DB(), "INSERT INTO t VALUES (?, 'main')", base+1)
			tx, err := node.DB().Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer tx.Rollback()
			mustExec(t, tx, "CREATE TEMP TABLE mine(id INTEGER PRIMARY KEY, v)")
			insert, err := tx.Prepare("INSERT INTO mine VALUES (?, ?)")
			if err != nil {
				t.Fatal(err)
			}
			for id := base + 1; id <= base+3; id++ {
				res, err := insert.Exec(id, "temp")
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := res.LastInsertId(); got != id {
					t.Errorf("%s: last insert id %d, want %d", node.Name(), got, id)
				}
			}
			if n := queryInt(t, tx, "SELECT count(*) FROM temp.mine JOIN main.t USING (id)"); n != 1 {
				t.Errorf("%s: the join has %d rows, want 1", node.Name(), n)
			}
			mustExec(t, tx, "SAVEPOINT s")
			mustExec(t, tx, "CREATE TEMP TABLE t AS SELECT * FROM mine; DELETE FROM t")
			if n := queryInt(t, tx, "SELECT count(*) FROM t"); n != 0 {
				t.Errorf("%s: the temp table that hides t has %d rows", node.Name(), n)
			}
			mustExec(t, tx, "ROLLBACK TO s")
			mustExec(t, tx, "CREATE TEMP VIEW late AS SELECT * FROM mine WHERE id > (SELECT min(id) FROM mine)")
			mustExec(t, tx, "INSERT INTO t SELECT id, v FROM late")
			mustExec(t, tx, "DROP VIEW late")
			if n := queryInt(t, tx, "SELECT count(*) FROM sqlite_temp_schema WHERE name = 'mine'"); n != 1 {
				t.Errorf("%s: sqlite_temp_schema has mine %d times", node.Name(), n)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			for _, n := range []*litefwd.Node{primary, replica} {
				if got := queryInt(t, n.DB(), "SELECT count(*) FROM t WHERE id > ?", base); got != 3 {
					t.Errorf("%s: t has %d rows, want 3", n.Name(), got)
				}
				var sqlErr *litefwd.SQLError
				if _, err := n.DB().Exec("INSERT INTO mine VALUES (1, 1)"); !errors.As(err, &sqlErr) || sqlErr.Code != 1 {
					t.Errorf("%s: mine after the transaction: %v, want no such table", n.Name(), err)
				}
			}
		}
	})
}

// A temp table made before the transaction is on this node, out of its reach.
func TestTempTableFromBeforeTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		_, replica := openPair(t, driver)
		conn, err := replica.DB().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, query := range []string{"CREATE TEMP TABLE before(v)", "INSERT INTO before VALUES (1)"} {
			if _, err := conn.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		for _, query := range []string{"INSERT INTO before VALUES (2)", "SELECT * FROM before"} {
			if _, err := tx.Exec(query); !errors.Is(err, litefwd.ErrUnsupported) {
				t.Errorf("%s: %v, want ErrUnsupported", query, err)
			}
		}
		mustExec(t, tx, "CREATE TEMP TABLE during(v)")
		mustExec(t, tx, "INSERT INTO during VALUES (1), (2)")
		if n := queryInt(t, tx, "SELECT count(*) FROM during"); n != 2 {
			t.Errorf("the transaction's own has %d rows, want 2", n)
		}
	})
}
