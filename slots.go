package litefwd

import (
	"context"
	"runtime"
	"time"

	"github.com/litefwd/litefwd/internal/sqlclass"
)

// slots bound the local reads of a node that run at a time and may take long. More of
// them than there are processors are no faster together, but each takes longer, so
// that the gate waits longer for them; and after each transaction that is applied all
// handles in use have to fill their page caches again.
type slots chan struct{}

func newSlots() slots { return make(slots, max(2, runtime.GOMAXPROCS(0))) }

// slotWait is how long a read waits for a slot. Those that have one are long reads
// then, or wait for a disk, and it runs beside them.
const slotWait = 30 * time.Millisecond

// enter waits for a slot, if the text may take long; leave is to be called when it has
// run.
func (s slots) enter(ctx context.Context, stmts []sqlclass.Statement) (leave func()) {
	if !some(stmts, mayTakeLong) {
		return func() {}
	}
	select {
	case s <- struct{}{}:
		return s.leave
	default:
	}
	timer := time.NewTimer(slotWait)
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return s.leave
	case <-timer.C:
	case <-ctx.Done():
	}
	return func() {}
}

func (s slots) leave() { <-s }
