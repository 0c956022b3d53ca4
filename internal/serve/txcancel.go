package serve

import (
	"context"
	"sync"

	"github.com/litefwd/litefwd/internal/fault"
)

// cancels are what CANCEL reaches: the EXEC and QUERY requests from the moment
// they are read until they are answered, and the queries that are open.
type cancels struct {
	mu    sync.Mutex // guards the following
	last  uint64
	known map[uint64]*canceller
}

type canceller struct {
	canceled bool               // whatever watches from now on is too late
	cancel   context.CancelFunc // nil while nothing runs
}

// expect makes seq, that of a statement just read, known. Numbers must rise:
// a repeated one would hide what has it already.
func (c *cancels) expect(seq uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq <= c.last {
		return fault.Refuse(fault.Protocol, "statement %d came after %d", seq, c.last)
	}
	c.last = seq
	if c.known == nil {
		c.known = map[uint64]*canceller{}
	}
	c.known[seq] = &canceller{}
	return nil
}

// watch lets CANCEL of seq call cancel until the returned function is called.
// A CANCEL that came before counts.
func (c *cancels) watch(seq uint64, cancel context.CancelFunc) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[seq]
	if k == nil {
		return func() {}
	}
	k.cancel = cancel
	if k.canceled {
		cancel()
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		k.cancel = nil
	}
}

// cancel is what CANCEL does. A number that is not known has been answered.
func (c *cancels) cancel(seq uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.known[seq]; k != nil {
		k.canceled = true
		if k.cancel != nil {
			k.cancel()
		}
	}
}

// forget cancels what still runs under seq.
func (c *cancels) forget(seq uint64) {
	c.cancel(seq)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, seq)
}
