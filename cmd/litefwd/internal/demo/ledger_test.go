package demo

import (
	"slices"
	"testing"
	"time"
)

func TestLedgerMeasuresTheTakeover(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	l := newLedger()
	l.announce("node-1", at(0)) // before the kill: does not count
	l.acknowledge(1, "node-1", at(0), at(10))
	l.kill("node-1", at(20))
	l.acknowledge(2, "node-2", at(19), at(21)) // sent before the kill
	l.acknowledge(3, "node-1", at(21), at(22)) // through the victim
	l.announce("node-1", at(23))               // the victim's last words
	l.announce("node-3", at(26))
	l.acknowledge(4, "node-2", at(24), at(30))
	l.acknowledge(5, "node-3", at(24), at(31))
	l.announce("node-2", at(40))
	for ms := 40; ms <= 1040; ms += 10 {
		l.acknowledge(6, "node-2", at(ms), at(ms))
	}
	l.acknowledge(7, "node-2", at(2000), at(2000)) // a long pause, long after

	got := l.times()
	if d := got.announced.Sub(got.killed); d != 6*time.Millisecond || got.announcer != "node-3" {
		t.Errorf("announced by %s after %v", got.announcer, d)
	}
	if d := got.firstAck.Sub(got.killed); d != 10*time.Millisecond || got.firstVia != "node-2" {
		t.Errorf("first write through %s after %v", got.firstVia, d)
	}
	if want := 11 * time.Millisecond; got.pause.longest != want { // from 10 to 21
		t.Errorf("longest gap %v, want %v", got.pause.longest, want)
	}
}

func TestLedgerCounts(t *testing.T) {
	t.Parallel()
	l, now := newLedger(), time.Now()
	l.acknowledge(1, "node-1", now, now)
	for _, n := range []int{4, 2, 3} {
		l.doubt(n)
	}
	l.refused()
	if got := l.inDoubt(); !slices.Equal(got, []int{2, 3, 4}) {
		t.Errorf("in doubt: %v", got)
	}
	l.resolve(2, unknownFound, "")
	l.resolve(3, unknownResent, "node-2")

	var r result
	r.tallyFates(l)
	if want := (doubts{Total: 3, Found: 1, Resent: 1}); r.Unknown != want {
		t.Errorf("unknown %+v, want %+v", r.Unknown, want)
	}
	if r.Acknowledged != 2 || r.Refused != 1 || r.Takeover != nil {
		t.Errorf("result %+v", r)
	}
}
