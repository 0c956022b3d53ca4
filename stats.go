package litefwd

import "sync/atomic"

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
	// LongReads counts the local reads whose rows exceeded Config.ReadBuffer, so
	// that they held up replication until they were closed.
	LongReads uint64
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
	longReads                                        atomic.Uint64
	misroutes, behind, primaryRetries, unknown       atomic.Uint64
	historyChanges, certainLosses                    atomic.Uint64
}

func (s *stats) snapshot() Stats {
	return Stats{
		LocalReads:      s.localReads.Load(),
		ForwardedReads:  s.forwardedReads.Load(),
		Writes:          s.writes.Load(),
		Transactions:    s.transactions.Load(),
		Misroutes:       s.misroutes.Load(),
		Behind:          s.behind.Load(),
		LongReads:       s.longReads.Load(),
		PrimaryRetries:  s.primaryRetries.Load(),
		HistoryChanges:  s.historyChanges.Load(),
		CertainLosses:   s.certainLosses.Load(),
		UnknownOutcomes: s.unknown.Load(),
	}
}
