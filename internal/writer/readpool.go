package writer

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// readPool bounds and keeps the connections on which other nodes' reads run.
type readPool struct {
	places chan struct{} // one element for each connection in use

	// mu guards the following.
	mu   sync.Mutex
	idle []*conn // the one used last is the last
}

func (p *readPool) init(n int) { p.places = make(chan struct{}, n) }

// take returns a read connection whose settings can become pragmas. It waits
// for a place, at most limit and until ctx is done.
func (w *Writer) takeReader(ctx context.Context, pragmas map[string]string) (*conn, error) {
	if err := w.readers.wait(ctx, w.opts.BusyTimeout); err != nil {
		return nil, err
	}
	history := w.history()
	for {
		c := w.readers.pop()
		if c == nil {
			break
		}
		if c.history == history && c.canAdopt(pragmas) {
			return c, nil
		}
		c.close()
	}
	c, err := connect(ctx, w.opts.Connector, true, 0)
	if err == nil {
		err = w.learnTraits(c)
	}
	if err != nil {
		if c != nil {
			c.close()
		}
		<-w.readers.places
		return nil, err
	}
	c.history = history
	return c, nil
}

func (p *readPool) wait(ctx context.Context, limit time.Duration) error {
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case p.places <- struct{}{}:
		return nil
	case <-timer.C:
		return fault.Refuse(fault.Overloaded, "all %d read connections of the primary were in use for %v (ReadConns)",
			cap(p.places), limit)
	case <-ctx.Done():
		return fault.Refuse(fault.Overloaded, "waiting for a read connection of the primary: %w", ctx.Err())
	}
}

func (p *readPool) pop() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

// put gives a connection back, on which nothing runs any more.
func (p *readPool) put(c *conn) {
	if c.usable() {
		p.mu.Lock()
		p.idle = append(p.idle, c)
		p.mu.Unlock()
	} else {
		c.close()
	}
	<-p.places
}

// discard closes the idle connections of another history.
func (p *readPool) discard(history uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		if c.history == history {
			return false
		}
		c.close()
		return true
	})
}

// close closes the connections that are not in use.
func (p *readPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}
