package conformance

import (
	"context"
	"database/sql"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/litefwd/litefwd"
)

// neighbours are how many callers write beside a case.
const neighbours = 64

// The suite while others write the same database, so that the case's statements
// share transactions with theirs. Neighbours change a row to what it is, which no
// case sees.
func TestUnderLoad(t *testing.T) {
	if os.Getenv("LITEFWD_LOAD") == "" {
		t.Skip("SKIPPED: the suite under load takes a minute; \"make load\" runs it")
	}
	onEach(t, func(t *testing.T, l local) {
		open := &pairs{local: l, dir: tempDir(t)}
		t.Cleanup(open.close)
		Run(t, Config{
			Driver: l.driver,
			Bare: func(t *testing.T) Session {
				s := l.open(t)
				settle(t, s.DB())
				return s
			},
			Ways: []Way{{Name: "replica", Open: func(t *testing.T) Session {
				s := open.database(t, litefwd.RoleReplica).(session)
				settle(t, s.own)
				crowd(t, s.own, neighbours/2)
				crowd(t, s.peer, neighbours/2)
				return s
			}}},
			Require: l.require,
			Cases:   slices.DeleteFunc(Cases(), func(c Case) bool { return seesNeighbours[c.ID()] }),
		})
	})
}

// seesNeighbours are the cases that list all tables, or leave no connection for
// anybody else.
var seesNeighbours = map[string]bool{
	"select/sqlite_schema": true, "schema/if not exists": true, "schema/drop": true, "schema/many tables": true,
	"maintenance/analyze": true, "search/fts5 created and dropped": true, "context/one connection only": true,
}

// settle makes the neighbours' table.
func settle(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, s := range []string{"CREATE TABLE zz_neighbours(a)", "INSERT INTO zz_neighbours VALUES (1)"} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	db.SetMaxIdleConns(0) // the case begins on a connection of its own
	db.SetMaxIdleConns(2)
}

// crowd lets n neighbours write until the case is over.
func crowd(t *testing.T, db *sql.DB, n int) {
	ctx, cancel := context.WithCancel(litefwd.WithAwait(context.Background(), litefwd.AwaitNone))
	var all sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		all.Wait()
	})
	for range n {
		conn, err := db.Conn(ctx) // not one that the case has had
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			defer conn.Close()
			for ctx.Err() == nil {
				// A case may hold the lock for longer than they wait, or close the table's
				// database.
				conn.ExecContext(ctx, "UPDATE zz_neighbours SET a = 1") //nolint:errcheck
			}
		})
	}
}
