package demo

import (
	"context"
	"fmt"
	"sync"

	"github.com/litefwd/litefwd"
)

// nodes is how many processes the demo starts.
const nodes = 3

// cluster holds the present process of every node.
type cluster struct {
	command command
	// config is the database of node i's process.
	config func(i int) litefwd.Config

	mu      sync.Mutex // guards the following
	members [nodes]*member
	stopped bool
}

func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

// start starts node i, or starts it again, and waits until it is ready.
func (c *cluster) start(ctx context.Context, i int) (*member, error) {
	m, err := c.launch(i)
	if err != nil {
		return nil, err
	}
	return m, m.waitReady(ctx)
}

// launch registers the process before anything can go wrong with it, so that
// stop ends it.
func (c *cluster) launch(i int) (*member, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil, context.Canceled
	}
	name := nodeName(i)
	m, err := c.command.start(name, c.config(i).DSN())
	if err == nil {
		c.members[i] = m
	}
	return m, err
}

// all returns the present processes; one that was not started is nil.
func (c *cluster) all() [nodes]*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members
}

// live returns the processes that serve.
func (c *cluster) live() []*member {
	var live []*member
	for _, m := range c.all() {
		if m != nil && m.serves() {
			live = append(live, m)
		}
	}
	return live
}

// primary returns the index and the process of the node that last said that
// it is primary; ok is false if none does.
func (c *cluster) primary() (i int, m *member, ok bool) {
	for i, m := range c.all() {
		if m != nil && m.state() == "primary" {
			return i, m, true
		}
	}
	return 0, nil, false
}

// stop ends all processes and waits for them. The primary goes last, so that
// the others do not take over from it.
func (c *cluster) stop() {
	c.mu.Lock()
	c.stopped = true
	members := c.members
	c.mu.Unlock()

	var replicas sync.WaitGroup
	var last []*member
	for _, m := range members {
		switch {
		case m == nil:
		case m.state() == "primary":
			last = append(last, m)
		default:
			replicas.Go(m.stop)
		}
	}
	replicas.Wait()
	for _, m := range last {
		m.stop()
	}
}
