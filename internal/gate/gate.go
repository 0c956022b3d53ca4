// Package gate decides when local reads may run.
//
// On LiteFS an open read keeps the node from applying what the primary sends,
// and from changing its role: it waits for every lock of the database. So reads
// go through gates. One can be shut: then new reads wait, and those that run
// give their locks up as soon as they can. A [Pacer] shuts one for moments, so
// that a replica catches up.
package gate

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Gate is open at first. Its methods may be called from several goroutines.
type Gate struct {
	closed atomic.Bool // shut > 0, for those who only look

	// mu guards the following.
	mu      sync.Mutex
	shut    int           // how many have shut it
	opened  chan struct{} // closed when shut falls to 0; nil while it is 0
	readers map[*Reader]struct{}
	empty   chan struct{} // closed when the last reader leaves; nil if nobody waits
	stats   Stats

	asking sync.WaitGroup // the goroutines in Holder's methods
}

// Stats are what a gate has counted.
type Stats struct {
	// Closures is how often it was shut.
	Closures uint64
	// Waits is how many reads found it shut, Waited how long all of them
	// together waited for it.
	Waits  uint64
	Waited time.Duration
}

// Holder is what has entered: a read transaction, which may be kept for the next
// reads. The gate calls its methods on goroutines of its own, perhaps more than
// once, and also after it has left.
type Holder interface {
	// Yield makes it leave as soon as what runs in it is over.
	Yield()
	// End makes it leave at once, by interrupting what runs in it.
	End()
}

// Reader is a Holder that has entered and not left.
type Reader struct {
	g      *Gate
	holder Holder
	left   chan struct{} // closed by Leave; nil if nobody waits; guarded by g.mu
}

// IsShut reports whether the gate is shut at this moment.
func (g *Gate) IsShut() bool { return g.closed.Load() }

// Pass waits while the gate is shut; its error is ctx's.
func (g *Gate) Pass(ctx context.Context) error {
	for g.IsShut() {
		g.mu.Lock()
		opened := g.opened
		g.mu.Unlock()
		if opened == nil {
			return nil
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Enter admits h, once the gate is open; its error is ctx's. Leave is to be
// called when h has no locks any more.
func (g *Gate) Enter(ctx context.Context, h Holder) (*Reader, error) {
	r := &Reader{g: g, holder: h}
	opened := g.tryEnter(r)
	if opened == nil {
		return r, nil
	}
	began := time.Now()
	defer func() {
		g.mu.Lock()
		g.stats.Waits++
		g.stats.Waited += time.Since(began)
		g.mu.Unlock()
	}()
	for ; opened != nil; opened = g.tryEnter(r) {
		select {
		case <-opened:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r, nil
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

// Leave says that the holder has no locks any more. It may be called again.
func (r *Reader) Leave() {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	delete(r.g.readers, r)
	if r.left != nil {
		close(r.left)
		r.left = nil
	}
	if len(r.g.readers) == 0 && r.g.empty != nil {
		close(r.g.empty)
		r.g.empty = nil
	}
}

// Shut makes new reads wait until open is called, which may be done again, and
// asks those inside to yield. It returns when nobody is inside any more. If ctx
// ends first its error is returned; the gate is shut all the same, until open is
// called.
func (g *Gate) Shut(ctx context.Context) (open func(), err error) {
	open = g.shutNow()
	return open, g.awaitEmpty(ctx)
}

// ShutWithin is Shut, but those that are still inside after the grace are ended.
func (g *Gate) ShutWithin(ctx context.Context, grace time.Duration) (open func(), err error) {
	open = g.shutNow()
	end := time.AfterFunc(grace, func() { g.ask(Holder.End) }) // nobody comes in any more
	defer end.Stop()
	return open, g.awaitEmpty(ctx)
}

func (g *Gate) shutNow() (open func()) {
	g.mu.Lock()
	if g.shut++; g.shut == 1 {
		g.opened = make(chan struct{})
		g.closed.Store(true)
	}
	g.stats.Closures++
	g.mu.Unlock()
	g.ask(Holder.Yield)
	return sync.OnceFunc(g.open)
}

func (g *Gate) awaitEmpty(ctx context.Context) error {
	select {
	case <-g.emptied():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut--; g.shut == 0 {
		g.closed.Store(false)
		close(g.opened)
		g.opened = nil
	}
}

// emptied returns a channel that is closed once nobody is inside.
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

// ask calls do for everybody inside, side by side, because each may wait for the
// driver; it does not wait for that.
func (g *Gate) ask(do func(Holder)) {
	for _, r := range g.inside() {
		g.asking.Go(func() { do(r.holder) })
	}
}

// busy reports whether anybody is inside.
func (g *Gate) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.readers) > 0
}

func (g *Gate) inside() []*Reader {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*Reader, 0, len(g.readers))
	for r := range g.readers {
		all = append(all, r)
	}
	return all
}

// await waits until those have left, or ctx ends.
func (g *Gate) await(ctx context.Context, those []*Reader) {
	for _, r := range those {
		g.mu.Lock()
		if _, in := g.readers[r]; !in {
			g.mu.Unlock()
			continue
		}
		if r.left == nil {
			r.left = make(chan struct{})
		}
		left := r.left
		g.mu.Unlock()
		select {
		case <-left:
		case <-ctx.Done():
			return
		}
	}
}

// Stats returns what the gate has counted.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stats
}

// EndAll ends those who are inside.
func (g *Gate) EndAll() { g.ask(Holder.End) }

// waitBound is for what cannot be interrupted: a function of the application's.
const waitBound = 2 * time.Second

// Wait waits for the goroutines that have asked holders, who are leaving, a while.
func (g *Gate) Wait() {
	done := make(chan struct{})
	go func() { // ends with them
		defer close(done)
		g.asking.Wait()
	}()
	select {
	case <-done:
	case <-time.After(waitBound):
	}
}
