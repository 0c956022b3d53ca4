package litefwd_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// Many callers on two nodes share commits, while a tenth of their statements fail
// and others are cancelled at any moment: exactly the rows that were acknowledged
// are there, and besides them only such as have an unknown outcome.
func TestManyCallers(t *testing.T) {
	onBoth(t, func(t *testing.T, driver string) {
		c := newCluster(t, 2, driver, func(cfg *litefwd.Config) { cfg.AwaitTimeout = 5 * time.Second })
		mustExec(t, c.DB(0), "CREATE TABLE rows(id INTEGER PRIMARY KEY, by INT, v TEXT UNIQUE)")
		mustExec(t, c.DB(0), "INSERT INTO rows VALUES (0, 0, 'taken')")
		settle(t, c)
		const callers, each = 64, 40
		var mu sync.Mutex // guards the following
		must, may := map[int64]bool{0: true}, map[int64]bool{}
		counts := map[string]int{}
		var all sync.WaitGroup
		for caller := range callers {
			random := rand.New(rand.NewPCG(uint64(caller), rand.Uint64()))
			all.Go(func() {
				db := c.DB(caller % 2)
				for i := range each {
					id := int64(caller*each + i + 1)
					v := fmt.Sprint(id)
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					kind := random.IntN(10)
					switch kind {
					case 0:
						v = "taken"
					case 1, 2:
						ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
					}
					res, err := db.ExecContext(ctx, "INSERT INTO rows VALUES (?, ?, ?)", id, caller, v)
					cancel()
					mu.Lock()
					switch {
					case err == nil:
						must[id] = true
						counts["acknowledged"]++
						if got, _ := res.LastInsertId(); got != id {
							t.Errorf("row %d: last_insert_rowid() is %d", id, got)
						}
						if n, _ := res.RowsAffected(); n != 1 {
							t.Errorf("row %d: %d rows affected", id, n)
						}
					case errors.Is(err, litefwd.ErrOutcomeUnknown):
						may[id] = true
						counts["unknown"]++
					case kind == 0 && errors.Is(err, &litefwd.SQLError{Code: 19, ExtendedCode: 2067}):
						counts["failed"]++
					case (kind == 1 || kind == 2) && errors.Is(err, context.DeadlineExceeded): // the primary looks at it a little earlier
						counts["cancelled"]++
					default:
						t.Errorf("row %d: %v", id, err)
					}
					mu.Unlock()
				}
			})
		}
		all.Wait()
		rows, err := c.DB(0).Query("SELECT id FROM rows")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		found := map[int64]bool{}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				t.Fatal(err)
			}
			found[id] = true
			if !must[id] && !may[id] {
				t.Errorf("row %d is there, and its caller was told that it is not", id)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		for id := range must {
			if !found[id] {
				t.Errorf("row %d was acknowledged and is not there", id)
			}
		}
		t.Log(counts)
		if counts["acknowledged"] < callers*each/2 || counts["failed"] == 0 || counts["cancelled"]+counts["unknown"] == 0 {
			t.Errorf("not much was tried: %v", counts)
		}
	})
}
