package litefwd

import (
	"context"
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
	if open < longRead+db.core.cfg.ReadLease {
		return
	}
	s.longReads.Add(1)
	db.classifier.Forget(t.text) // it may have been taken for a short one
	if db.saidLong.CompareAndSwap(false, true) {
		db.core.log.Warn("a local read took long; while one runs, nothing is replicated to this node (said once; see Stats)",
			"db", db.name, "took", open.Round(time.Millisecond), "sql", t.text)
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

func readTooLong(limit time.Duration) error {
	return fault.New(fault.ReadTooLong, "it has held up replication to this node for %v, which is the limit (MaxLocalRead)", limit)
}
