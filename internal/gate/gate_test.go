package gate_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/litefwd/litefwd/internal/gate"
)

// holder is a gate.Holder of two functions; what is nil does nothing.
type holder struct{ yield, end func() }

func (h holder) Yield() {
	if h.yield != nil {
		h.yield()
	}
}

func (h holder) End() {
	if h.end == nil {
		panic("the read was ended")
	}
	h.end()
}

func enter(t *testing.T, g *gate.Gate, h gate.Holder) *gate.Reader {
	t.Helper()
	r, err := g.Enter(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestShutWaitsForReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		r := enter(t, &g, holder{})
		time.AfterFunc(10*time.Millisecond, r.Leave)
		began := time.Now()
		open, err := g.Shut(t.Context())
		if err != nil || time.Since(began) != 10*time.Millisecond || !g.IsShut() {
			t.Errorf("Shut: %v after %v", err, time.Since(began))
		}
		time.AfterFunc(5*time.Millisecond, open)
		began = time.Now()
		r = enter(t, &g, holder{})
		if time.Since(began) != 5*time.Millisecond || g.IsShut() {
			t.Errorf("entered after %v", time.Since(began))
		}
		r.Leave()
		r.Leave()
		open()
		if s := g.Stats(); s != (gate.Stats{Closures: 1, Waits: 1, Waited: 5 * time.Millisecond}) {
			t.Errorf("%+v", s)
		}
		g.Wait()
	})
}

// Those inside are asked to yield at once, and are ended after the grace.
func TestShutWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		var yielded, ended atomic.Int32
		for i := range 4 {
			var r *gate.Reader
			h := holder{yield: func() { yielded.Add(1) }, end: func() { ended.Add(1); r.Leave() }}
			if i == 0 {
				h.yield = func() { yielded.Add(1); r.Leave() }
			}
			r = enter(t, &g, &h)
		}
		began := time.Now()
		time.AfterFunc(time.Second/2, func() {
			if yielded.Load() != 4 || ended.Load() != 0 {
				t.Errorf("%d yielded, %d ended", yielded.Load(), ended.Load())
			}
		})
		open, err := g.ShutWithin(t.Context(), time.Second)
		defer open()
		if err != nil || ended.Load() != 3 || time.Since(began) != time.Second {
			t.Errorf("ShutWithin: %v after %v, %d ended", err, time.Since(began), ended.Load())
		}
	})
}

// A read that cannot be ended does not hold Shut beyond its context, and the
// gate opens again.
func TestShutIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		enter(t, &g, holder{end: func() {}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		open, err := g.ShutWithin(ctx, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ShutWithin: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Enter(short, holder{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Enter while shut: %v", err)
		}
		open()
		enter(t, &g, holder{}).Leave()
	})
}

// Whoever shuts it, in whatever order, it opens with the last.
func TestShutTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		one, err := g.Shut(t.Context())
		two, err2 := g.Shut(t.Context())
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		one()
		one()
		var entered sync.WaitGroup
		began := time.Now()
		for range 10 {
			entered.Go(func() {
				if r, err := g.Enter(t.Context(), holder{}); err == nil {
					r.Leave()
				}
			})
		}
		time.AfterFunc(time.Second, two)
		entered.Wait()
		if time.Since(began) != time.Second {
			t.Errorf("entered after %v", time.Since(began))
		}
	})
}

// stubborn holders leave only when they are ended.
type stubborn struct{ ended chan struct{} }

func (*stubborn) Yield() {}
func (s *stubborn) End() { close(s.ended) }

// Whoever came in before the gate was shut is ended, also without any grace.
func TestShutWithinNoTime(t *testing.T) {
	var g gate.Gate
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	entered, stop := make(chan struct{}), make(chan struct{})
	var entering sync.WaitGroup
	entering.Go(func() {
		for {
			s := &stubborn{make(chan struct{})}
			r, err := g.Enter(ctx, s)
			if err != nil {
				return
			}
			select {
			case entered <- struct{}{}: // somebody is about to shut it
			case <-stop:
				r.Leave()
				return
			}
			select {
			case <-s.ended:
			case <-ctx.Done():
			}
			r.Leave()
		}
	})
	for range 200 {
		<-entered
		open, err := g.ShutWithin(ctx, 0)
		open()
		if err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	entering.Wait()
}
