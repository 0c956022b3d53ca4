package demo

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// fate is what is known about the write of one line.
type fate uint8

const (
	unsettled     fate = iota
	acknowledged       // the application answered that it is written
	unknown            // no answer, or "outcome unknown"
	unknownFound       // unknown, and found in the database afterwards
	unknownResent      // unknown, not found, sent again and acknowledged
)

// ledger records the fate of every line, independently of the database. Its
// methods may be called from several goroutines.
type ledger struct {
	mu       sync.Mutex // guards the following
	fates    map[int]fate
	through  map[string]int // acknowledged writes by node
	notSent  int            // writes that were certainly not applied and were sent again
	lastSeen time.Time      // when the last write was acknowledged
	failover failoverTimes
}

// failoverTimes are what is measured around the kill.
type failoverTimes struct {
	victim     string
	killed     time.Time
	announcer  string
	announced  time.Time // a survivor says that it is primary
	firstVia   string
	firstAck   time.Time     // of a write that was sent to a survivor after the kill
	longestGap time.Duration // without any acknowledgement, in the first gapSpan
}

// gapSpan is how long after the kill a pause is blamed on it.
const gapSpan = time.Second

func newLedger() *ledger {
	return &ledger{fates: map[int]fate{}, through: map[string]int{}}
}

// acknowledge records that line n, sent to a node at the time sent, was
// acknowledged at the time now.
func (l *ledger) acknowledge(n int, via string, sent, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates[n] = acknowledged
	l.through[via]++
	f := &l.failover
	if !f.killed.IsZero() {
		if l.lastSeen.Sub(f.killed) < gapSpan {
			f.longestGap = max(f.longestGap, now.Sub(l.lastSeen))
		}
		if f.firstAck.IsZero() && via != f.victim && sent.After(f.killed) {
			f.firstAck, f.firstVia = now, via
		}
	}
	l.lastSeen = now
}

// doubt records that the outcome of writing line n is unknown.
func (l *ledger) doubt(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates[n] = unknown
}

// refused counts a write that was certainly not applied.
func (l *ledger) refused() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notSent++
}

// resolve records what became of a line in doubt.
func (l *ledger) resolve(n int, f fate, via string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates[n] = f
	if f == unknownResent {
		l.through[via]++
	}
}

// inDoubt returns the lines whose outcome is unknown, in order.
func (l *ledger) inDoubt() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var numbers []int
	for n, f := range l.fates {
		if f == unknown {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// kill records the moment at which the victim is about to be killed.
func (l *ledger) kill(victim string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failover = failoverTimes{victim: victim, killed: now}
}

// announce records that a node says that it is primary; the first survivor
// that does so after the kill counts.
func (l *ledger) announce(name string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &l.failover
	if !f.killed.IsZero() && f.announced.IsZero() && name != f.victim {
		f.announced, f.announcer = now, name
	}
}

// times returns what was measured around the kill; killed is zero if there
// was none.
func (l *ledger) times() failoverTimes {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failover
}

// counts returns the fates by line, the acknowledged writes by node, and how
// many writes were refused and sent again.
func (l *ledger) counts() (fates map[int]fate, through map[string]int, notSent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.fates), maps.Clone(l.through), l.notSent
}

// written returns how many writes through a node were acknowledged.
func (l *ledger) written(name string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.through[name]
}
