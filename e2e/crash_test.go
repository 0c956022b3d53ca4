package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// The primary's LiteFS, its application, or both are killed under full-speed
// writers. The survivors write again as soon as LiteFS has another primary, and
// what is lost is only what LiteFS's asynchronous replication may lose.
func TestCrashFailover(t *testing.T) {
	for _, nodes := range []int{2, 3} {
		for _, what := range []string{"LiteFS", "application", "both"} {
			for journal, driver := range map[string]string{"WAL": "sqlite", "DELETE": "sqlite3"} {
				t.Run(fmt.Sprintf("%d/%s/%s", nodes, what, journal), func(t *testing.T) {
					crashFailover(t, nodes, what, journal, driver)
				})
			}
		}
	}
}

func crashFailover(t *testing.T, nodes int, what, journal, driver string) {
	a := startApp(t, driver, journal, litefstest.Options{
		Nodes: nodes, Lease: litefstest.Consul, TTL: 2 * time.Second, LockDelay: 200 * time.Millisecond,
	}, func(c *litefwd.Config) {
		c.Strict = true // an acknowledgement is one of the writer's own copy
		c.PrimaryWait = 10 * time.Second
	})
	a.mustExec(0, createW)
	h := &history{began: time.Now()}
	var writers sync.WaitGroup
	stops := map[string]chan struct{}{}
	start := func(i int, name string) {
		stop, node := make(chan struct{}), a.nodes[i]
		stops[name] = stop
		writers.Go(func() { h.run(a, node, name, 10*time.Second, stop) })
	}
	var survivors []string
	for i := range nodes {
		name := fmt.Sprint("node", i)
		start(i, name)
		if i > 0 {
			survivors = append(survivors, name)
		}
	}
	h.awaitAcks(a, 20*nodes)

	killed := time.Since(h.began)
	if what != "application" {
		a.must("kill", a.Kill(0))
	}
	if what != "LiteFS" {
		close(stops["node0"])
		delete(stops, "node0")
		a.must("close", a.nodes[0].Close()) // which hands nothing over
		a.nodes[0] = nil
	}
	primary := 0
	if what == "application" {
		a.openNode(0) // whoever supervises it starts it again
		start(0, "node0 again")
	} else {
		var err error
		primary, err = a.WaitPrimary(a.ctx, -1)
		a.must("another primary", err)
	}
	elected := time.Since(h.began)
	h.awaitAcks(a, 1, survivors...)
	first := time.Since(h.began)
	h.awaitAcks(a, 20, survivors...)
	if what == "LiteFS" {
		a.must("restart LiteFS", a.Restart(a.ctx, 0))
		h.awaitAcks(a, 5, "node0") // it heals without being opened again
	}
	for _, stop := range stops {
		close(stop)
	}
	writers.Wait()

	lost, err := h.check(h.rows(a, primary), func(w write) bool {
		// Acknowledged by the killed node, whose own copy is the primary's; or,
		// of three, by one whose copy was not the winner's.
		return what != "application" && w.ended < elected &&
			(w.writer == "node0" || nodes > 2 && w.writer != fmt.Sprint("node", primary))
	})
	if err != nil {
		t.Error(err)
	}
	reported := strings.Count(a.log.String(), "history changed")
	for _, w := range lost {
		if w.writer != "node0" && reported == 0 {
			t.Errorf("%s/%d is lost, and nobody reported it", w.writer, w.seq)
		}
	}
	t.Logf("FIGURE %d nodes, %s: %s of the primary killed; another primary after %v, the survivors wrote %v later; %d writes, %d lost, %d reports",
		nodes, journal, what, (elected - killed).Round(time.Millisecond), (first - elected).Round(time.Millisecond), len(h.writes), len(lost), reported)
}
