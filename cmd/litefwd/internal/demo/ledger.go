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
	unreplicated       // acknowledged by the killed node, and on no survivor's copy
	outvoted           // acknowledged, on a survivor's copy, and not on the next primary's
)

// mustBeThere reports whether a line is lost if it is not in the database.
func (f fate) mustBeThere() bool {
	return f == acknowledged || f == unknownFound || f == unknownResent
}

// ledger records the fate of every line, independently of the database. Its
// methods may be called from several goroutines.
type ledger struct {
	mu       sync.Mutex // guards the following
	fates    map[int]fate
	acks     map[int]ack    // how each line was acknowledged
	through  map[string]int // acknowledged writes by node
	notSent  int            // writes that were certainly not applied and were sent again
	lastSeen time.Time      // when the last write was acknowledged
	moved    handoffTimes
	failover failoverTimes
}

// ack is the acknowledgement of one line.
type ack struct {
	via  string
	sent time.Time // the write
}

// failoverTimes are what is measured around the kill.
type failoverTimes struct {
	victim    string
	killed    time.Time
	announcer string
	announced time.Time // a survivor says that it is primary
	firstVia  string
	firstAck  time.Time // of a write that was sent to a survivor after the kill
	pause     pause     // in the first gapSpan
	returned  time.Time // the victim is about to be started again
	// copies are the lines that the survivors' copies had before one of them
	// was primary; nil if there is one copy for all.
	copies map[string]map[int]bool
}

// handoffTimes are what is measured around a handoff.
type handoffTimes struct {
	from, to      string
	asked, ended  time.Time
	pause         pause
	checked, lost int // acknowledged lines that were looked for, and not found
}

// gapSpan is how long after the kill a pause is blamed on it.
const gapSpan = time.Second

// pause is the longest time without any acknowledgement that ended after from
// and began before until, if that is set.
type pause struct {
	from, until time.Time
	longest     time.Duration
}

// note takes in that nothing was acknowledged between last and now.
func (p *pause) note(last, now time.Time) {
	if p.from.IsZero() || now.Before(p.from) || !p.until.IsZero() && !last.Before(p.until) {
		return
	}
	p.longest = max(p.longest, now.Sub(last))
}

func newLedger() *ledger {
	return &ledger{fates: map[int]fate{}, acks: map[int]ack{}, through: map[string]int{}}
}

// acknowledge records that line n, sent to a node at the time sent, was
// acknowledged at the time now.
func (l *ledger) acknowledge(n int, via string, sent, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fates[n] = acknowledged
	l.acks[n] = ack{via, sent}
	l.through[via]++
	f := &l.failover
	l.moved.pause.note(l.lastSeen, now)
	f.pause.note(l.lastSeen, now)
	if !f.killed.IsZero() && f.firstAck.IsZero() && via != f.victim && sent.After(f.killed) {
		f.firstAck, f.firstVia = now, via
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
	l.failover = failoverTimes{victim: victim, killed: now, pause: pause{from: now, until: now.Add(gapSpan)}}
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

// acknowledgedLines returns the lines that were acknowledged so far.
func (l *ledger) acknowledgedLines() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.acks))
}

// count returns how many lines have a fate.
func (l *ledger) count(f fate) (count int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, other := range l.fates {
		if other == f {
			count++
		}
	}
	return count
}
