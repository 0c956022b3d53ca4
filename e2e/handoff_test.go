package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// handoffs is how often the role is moved per journal mode.
const handoffs = 50

// The primary role is moved again and again while every node writes at full
// speed: nothing acknowledged is lost, nothing is duplicated, and nobody whose
// deadline is 5 s gets an error. LiteFS's own handoff loses an acknowledged
// commit in every fourth run.
func TestHandoffLosesNothing(t *testing.T) {
	for journal, driver := range map[string]string{"WAL": "sqlite", "DELETE": "sqlite3"} {
		t.Run(journal, func(t *testing.T) {
			a := startApp(t, driver, journal, litefstest.Options{Nodes: 3, Lease: litefstest.Consul}, nil)
			a.mustExec(0, createW)
			h := &history{began: time.Now()}
			stop := make(chan struct{})
			var writers sync.WaitGroup
			for i := range a.Nodes() {
				writers.Go(func() { h.run(a, a.nodes[i], fmt.Sprint("node", i), 5*time.Second, stop) })
			}
			type window struct{ from, to time.Duration }
			var moves []window
			primary := a.waitPrimary(-1)
			for range handoffs {
				h.awaitAcks(a, 5*a.Nodes()) // it has settled, and everybody writes
				primary = (primary + 1) % a.Nodes()
				ctx, cancel := context.WithTimeout(a.ctx, patience)
				from := time.Since(h.began)
				a.must(fmt.Sprintf("Promote %d", primary), a.nodes[primary].Promote(ctx))
				cancel()
				moves = append(moves, window{from, time.Since(h.began)})
			}
			h.awaitAcks(a, 5*a.Nodes())
			close(stop)
			writers.Wait()

			a.must("replicate", a.WaitReplicated(a.ctx, primary, "app.db"))
			for i := range a.Nodes() {
				if _, err := h.check(h.rows(a, i), nothing); err != nil {
					t.Errorf("node %d: %v", i, err)
				}
			}
			for _, w := range h.writes {
				if w.Err != "" {
					t.Errorf("%s/%d at %v after %v: %v", w.Writer, w.Seq, h.began.Add(w.Ended).Format("05.000000"), w.Ended-w.Begun, w.Err)
				}
			}
			var pauses, took []time.Duration
			for _, m := range moves {
				pauses = append(pauses, h.longest(m.from, m.to))
				took = append(took, m.to-m.from)
			}
			t.Logf("FIGURE %s, %d handoffs, %d writes acknowledged, 0 lost; Promote took p50 %v, p95 %v; longest write pause p50 %v, p95 %v, max %v",
				journal, handoffs, len(h.writes), percentile(50, took), percentile(95, took),
				percentile(50, pauses), percentile(95, pauses), percentile(100, pauses))
		})
	}
}
