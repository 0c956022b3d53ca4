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

func never() { panic("the read was ended") }

func TestShutWaitsForReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		r, err := g.Enter(t.Context(), never)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Millisecond, r.Leave)
		began := time.Now()
		open, err := g.Shut(t.Context(), time.Second)
		if err != nil || time.Since(began) != 10*time.Millisecond {
			t.Errorf("Shut: %v after %v", err, time.Since(began))
		}
		time.AfterFunc(5*time.Millisecond, open)
		began = time.Now()
		r, err = g.Enter(t.Context(), never)
		if err != nil || time.Since(began) != 5*time.Millisecond {
			t.Errorf("Enter while shut: %v after %v", err, time.Since(began))
		}
		r.Leave()
		r.Leave()
		open()
	})
}

func TestShutEndsLongReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		var ended atomic.Int32
		for range 3 {
			var r *gate.Reader
			r, err := g.Enter(t.Context(), func() { ended.Add(1); r.Leave() })
			if err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		open, err := g.Shut(t.Context(), time.Second)
		defer open()
		if err != nil || ended.Load() != 3 || time.Since(began) != time.Second {
			t.Errorf("Shut: %v after %v, %d ended", err, time.Since(began), ended.Load())
		}
	})
}

// A read that cannot be ended does not hold Shut beyond its context, and the
// gate opens again.
func TestShutIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		if _, err := g.Enter(t.Context(), func() {}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		open, err := g.Shut(ctx, time.Second)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shut: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Enter(short, never); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Enter while shut: %v", err)
		}
		open()
		if r, err := g.Enter(t.Context(), never); err != nil {
			t.Error(err)
		} else {
			r.Leave()
		}
	})
}

// Whoever shuts it, in whatever order, it opens with the last.
func TestShutTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate.Gate
		one, err := g.Shut(t.Context(), 0)
		two, err2 := g.Shut(t.Context(), 0)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		one()
		one()
		var entered sync.WaitGroup
		began := time.Now()
		for range 10 {
			entered.Go(func() {
				if r, err := g.Enter(t.Context(), never); err == nil {
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
