package writer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
)

// Close in the middle of everything: what it says is true.
// Close at any moment of many callers: who was acknowledged has his row, and who was
// refused has not.
func TestCloseAmongGroups(t *testing.T) {
	for _, d := range testDrivers {
		t.Run(d.name, func(t *testing.T) {
			for round := range 10 {
				e := newEnv(t, d)
				e.must("CREATE TABLE t(v INTEGER, w); CREATE TABLE ai(id INTEGER PRIMARY KEY AUTOINCREMENT, v UNIQUE); CREATE TABLE r(v UNIQUE ON CONFLICT ROLLBACK)")
				texts := []string{
					"INSERT INTO t VALUES(?, 1)", "INSERT INTO ai(v) VALUES(?)",
					"INSERT INTO t VALUES(?, 2); SELECT 1", "INSERT INTO r VALUES(?)",
					"INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT ?, max(i) FROM n",
				}
				var next atomic.Int64
				var mu sync.Mutex
				acked, refused := map[int64]string{}, map[int64]string{}
				var wg sync.WaitGroup
				for g := range 24 {
					random := rand.New(rand.NewPCG(uint64(g), rand.Uint64()))
					wg.Go(func() {
						for {
							v := next.Add(1) + 10
							text := texts[random.IntN(len(texts))]
							ctx, cancel := context.WithCancel(context.Background())
							_, err := e.Exec(ctx, stmt(text, v))
							cancel()
							mu.Lock()
							if err == nil {
								acked[v] = text
							} else if fault.SafeToRetry(err) {
								refused[v] = text
							}
							mu.Unlock()
							if err != nil {
								return
							}
						}
					})
				}
				some := uint64(5 + rand.IntN(60))
				eventually(t, "many have written", func() bool { return e.Stats().Executed > some })
				e.Close()
				wg.Wait()
				there := map[string]int{}
				for _, v := range strings.Fields(e.values("SELECT v FROM t UNION ALL SELECT v FROM ai UNION ALL SELECT v FROM r")) {
					there[v]++
				}
				for v, text := range acked {
					if there[fmt.Sprint(v)] != 1 {
						t.Errorf("round %d: acknowledged %d (%s) is there %d times", round, v, text, there[fmt.Sprint(v)])
					}
				}
				for v, text := range refused {
					if there[fmt.Sprint(v)] != 0 {
						t.Errorf("round %d: refused %d (%s) is there %d times", round, v, text, there[fmt.Sprint(v)])
					}
				}
				if round == 0 {
					t.Logf("%d acknowledged, %d refused", len(acked), len(refused))
				}
			}
		})
	}
}
