package litefwd

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/gate"
)

// slots bound the local reads of a node that run at a time and may take long, for
// slotTime each: the gate waits for all of those that run, and after each transaction
// that is applied all handles in use have to fill their page caches again.
type slots chan struct{}

var processors = max(2, runtime.GOMAXPROCS(0))

// longAtATime is how many. They are more than there are processors, which are then busy
// with the rest while the gate waits for the last one; and they have to hold their own
// against LiteFS.
var longAtATime = 4 * processors

func newSlots() slots { return make(slots, longAtATime) }

// slotTime is how long a read has its slot, and how long another waits for one: what
// takes longer is a long read, or waits for a disk, and others run beside it.
const slotTime = 30 * time.Millisecond

// enter waits for a slot; leave is to be called when the read has run.
func (s slots) enter(ctx context.Context, g *gate.Gate) (leave func()) {
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
