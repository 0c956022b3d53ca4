package writer

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// Stats are a Writer's counters since it was opened.
type Stats struct {
	// Executed counts autocommit texts that ran, failed ones included.
	Executed uint64
	// Groups counts transactions that autocommit statements may share, and
	// Grouped the statements that did.
	Groups, Grouped uint64
	// Transactions counts interactive transactions that began.
	Transactions uint64
	// Expired counts transactions and row streams that a limit ended.
	Expired uint64
	// Busy counts callers that waited in vain for the slot.
	Busy uint64
	// Queue is how many wait for the slot now.
	Queue int
	// MaxWait is the longest wait for the slot.
	MaxWait time.Duration
	// Open is how many transactions and row streams are open now.
	Open int
}

type counts struct {
	executed, groups, grouped, transactions, expired atomic.Uint64
}

// Stats returns the counters.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	open := len(w.open)
	w.mu.Unlock()
	q := &w.slot
	q.mu.Lock()
	defer q.mu.Unlock()
	return Stats{
		Executed:     w.counts.executed.Load(),
		Groups:       w.counts.groups.Load(),
		Grouped:      w.counts.grouped.Load(),
		Transactions: w.counts.transactions.Load(),
		Expired:      w.counts.expired.Load(),
		Busy:         q.busy,
		Queue:        q.jobs.length + q.alone.length,
		MaxWait:      q.maxWait,
		Open:         open,
	}
}

// textSet remembers texts that turned out to write, so that the next time they
// are not tried on a read connection first. It is only a guess: the
// classification on the connection that runs a text decides.
type textSet struct {
	// mu guards the following.
	mu   sync.Mutex
	seen map[string]struct{}
}

const textSetSize = 256

func (s *textSet) add(sql string) {
	if len(sql) > sqldriver.MaxKeptSQL {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil || len(s.seen) >= textSetSize {
		s.seen = map[string]struct{}{}
	}
	s.seen[sql] = struct{}{}
}

func (s *textSet) has(sql string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.seen[sql]
	return ok
}
