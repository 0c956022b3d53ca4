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

// The primary's LiteFS, its application, which is a process of its own, or both
// are killed (SIGKILL) under full-speed writers. The survivors write again as soon as LiteFS has another primary, and
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
	opts := consul(nodes)
	if what == "application" {
		opts.TTL = aLongTime // nobody waits for its end
	}
	a := startApp(t, driver, journal, opts, func(c *litefwd.Config) {
		c.Strict = true // an acknowledgement is one of the writer's own copy
		c.PrimaryWait = 10 * time.Second
	})
	a.mustExec(0, createW)
	a.must("close", a.nodes[0].Close())
	a.nodes[0] = nil
	h := &history{began: time.Now().Round(0)}
	victim := a.startProcess(h, 0, "node0")
	stop := make(chan struct{})
	var writers sync.WaitGroup
	survivors := []string{"node1", "node2"}[:nodes-1]
	for i, name := range survivors {
		writers.Go(func() { h.run(a, a.nodes[i+1], name, attemptTime, stop) })
	}
	h.awaitAcks(a, 20, "node0")
	h.awaitAcks(a, 20*nodes)
	lease, _ := a.Consul().Holder(litefstest.LeaseKey)

	killed := time.Since(h.began)
	if what != "LiteFS" {
		a.must("kill the application", victim.kill())
	}
	if what != "application" {
		a.must("kill LiteFS", a.Kill(0))
	}
	if what != "LiteFS" {
		<-victim.done
	}
	primary := 0
	if what == "application" {
		victim = a.startProcess(h, 0, "node0 again") // whoever supervises it does so
	} else {
		var err error
		primary, err = a.WaitPrimary(a.ctx, -1)
		a.must("another primary", err)
	}
	elected := time.Since(h.began)
	h.awaitAcks(a, 1, survivors...)
	first := time.Since(h.began)
	h.awaitAcks(a, 20, survivors...)
	switch what {
	case "application":
		h.awaitAcks(a, 5, "node0 again")
		if now, _ := a.Consul().Holder(litefstest.LeaseKey); now != lease {
			t.Error("LiteFS's lease has moved, and only the application was killed")
		}
	case "LiteFS":
		a.must("restart LiteFS", a.Restart(a.ctx, 0))
		h.awaitAcks(a, 5, "node0") // it heals without being started again
	}
	close(stop)
	writers.Wait()
	victim.stop()

	a.must("replicate", a.WaitReplicated(a.ctx, primary, "app.db"))
	var lost []write
	for i := 1; i < nodes; i++ {
		var err error
		lost, err = h.check(h.rows(a, i), func(w write) bool {
			// Acknowledged by the killed node, whose own copy is the primary's; or,
			// of three, by one whose copy was not the winner's.
			return what != "application" && w.Ended < elected &&
				(w.Writer == "node0" || nodes > 2 && w.Writer != survivors[primary-1])
		})
		if err != nil {
			t.Errorf("node %d: %v", i, err)
		}
	}
	unknowns := 0
	for _, w := range h.writes {
		if w.Fate == unknown {
			unknowns++
			if strings.Contains(w.Err, "unable to open database file") {
				t.Errorf("%s/%d certainly did not run, and was not tried again: %s", w.Writer, w.Seq, w.Err)
			}
		}
	}
	for _, w := range lost {
		if w.Writer == "node0" && what == "both" {
			continue // who was told is gone
		}
		a.eventually("a report of "+w.Writer, func() error {
			if !strings.Contains(a.log.String(), `lost" node=`+w.Writer+" ") {
				return fmt.Errorf("%s/%d is lost, and its node does not report it", w.Writer, w.Seq)
			}
			return nil
		})
	}
	then := fmt.Sprintf("another primary after %v, the survivors wrote %v later", round(elected-killed), round(first-elected))
	if what == "application" {
		then = fmt.Sprintf("LiteFS's lease stayed, the survivors wrote %v after the kill, through the one that was started again", round(first-killed))
	}
	t.Logf("FIGURE %d nodes, %s: %s of the primary killed; %s; %d writes, %d of unknown outcome, %d lost, %d reports",
		nodes, journal, what, then, len(h.writes), unknowns, len(lost), strings.Count(a.log.String(), "history changed: writes"))
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
