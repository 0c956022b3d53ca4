package gate_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/litefwd/litefwd/internal/gate"
)

// copied is a replica's copy for a pacer: how many transactions it has of those
// that the primary has, and how long one takes to apply, with nobody inside.
type copied struct {
	mu           sync.Mutex
	primary, has int
	applies      time.Duration // 0: never
	blind        bool
	tries        int
}

func (c *copied) behind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.has < c.primary
}

func (c *copied) isBlind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.blind
}

func (c *copied) catchUp(ctx context.Context) bool {
	c.mu.Lock()
	c.tries++
	target, applies := c.primary, c.applies
	c.mu.Unlock()
	if applies == 0 {
		<-ctx.Done()
		return false
	}
	select {
	case <-time.After(applies):
	case <-ctx.Done():
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has = target
	return true
}

func (c *copied) commit(p *gate.Pacer) {
	c.mu.Lock()
	c.primary++
	c.mu.Unlock()
	p.Kick()
}

// paced calls test with a pacer that runs, in a bubble with a clock of its own.
func paced(t *testing.T, c *copied, test func(t *testing.T, g *gate.Gate, p *gate.Pacer)) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		p := gate.NewPacer(&g)
		p.Behind, p.CatchUp, p.Blind = c.behind, c.catchUp, c.isBlind
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		test(t, &g, p)
		cancel()
		running.Wait()
		g.Wait()
		if g.IsShut() {
			t.Error("the pacer has left the gate shut")
		}
	})
}

// inside is a read that yields after a time, or is one of those that cannot.
func inside(t *testing.T, g *gate.Gate, yields time.Duration) *gate.Reader {
	var r *gate.Reader
	ready := make(chan struct{})
	r = enter(t, g, holder{yield: func() {
		<-ready
		if yields > 0 {
			time.Sleep(yields) // of the bubble's clock
			r.Leave()
		}
	}})
	close(ready)
	return r
}

func TestPacerLetsTheCopyCatchUp(t *testing.T) {
	c := &copied{applies: 2 * time.Millisecond}
	paced(t, c, func(t *testing.T, g *gate.Gate, p *gate.Pacer) {
		inside(t, g, 3*time.Millisecond)
		c.commit(p)
		synctest.Wait()
		began := time.Now()
		r := enter(t, g, holder{})
		defer r.Leave()
		if waited := time.Since(began); waited != 5*time.Millisecond || c.behind() {
			t.Errorf("a read got in after %v, behind: %v", waited, c.behind())
		}
	})
}

// Under a stream of commits reads have their share of the time, and the copy
// follows; those who wait for it get more of it.
func TestPacerShares(t *testing.T) {
	for name, hurried := range map[string]bool{"": false, "hurried": true} {
		t.Run(name, func(t *testing.T) {
			c := &copied{applies: 2 * time.Millisecond}
			paced(t, c, func(t *testing.T, g *gate.Gate, p *gate.Pacer) {
				const ticks = 1000
				open := 0
				for range ticks { // one commit in each millisecond
					if c.commit(p); hurried {
						p.Hurry()
					}
					time.Sleep(time.Millisecond / 2) // of the bubble's clock
					if !g.IsShut() {
						open++
					}
					time.Sleep(time.Millisecond / 2)
				}
				c.mu.Lock()
				lag := c.primary - c.has
				c.mu.Unlock()
				if lag > 10 {
					t.Errorf("the copy is %d commits behind", lag)
				}
				least, most := ticks*55/100, ticks*75/100
				if hurried {
					least, most = ticks*40/100, ticks*60/100
				}
				if open < least || open > most {
					t.Errorf("open for %d of %d ms", open, ticks)
				}
			})
		})
	}
}

