package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// Whoever is killed (SIGKILL) while local reads go on leaves no lock: what is
// committed reaches every copy that is there, nobody is kept out of one, and a
// LiteFS that is started again serves the process that it had.
func TestKillsLeaveNoLock(t *testing.T) {
	for _, victim := range []int{1, 0} {
		for _, what := range []string{"application", "LiteFS"} {
			t.Run(fmt.Sprintf("%s/%s", []string{"primary", "replica"}[victim], what), func(t *testing.T) {
				t.Parallel()
				someSetups(t, func(t *testing.T, driver, journal string) {
					t.Parallel()
					killReader(t, driver, journal, victim, what == "LiteFS")
				})
			})
		}
	}
}

// killReader kills the application of node victim again and again, or its LiteFS,
// while that application reads and writes. Node 2 is there all the time.
func killReader(t *testing.T, driver, journal string, victim int, killLiteFS bool) {
	opts := consul(3)
	if !killLiteFS || victim != 0 {
		opts.TTL = aLongTime // the role stays
	}
	a := startApp(t, driver, journal, opts, func(c *litefwd.Config) { c.PrimaryWait = patience })
	a.mustExec(0, createW)
	a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))
	a.must("close", a.nodes[victim].Close())
	a.nodes[victim] = nil
	h := &history{began: time.Now().Round(0)}
	if killLiteFS {
		p := a.startReadingProcess(h, victim, "victim", 4)
		h.awaitAcks(a, 10, "victim")
		a.must("kill LiteFS", a.Kill(victim))
		primary := a.waitPrimary(-1)
		wantFree(a, primary, victim)
		a.must("restart LiteFS", a.Restart(a.ctx, victim))
		h.awaitAcks(a, 5, "victim")
		p.stop()
		wantFree(a, primary, -1)
		return
	}
	for round := range 3 { // each at another moment of a read
		name := fmt.Sprint("victim", round)
		p := a.startReadingProcess(h, victim, name, 4)
		h.awaitAcks(a, 10, name)
		a.must("kill the application", p.kill())
		<-p.done
		wantFree(a, 0, -1)
	}
}

// wantFree checks that a commit reaches all copies but that of node gone, and that
// they are free then.
func wantFree(a *app, primary, gone int) {
	a.t.Helper()
	took := a.wantReplicated(primary, oldest)
	for i := range a.Nodes() {
		if i != gone {
			a.wantNothingHeld(i)
		}
	}
	a.t.Logf("replicated in %v", took)
}
