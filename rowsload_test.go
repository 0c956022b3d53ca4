package litefwd_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// Many connections, each with two queries open at a time, of which some are cancelled
// and some not read to their end, while reads are ended as when the role moves, and the
// primary commits: no row is another's.
func TestRowsUnderLoad(t *testing.T) {
	for _, buffer := range []int{100, 1 << 20} {
		onBoth(t, func(t *testing.T, driver string) {
			c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.ReadBuffer = buffer })
			mustExec(t, c.DB(0), "CREATE TABLE n(i INTEGER PRIMARY KEY, s TEXT)")
			mustExec(t, c.DB(0), "INSERT INTO n WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 60) SELECT i, 'text ' || i FROM r")
			settle(t, c)
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			var load sync.WaitGroup
			for k := range 8 {
				conn := mustConn(t, c.DB(1))
				load.Go(func() { readPairs(t, ctx, conn, rand.New(rand.NewPCG(uint64(k), 1))) })
			}
			for ctx.Err() == nil {
				shutFor(t, c.Node(1), 0)
				mustExec(t, c.DB(0), "INSERT INTO t VALUES (1)")
			}
			load.Wait()
		})
	}
}

// readPairs reads until ctx ends.
func readPairs(t *testing.T, ctx context.Context, conn *sql.Conn, rnd *rand.Rand) {
	const text = "SELECT i, s FROM n WHERE i > ? ORDER BY i"
	stmt, err := conn.PrepareContext(context.Background(), text)
	if err != nil {
		t.Error(err)
		return
	}
	defer stmt.Close()
	for ctx.Err() == nil {
		var pair [2]*sql.Rows
		var from [2]int
		for i := range pair {
			ctx, cancel := context.WithTimeout(ctx, time.Duration(rnd.IntN(20_000))*time.Microsecond)
			defer cancel()
			from[i] = rnd.IntN(50)
			if rnd.IntN(2) == 0 {
				pair[i], err = stmt.QueryContext(ctx, from[i])
			} else {
				pair[i], err = conn.QueryContext(ctx, text, from[i])
			}
			if err != nil {
				pair[i] = nil // its time was over, or reads have ended
			}
		}
		for i, rows := range pair {
			if rows == nil {
				continue
			}
			for left, want := rnd.IntN(70), from[i]+1; left > 0 && rows.Next(); left, want = left-1, want+1 {
				var n int
				var s sql.RawBytes
				if err := rows.Scan(&n, &s); err == nil && (n != want || string(s) != fmt.Sprintf("text %d", n)) {
					t.Errorf("%d %q, not %d", n, s, want)
				}
			}
			rows.Close()
		}
	}
}
