package litefwd

import (
	"context"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/gate"
)

// newPacer makes what lets this node's copy catch up with the primary while there
// are reads.
func newPacer(db *database) *gate.Pacer {
	p := gate.NewPacer(&db.gate)
	p.Behind = db.isBehind
	p.CatchUp = db.catchUpNow
	p.Blind = db.isBlind
	return p
}

// isBehind reports whether the copy lacks what the primary is known to have.
func (db *database) isBehind() bool {
	a, known := db.primaryAt()
	return known && !db.reached(a)
}

// catchUpNow waits until the copy has what the primary is known to have now.
func (db *database) catchUpNow(ctx context.Context) bool {
	a, known := db.primaryAt()
	if !known {
		return true
	}
	db.tracker.Wait(ctx, a.pos, a.term) //nolint:errcheck // if it is lost, it is not coming
	return db.reached(a)
}

// isBlind reports whether nobody tells how far the primary is: it is not known,
// or its node does not run, while LiteFS itself may have something to apply.
func (db *database) isBlind() bool {
	_, known := db.primaryAt()
	return !known && !db.isPrimary()
}

// pace is called for each read transaction that begins.
func (db *database) pace() {
	if db.isBlind() {
		db.pacer.Kick()
	}
}

// awaitHere is the tracker's Wait, for the sake of which reads get less of the time.
func (db *database) awaitHere(ctx context.Context, a acked) error {
	if db.pacer != nil {
		db.pacer.Hurry()
	}
	return db.tracker.Wait(ctx, a.pos, a.term)
}

// giveWay is called before a read. Nothing makes those wait who read without a pause, and
// Go lets each run for ten milliseconds; modernc.org/sqlite's long reads keep others
// waiting for all of them. Among the others are those who hear how far the primary is,
// and who shut the gate.
func (c *conn) giveWay(long bool) {
	if c.reads++; long || c.reads%yieldEvery == 0 {
		c.db.lookForNews()
		runtime.Gosched()
	}
}

// yieldEvery is after how many short reads.
const yieldEvery = 16

// longRead is what a local read may take without being counted as a long one:
// others have to wait for it while the copy catches up.
const longRead = 30 * time.Millisecond

// countRead is called with a read transaction that is over.
func (db *database) countRead(t *readTx) {
	open := time.Since(t.began)
	s := &db.stats
	s.readTxs.Add(1)
	s.leaseHits.Add(t.hits)
	for {
		longest := s.longestRead.Load()
		if int64(open) <= longest || s.longestRead.CompareAndSwap(longest, int64(open)) {
			break
		}
	}
	if open >= longRead+db.core.cfg.ReadLease {
		t.countLongLocked()
	}
}

// countLongLocked counts a long read, once, and logs the first one.
func (t *readTx) countLongLocked() {
	if t.counted {
		return
	}
	t.counted = true
	db := t.db
	db.stats.longReads.Add(1)
	db.classifier.Forget(t.text) // it may have been taken for a short one
	if db.saidLong.CompareAndSwap(false, true) {
		db.core.log.Warn("a local read takes long; while one runs, nothing is replicated to this node (said once; see Stats)",
			"db", db.name, "after", time.Since(t.began).Round(time.Millisecond), "sql", t.text)
	}
}

// readLimit is how long a local read may take; 0 is for ever.
func (db *database) readLimit() time.Duration {
	cfg := &db.core.cfg
	if cfg.LongReadsOnPrimary && db.isPrimary() {
		return 0
	}
	return cfg.MaxLocalRead
}

// readLimit ends a read that takes too long; nil is none. Its reads come one after
// the other, in a lease many.
type readLimit struct {
	after time.Duration
	timer *time.Timer
	due   atomic.Int64 // since started
}

const never = math.MaxInt64

func newReadLimit(t *readTx, after time.Duration) *readLimit {
	l := &readLimit{after: after}
	l.due.Store(int64(time.Since(started) + after))
	l.timer = time.AfterFunc(after, func() {
		if time.Since(started) >= time.Duration(l.due.Load()) { // else another read has begun
			t.endFor(readTooLong(after))
		}
	})
	return l
}

// begin is called when a read begins, and rest when none runs.
func (l *readLimit) begin() {
	if l != nil {
		l.due.Store(int64(time.Since(started) + l.after))
		l.timer.Reset(l.after)
	}
}

func (l *readLimit) rest() {
	if l != nil {
		l.due.Store(never)
	}
}

func (l *readLimit) stop() {
	if l != nil {
		l.rest()
		l.timer.Stop()
	}
}

func readTooLong(limit time.Duration) error {
	return fault.New(fault.ReadTooLong, "it has held up replication to this node for %v, which is the limit (MaxLocalRead)", limit)
}
