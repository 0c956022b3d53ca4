package demo

import "time"

// askHandoff records the moment at which a node is asked to become primary.
func (l *ledger) askHandoff(from, to string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moved = handoffTimes{from: from, to: to, asked: now, pause: pause{from: now}}
}

// endHandoff records that it is.
func (l *ledger) endHandoff(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moved.ended, l.moved.pause.until = now, now
}

// wroteSinceHandoff reports whether a write was acknowledged after its end.
func (l *ledger) wroteSinceHandoff() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lastSeen.After(l.moved.ended)
}

// checkHandoff records how many acknowledged lines were looked for on the new
// primary, and how many of them are not there.
func (l *ledger) checkHandoff(checked, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moved.checked, l.moved.lost = checked, lost
}

// handedOff returns what was measured; asked is zero if there was no handoff.
func (l *ledger) handedOff() handoffTimes {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.moved
}

// survive records which lines the survivors' copies have when the primary is
// dead and none of them is primary yet.
func (l *ledger) survive(copies map[string]map[int]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failover.copies = copies
}

// comeBack records that the victim is about to be started again: what it
// acknowledges from now on is the new primary's.
func (l *ledger) comeBack(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failover.returned = now
}

// writeOff gives lines that were acknowledged and need not be there their fate.
// Replication does not wait for anybody, and the election does not ask who has
// most; so of what the next primary's copy lacked,
//
//	acknowledged by the killed node, on no survivor's copy   | unreplicated
//	on another survivor's copy                               | outvoted
//	acknowledged by the next primary, which had it therefore | must be there
//	acknowledged by another survivor that does not have it   | must be there:
//	                                                         | the next primary wrote it
//
// and what its copy had must be there.
func (l *ledger) writeOff() {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.failover
	if f.copies == nil {
		return
	}
	for n, a := range l.acks {
		if l.fates[n] != acknowledged || f.copies[f.announcer][n] || a.via == f.announcer {
			continue
		}
		switch {
		case f.hasCopy(n):
			l.fates[n] = outvoted
		case l.beforeKill(a):
			l.fates[n] = unreplicated
		}
	}
}

// hasCopy reports whether a survivor had line n.
func (f *failoverTimes) hasCopy(n int) bool {
	for _, there := range f.copies {
		if there[n] {
			return true
		}
	}
	return false
}

// beforeKill reports whether the victim acknowledged a line in its first life.
func (l *ledger) beforeKill(a ack) bool {
	f := l.failover
	return a.via == f.victim && (f.returned.IsZero() || a.sent.Before(f.returned))
}

// byVictim counts the lines that the victim acknowledged before it was killed.
func (l *ledger) byVictim() (count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acks {
		if l.beforeKill(a) {
			count++
		}
	}
	return count
}
