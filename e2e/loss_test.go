package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// A failover makes the one node primary that lacks what was acknowledged: node 0
// committed it, node 1's copy had it before its writers were told, and node 2,
// whose LiteFS was down, was told of it. It is gone everywhere, and each of them
// says so once; for certain, unless the new primary was further by then.
func TestCrashFailoverLoses(t *testing.T) {
	for name, after := range map[string]int{"behind": 1, "further": 40} {
		t.Run(name, func(t *testing.T) {
			eachSetupAtOnce(t, func(t *testing.T, driver, journal string) { failoverLoses(t, driver, journal, after) })
		})
	}
}

// failoverLoses loses 21 writes; the new primary has as many transactions as
// after says when the others hear of it.
func failoverLoses(t *testing.T, driver, journal string, after int) {
	opts := isolatable(3)
	opts.TTL = aLongTime // it ends when the test says so
	told := map[string]chan litefwd.HistoryChange{}
	a := startApp(t, driver, journal, opts, func(cfg *litefwd.Config) {
		cfg.Strict, cfg.AwaitTimeout, cfg.PrimaryWait = true, patience, patience
		mine := make(chan litefwd.HistoryChange, 10)
		told[cfg.Name] = mine
		cfg.OnHistoryChange = func(c litefwd.HistoryChange) { mine <- c }
	})
	a.mustExec(0, createW)
	h := &history{began: time.Now()}
	for i := range a.nodes {
		h.some(a, a.ctx, i, "", 5)
	}
	a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))

	a.must("Crash", a.Crash(2))
	h.some(a, a.ctx, 0, " lost", 10)
	h.some(a, a.ctx, 1, " lost", 10)
	h.some(a, litefwd.WithAwait(a.ctx, litefwd.AwaitNone), 2, " lost", 1)
	was, err := a.Pos(a.ctx, 0, "app.db")
	a.must("Pos", err)
	a.must("WaitPos", a.WaitPos(a.ctx, 1, "app.db", was))

	a.must("Isolate", a.Isolate(1)) // it must not win
	a.must("Crash", a.Crash(0))
	a.Consul().Expire(litefstest.LeaseKey)
	a.must("Restart", a.Restart(a.ctx, 2))
	a.waitPrimary(2)
	h.some(a, a.ctx, 2, " alone", after)
	is, err := a.Pos(a.ctx, 2, "app.db")
	a.must("Pos", err)
	letIn := time.Now()
	a.must("Rejoin", a.Rejoin(1))
	a.must("Restart", a.Restart(a.ctx, 0))
	// Node 2 knows since its own first write.
	certain := func(i int) bool { return i == 2 || is.TXID < was.TXID }
	for i := range a.nodes {
		select {
		case c := <-told[a.Hostname(i)]:
			if c.Database != "app.db" || c.Was.String() != was.String() || c.Certain != certain(i) ||
				i != 2 && c.Is.String() != is.String() {
				t.Errorf("node %d reports %+v; it was at %v, and is at %v", i, c, was, is)
			}
		case <-time.After(patience):
			t.Errorf("node %d does not report the loss", i)
		}
	}
	reported := time.Since(letIn)

	for i := range a.nodes {
		h.some(a, a.ctx, i, " again", 5)
	}
	a.must("replicate", a.WaitReplicated(a.ctx, 2, "app.db"))
	isLost := func(w write) bool { return strings.HasSuffix(w.Writer, " lost") }
	for i := range a.nodes {
		lost, err := h.check(h.rows(a, i), isLost)
		if err != nil || len(lost) != 21 {
			t.Errorf("node %d lacks %d writes: %v; %v", i, len(lost), lost, err)
		}
		s := a.nodes[i].Stats()
		if s.HistoryChanges != 1 || (s.CertainLosses == 1) != certain(i) || s.UnknownOutcomes != 0 || len(told[a.Hostname(i)]) > 0 {
			t.Errorf("node %d: %+v", i, s)
		}
		says := map[bool]string{true: "are", false: "may be"}[certain(i)]
		says = fmt.Sprintf("\"history changed: writes %s lost\" node=%s db=app.db was=%v is=", says, a.Hostname(i), was)
		if n := strings.Count(a.log.String(), says); n != 1 {
			t.Errorf("the log says %d times: %s", n, says)
		}
	}
	t.Logf("FIGURE 3 nodes, %s, %s: a node that lacked 21 acknowledged writes became primary and made %d; all 3 nodes reported the loss (as certain: %v), the last %v after the other two were let in; 21 of %d lost",
		journal, driver, after, certain(0), round(reported), len(h.writes))
}

// some makes writes through node i until n of them are acknowledged; the others
// must be refused.
func (h *history) some(a *app, ctx context.Context, i int, suffix string, n int) {
	a.t.Helper()
	writer := fmt.Sprint("node", i, suffix)
	for seq := 0; n > 0; seq++ {
		w := h.attempt(ctx, a.nodes[i], writer, seq, patience)
		h.add(w)
		switch w.Fate {
		case acked:
			n--
		case unknown:
			a.t.Fatalf("%s/%d: %v", writer, seq, w.Err)
		}
	}
}