// The gate rests for as long as closures usually ask for, longer ones after reads that
// take long: one closure that is longer than the others does not keep the next
// transaction waiting. It notices at once when reads have become longer or shorter.
func TestPacerRests(t *testing.T) {
	const ms = time.Millisecond
	c := &copied{applies: 2 * ms}
	paced(t, c, func(t *testing.T, g *gate.Gate, p *gate.Pacer) {
		// closure commits during the rest before it, and returns how long the gate
		// was open, and then shut.
		opened := time.Now()
		closure := func(drain, applies time.Duration) (open, shut time.Duration) {
			inside(t, g, drain)
			c.mu.Lock()
			c.applies = applies
			c.mu.Unlock()
			c.commit(p)
			for !g.IsShut() {
				time.Sleep(ms / 10) // of the bubble's clock
			}
			open, opened = time.Since(opened), time.Now()
			r := enter(t, g, holder{})
			r.Leave()
			shut, opened = time.Since(opened), time.Now()
			return open, shut
		}
		near := func(what string, is, want time.Duration) {
			t.Helper()
			if is < want-ms/2 || is > want+ms/2 {
				t.Errorf("%s %v, not about %v", what, is, want)
			}
		}
		closure(1*ms, 2*ms)
		for range 20 {
			open, shut := closure(1*ms, 2*ms)
			near("shut for", shut, 3*ms)
			near("open for", open, 9*ms) // 2 × 3 + 3 × 1
		}
		_, shut := closure(1*ms, 10*ms)
		near("shut for", shut, 11*ms)
		open, _ := closure(1*ms, 2*ms)
		near("after a long closure open for", open, 25*ms/2) // a half
		for range 160 {
			open, _ = closure(20*ms, 2*ms)
		}
		near("with longer reads open for", open, 74*ms) // 2 × 22 + 30
		closure(1*ms, 2*ms)
		open, _ = closure(1*ms, 2*ms)
		near("with short ones again open for", open, 27*ms) // three times 9
	})
}

// A read that takes long keeps nobody else waiting, and the copy catches up as
// soon as it is over.
func TestPacerLetsLongReadsBe(t *testing.T) {
	c := &copied{applies: 2 * time.Millisecond}
	paced(t, c, func(t *testing.T, g *gate.Gate, p *gate.Pacer) {
		long := inside(t, g, 0)
		c.commit(p)
		time.Sleep(time.Second) // of the bubble's clock
		began := time.Now()
		for range 100 {
			enter(t, g, holder{}).Leave()
			time.Sleep(10 * time.Millisecond)
		}
		if waited := time.Since(began) - time.Second; waited != 0 {
			t.Errorf("reads waited %v for a long one", waited)
		}
		if s := g.Stats(); s.Closures != 1 {
			t.Errorf("the gate was shut %d times", s.Closures)
		}
		long.Leave()
		time.Sleep(5 * time.Millisecond)
		if c.behind() {
			t.Error("the copy has not caught up since the long read is over")
		}
	})
}

// Reads that all take long, and overlap without end, do not stop replication.
func TestPacerMakesRoomAmongLongReads(t *testing.T) {
	c := &copied{applies: 2 * time.Millisecond}
	paced(t, c, func(t *testing.T, g *gate.Gate, p *gate.Pacer) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var readers sync.WaitGroup
		for i := range 5 {
			readers.Go(func() {
				time.Sleep(time.Duration(i) * 20 * time.Millisecond)
				for ctx.Err() == nil {
					if r, err := g.Enter(ctx, holder{}); err == nil {
						time.Sleep(100 * time.Millisecond)
						r.Leave()
					}
				}
			})
		}
		worst := time.Duration(0)
		for ctx.Err() == nil {
			c.commit(p)
			began := time.Now()
			for c.behind() && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			worst = max(worst, time.Since(began))
		}
		readers.Wait()
		if worst > time.Second {
			t.Errorf("the copy was behind for %v", worst)
		}
	})
}

// A copy that does not move for another reason costs the reads little.
func TestPacerInVain(t *testing.T) {
	c := &copied{}
	paced(t, c, func(t *testing.T, g *gate.Gate, p *gate.Pacer) {
		c.commit(p)
		open := 0
		for range 10_000 {
			time.Sleep(time.Millisecond) // of the bubble's clock
			if !g.IsShut() {
				open++
			}
		}
		if open < 8500 || c.tries < 4 {
			t.Errorf("open for %d of 10000 ms, tried %d times", open, c.tries)
		}
	})
}

// Where nobody tells what the primary has, the gate is shut now and then, but only
// if somebody reads.
func TestPacerBlind(t *testing.T) {
	c := &copied{blind: true}
	paced(t, c, func(t *testing.T, g *gate.Gate, p *gate.Pacer) {
		p.Kick()
		time.Sleep(time.Second) // of the bubble's clock
		if n := g.Stats().Closures; n != 0 {
			t.Errorf("shut %d times with no read", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for ctx.Err() == nil {
			r, err := g.Enter(ctx, holder{})
			if err != nil {
				break
			}
			p.Kick()
			time.Sleep(3 * time.Millisecond)
			r.Leave()
		}
		if n := g.Stats().Closures; n < 30 || n > 50 {
			t.Errorf("shut %d times within a second", n)
		}
	})
}
