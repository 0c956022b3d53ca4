package litefwd

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/gate"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// slots bound the local reads of a node that run at a time and may take long. More of
// them than there are processors are no faster together, but each takes longer, so
// that the gate waits longer for them; and after each transaction that is applied all
// handles in use have to fill their page caches again.
type slots chan struct{}

// atATime is how many.
var atATime = max(2, runtime.GOMAXPROCS(0))

func newSlots() slots { return make(slots, atATime) }

// slotTime is how long a read has its slot, and how long another waits for one: what
// takes longer is a long read, or waits for a disk, and others run beside it.
const slotTime = 30 * time.Millisecond

// enter waits for a slot, if the text may take long; leave is to be called when it has
// run.
func (s slots) enter(ctx context.Context, g *gate.Gate, stmts []sqlclass.Statement) (leave func()) {
	if !some(stmts, mayTakeLong) {
		return func() {}
	}
	if g.Pass(ctx) != nil { // not with a slot in hand
		return func() {} // who reads finds out
	}
	select {
	case s <- struct{}{}:
		return s.hold()
	default:
	}
	timer := time.NewTimer(slotTime)
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return s.hold()
	case <-timer.C:
	case <-ctx.Done():
	}
	return func() {}
}

// hold returns what gives the slot back, which time does as well.
func (s slots) hold() (leave func()) {
	free := sync.OnceFunc(func() { <-s })
	timer := time.AfterFunc(slotTime, free)
	return func() {
		timer.Stop()
		free()
	}
}
