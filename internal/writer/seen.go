package writer

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// seen returns a position of the database that is not older than what has been
// read on c, whose read is open still; zero where the engine needs none.
//
// A commit shows before the engine has its position: in WAL mode at once, in
// rollback mode when COMMIT gives up its lock. So a commit that is under way is
// waited for, except where it waits for this read. Transactions of other
// programs, which the writer knows nothing of, may be missing.
func (w *Writer) seen(ctx context.Context, c *conn) engine.Position {
	if w.replicated == nil {
		return engine.Position{}
	}
	if w.commit.running() {
		w.commit.await(ctx, isWAL(ctx, c))
	}
	pos, _ := w.opts.Database.Watch()
	return pos
}

func isWAL(ctx context.Context, c *conn) bool {
	row, err := c.db.QueryRow(ctx, "PRAGMA journal_mode")
	if err != nil || len(row) == 0 {
		return true // it costs time, and is right
	}
	switch mode := row[0].(type) {
	case string:
		return strings.EqualFold(mode, "wal")
	case []byte:
		return strings.EqualFold(string(mode), "wal")
	}
	return true
}

// commitPhase is how far the commit is that is under way; there is one at a time.
type commitPhase struct {
	mu      sync.Mutex // guards the following
	phase   phase
	count   uint64        // of the commits that are over
	changed chan struct{} // closed by the next change; nil if nobody waits
}

type phase uint8

const (
	noCommit   phase = iota
	committing       // SQLite's COMMIT runs
	confirming       // it has returned, and the engine is asked
)

func (p *commitPhase) set(to phase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = to
	if to == noCommit {
		p.count++
	}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

func (p *commitPhase) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.phase != noCommit
}

// returning is how long COMMIT may take to return after it has given up its lock.
const returning = 2 * time.Millisecond

// await waits until the commit that runs now is over, or ctx ends. In rollback
// mode COMMIT itself, if it does not return at once, waits for the reader that
// calls this.
func (p *commitPhase) await(ctx context.Context, wal bool) {
	var bound <-chan time.Time
	p.mu.Lock()
	defer p.mu.Unlock()
	for mine := p.count; p.phase != noCommit && p.count == mine; {
		if p.phase == committing && !wal {
			if bound == nil {
				timer := time.NewTimer(returning)
				defer timer.Stop()
				bound = timer.C
			}
		} else {
			bound = nil
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		over := false
		select {
		case <-changed:
		case <-bound:
			over = true
		case <-ctx.Done():
			over = true
		}
		p.mu.Lock()
		if over {
			return
		}
	}
}
