package litefwd

import (
	"sync/atomic"
	"time"
)

// Stats are counters of one database on one node, since it was opened.
type Stats struct {
	// LocalReads ran on this node's copy; ForwardedReads on the primary.
	LocalReads, ForwardedReads uint64
	// Writes and Transactions of this process went to the primary, wherever
	// it was.
	Writes, Transactions uint64
	// Misroutes were taken for reads, refused by the query_only connection
	// before anything ran, and run on the primary instead. Please report the
	// statement (it is logged at level Debug).
	Misroutes uint64
	// Behind counts the times when the local copy was late and reads went to
	// the primary until it had caught up.
	Behind uint64
	// ReadTransactions counts the read transactions on this node's copy, where the
	// engine's copies are replaced (LiteFS), and LeaseHits the reads that found one
	// open, see Config.ReadLease.
	ReadTransactions, LeaseHits uint64
	// LongReads counts the read transactions on this node's copy that were open for
	// more than 30 ms beyond Config.ReadLease, or for rows beyond Config.ReadBuffer;
	// while one is, nothing is replicated to this node. LongestRead is the longest time that one was.
	LongReads   uint64
	LongestRead time.Duration
	// GateClosures is how often local reads were made to wait so that the copy could
	// catch up, or the primary commit. GateWaits is how many reads waited, and
	// GateWaited how long all of them together.
	GateClosures, GateWaits uint64
	GateWaited              time.Duration
	// PrimaryRetries counts attempts that were made again because nothing had
	// run.
	PrimaryRetries uint64
	// HistoryChanges counts the losses that were reported (Config.OnHistoryChange);
	// CertainLosses those of them that were certain.
	HistoryChanges, CertainLosses uint64
	// UnknownOutcomes counts the writes whose error was ErrOutcomeUnknown.
	UnknownOutcomes uint64
}

type stats struct {
	localReads, forwardedReads, writes, transactions atomic.Uint64
	readTxs, leaseHits, longReads                    atomic.Uint64
	longestRead                                      atomic.Int64
	misroutes, behind, primaryRetries, unknown       atomic.Uint64
	historyChanges, certainLosses                    atomic.Uint64
}

func (db *database) snapshotStats() Stats {
	s, g := &db.stats, db.gate.Stats()
	return Stats{
		LocalReads:       s.localReads.Load(),
		ForwardedReads:   s.forwardedReads.Load(),
		Writes:           s.writes.Load(),
		Transactions:     s.transactions.Load(),
		Misroutes:        s.misroutes.Load(),
		Behind:           s.behind.Load(),
		ReadTransactions: s.readTxs.Load(),
		LeaseHits:        s.leaseHits.Load(),
		LongReads:        s.longReads.Load(),
		LongestRead:      time.Duration(s.longestRead.Load()),
		GateClosures:     g.Closures,
		GateWaits:        g.Waits,
		GateWaited:       g.Waited,
		PrimaryRetries:   s.primaryRetries.Load(),
		HistoryChanges:   s.historyChanges.Load(),
		CertainLosses:    s.certainLosses.Load(),
		UnknownOutcomes:  s.unknown.Load(),
	}
}
