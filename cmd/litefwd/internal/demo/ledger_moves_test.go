package demo

import (
	"strings"
	"testing"
	"time"
)

// node-1 is killed, node-2 gets the lease, node-3 is the other survivor.
func TestLedgerWritesOff(t *testing.T) {
	t.Parallel()
	const before, between, after = 0, 30, 90 // the kill at 20, the return at 80
	for _, c := range []struct {
		name   string
		via    string
		sent   int
		copies string // the survivors that had the line
		want   fate
	}{
		{"by the killed node, on all copies", "node-1", before, "node-2 node-3", acknowledged},
		{"by the killed node, on the winner's", "node-1", before, "node-2", acknowledged},
		{"by the killed node, on none", "node-1", before, "", unreplicated},
		{"by the killed node, on the loser's", "node-1", before, "node-3", outvoted},
		{"by the killed node, in its second life", "node-1", after, "", acknowledged},
		{"by the winner, which had it", "node-2", before, "node-2", acknowledged},
		{"by the winner, which had it not: it must", "node-2", before, "", acknowledged},
		{"by the winner, which had it not, but the loser had", "node-2", before, "node-3", acknowledged},
		{"by the winner, as primary", "node-2", between, "", acknowledged},
		{"by the loser, which had it", "node-3", before, "node-3", outvoted},
		{"by the loser, which had it not: it must", "node-3", before, "", acknowledged},
		{"by the loser, from the next primary", "node-3", between, "", acknowledged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
			l := newLedger()
			l.kill("node-1", at(20))
			l.acknowledge(7, c.via, at(c.sent), at(c.sent+1))
			copies := map[string]map[int]bool{}
			for _, name := range []string{"node-2", "node-3"} {
				copies[name] = map[int]bool{7: strings.Contains(c.copies, name)}
			}
			l.survive(copies)
			l.announce("node-2", at(25))
			l.comeBack(at(80))
			l.writeOff()
			if fates, _, _ := l.counts(); fates[7] != c.want {
				t.Errorf("fate %d, want %d", fates[7], c.want)
			}
			wantVictim := 0
			if c.via == "node-1" && c.sent == before {
				wantVictim = 1
			}
			if got := l.byVictim(); got != wantVictim {
				t.Errorf("%d by the victim, want %d", got, wantVictim)
			}
		})
	}
}

// With one copy for all, or before a kill, nothing may be missing.
func TestLedgerWritesNothingOff(t *testing.T) {
	t.Parallel()
	l, now := newLedger(), time.Now()
	l.acknowledge(1, "node-1", now, now)
	l.writeOff()
	l.kill("node-1", now.Add(time.Second))
	l.writeOff()
	if fates, _, _ := l.counts(); fates[1] != acknowledged {
		t.Errorf("fate %d", fates[1])
	}
	var r result
	if r.tallyFates(l); r.Gone != nil || r.Handoff != nil {
		t.Errorf("result %+v", r)
	}
}

func TestLedgerMeasuresTheHandoff(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	l := newLedger()
	l.acknowledge(1, "node-1", at(0), at(1))
	l.acknowledge(2, "node-1", at(0), at(100)) // a long pause, before
	l.askHandoff("node-1", "node-2", at(105))
	l.acknowledge(3, "node-1", at(104), at(110))
	l.endHandoff(at(150))
	if l.wroteSinceHandoff() {
		t.Error("a write before the end counts as one after it")
	}
	l.acknowledge(4, "node-3", at(120), at(160)) // ends a pause that began before
	l.acknowledge(5, "node-3", at(160), at(300)) // a longer one, afterwards
	if !l.wroteSinceHandoff() || len(l.acknowledgedLines()) != 5 {
		t.Errorf("acknowledged: %v", l.acknowledgedLines())
	}
	l.checkHandoff(5, 0)
	var r result
	r.tallyFates(l)
	if want := (handoff{From: "node-1", To: "node-2", Took: 45, LongestGap: 50, Checked: 5}); r.Handoff == nil || *r.Handoff != want {
		t.Errorf("handoff %+v, want %+v", r.Handoff, want)
	}
}
