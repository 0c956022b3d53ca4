// Package gate decides when local reads may run.
//
// On LiteFS an open read keeps the node from applying what the primary sends,
// and from changing its role: it waits for every lock of every database. So
// reads go through a gate, one for all databases of a node. It can be shut:
// then new reads wait, and those that run get some time before they are ended.
package gate

import (
	"context"
	"sync"
	"time"
)

// Gate is open at first. Its methods may be called from several goroutines.
type Gate struct {
	// mu guards the following.
	mu      sync.Mutex
	shut    int           // how many have shut it
	opened  chan struct{} // closed when shut falls to 0; nil while it is 0
	readers map[*Reader]struct{}
	empty   chan struct{} // closed when the last reader leaves; nil if nobody waits
}

// Reader is one open read.
type Reader struct {
	g   *Gate
	end func()
}

// Enter admits a read, once the gate is open; its error is ctx's. The caller
// calls Leave when the read is over. end is called, on a goroutine of the
// gate's, when the read must end before that: it interrupts it, sees to it that
// its locks are given up, and that Leave is called.
func (g *Gate) Enter(ctx context.Context, end func()) (*Reader, error) {
	r := &Reader{g: g, end: end}
	for {
		opened := g.tryEnter(r)
		if opened == nil {
			return r, nil
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tryEnter admits r, or returns what to wait for.
func (g *Gate) tryEnter(r *Reader) (opened <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut > 0 {
		return g.opened
	}
	if g.readers == nil {
		g.readers = map[*Reader]struct{}{}
	}
	g.readers[r] = struct{}{}
	return nil
}

// Leave says that the read is over. It may be called again.
func (r *Reader) Leave() {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	delete(r.g.readers, r)
	if len(r.g.readers) == 0 && r.g.empty != nil {
		close(r.g.empty)
		r.g.empty = nil
	}
}

// Shut makes new reads wait until open is called, which may be done again. It
// returns when no read is open any more: those that are get grace, and are
// ended then. If ctx ends first its error is returned, while they are still being
// ended; the gate is shut all the same, until open is called.
func (g *Gate) Shut(ctx context.Context, grace time.Duration) (open func(), err error) {
	g.mu.Lock()
	if g.shut++; g.shut == 1 {
		g.opened = make(chan struct{})
	}
	g.mu.Unlock()
	open = sync.OnceFunc(g.open)

	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		empty := g.emptied()
		select {
		case <-empty:
			return open, nil
		case <-ctx.Done():
			return open, ctx.Err()
		case <-timer.C:
			go g.endAll() // ends when they have, which the next round waits for, or ctx does not
		}
	}
}

func (g *Gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut--; g.shut == 0 {
		close(g.opened)
		g.opened = nil
	}
}

// emptied returns a channel that is closed once no read is open.
func (g *Gate) emptied() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.readers) == 0 {
		none := make(chan struct{})
		close(none)
		return none
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	return g.empty
}

// endAll ends the reads that are open, side by side, because ending one may
// wait for the driver.
func (g *Gate) endAll() {
	g.mu.Lock()
	all := make([]*Reader, 0, len(g.readers))
	for r := range g.readers {
		all = append(all, r)
	}
	g.mu.Unlock()
	var ending sync.WaitGroup
	for _, r := range all {
		ending.Go(r.end)
	}
	ending.Wait()
}
