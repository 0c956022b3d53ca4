//go:build linux || darwin || freebsd

package shared

import (
	"fmt"
	"sync/atomic"
	"time"
)

// stallWatch notices that the heartbeat stands still. It adds up the time
// between this process's own turns, each counted with at most one cap: a
// watcher that was itself stopped, or a machine that slept, must not accuse
// the primary of it.
type stallWatch struct {
	bound time.Duration
	limit time.Duration

	seen   header
	last   time.Time
	quiet  time.Duration
	stalls *stalled
}

// stalled is the Problem of a primary that shows no sign of life. Its text
// follows the time while the stall lasts and keeps it afterwards.
type stalled struct {
	who   string
	quiet atomic.Int64
}

func (s *stalled) Error() string {
	d := time.Duration(s.quiet.Load()).Round(100 * time.Millisecond)
	return fmt.Sprintf("%s holds the lock but has not shown a sign of life for %.1f s: it is stopped or hung; restart it",
		s.who, d.Seconds())
}

// note takes what the lock file says at now (with a monotonic reading) and
// returns the same error for as long as one stall lasts, or nil.
func (w *stallWatch) note(now time.Time, h header, who string) error {
	if w.last.IsZero() || h != w.seen {
		w.seen, w.last, w.quiet, w.stalls = h, now, 0, nil
		return nil
	}
	w.quiet += min(now.Sub(w.last), w.limit)
	w.last = now
	if w.quiet < w.bound {
		return nil
	}
	if w.stalls == nil || w.stalls.who != who {
		w.stalls = &stalled{who: who}
	}
	w.stalls.quiet.Store(int64(w.quiet))
	return w.stalls
}

// reset forgets everything: nobody holds the lock.
func (w *stallWatch) reset() { w.last = time.Time{} }
