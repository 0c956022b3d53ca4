package litefwd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/link"
)

// The pauses between attempts to connect to a primary that does not answer.
const (
	firstRelink = 50 * time.Millisecond
	maxRelink   = 2 * time.Second
	relinkBound = 5 * time.Second // for one attempt
)

// keepLink keeps the link to the primary open until the node stops, so that a
// primary that is frozen or cut off is noticed (4 s, see package link) although
// nobody writes: an engine may never notice it. It also makes this node known to
// the primary, as one that may take its place.
func (c *core) keepLink() {
	pause := firstRelink
	for {
		s, changed := c.engine.Watch()
		var again <-chan time.Time
		addr := s.Primary.Addr
		if addr != "" {
			if former := c.formerPrimary(); former != "" && former != addr && former != c.addr {
				c.goroutines.Go(func() { c.leave(former) })
			}
			c.lastPrimary.Store(&addr)
		}
		if addr == "" || addr == c.addr {
			c.unreachable.Store(nil) // there is none to reach
		} else if err := c.greet(addr); err == nil {
			c.reachable(s.Primary, nil)
			pause = firstRelink
		} else {
			c.reachable(s.Primary, err)
			again = time.After(pause)
			pause = min(2*pause, maxRelink)
		}
		select {
		case <-changed:
			pause = firstRelink
		case <-c.broken:
		case <-again:
		case <-c.stop:
			return
		}
	}
}

// formerPrimary is the address of the last primary that the engine knew, or "".
// While it knows none, because the engine itself is gone on this node, that one
// may still be primary; if it is not, it says so, and nothing runs.
func (c *core) formerPrimary() string {
	if addr := c.lastPrimary.Load(); addr != nil {
		return *addr
	}
	return ""
}

// formerGrace is how long a former primary has to answer what it owes. Writes that
// it holds up wait so much longer than the election.
const formerGrace = 75 * time.Millisecond

// leave closes the link to a former primary, once another one is known for a
// while. What it has not answered by then is of unknown outcome: it may be stuck
// for long (SQLite tries for ten seconds on the WAL of a mount that is gone).
// One that hands the role over has nothing running.
func (c *core) leave(addr string) {
	if _, ok := c.engine.(engine.Promoter); !ok {
		return // a role that is only lost by dying, which the link notices
	}
	select {
	case <-time.After(formerGrace):
	case <-c.stop:
		return
	}
	if s, _ := c.engine.Watch(); s.Primary.Addr == addr {
		return
	}
	c.mu.Lock()
	p := c.peers[addr]
	delete(c.peers, addr)
	c.peerOrder = slices.DeleteFunc(c.peerOrder, func(a string) bool { return a == addr })
	c.mu.Unlock()
	if p != nil {
		c.hangUp(p)
	}
}

// greet connects to the node at addr, or finds that it is connected.
func (c *core) greet(addr string) error {
	p, err := c.peer(addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.background, relinkBound)
	defer cancel()
	_, err = p.Hello(ctx)
	return err
}

// reachable notes whether the primary can be reached, and logs the change.
func (c *core) reachable(primary engine.Peer, err error) {
	was := c.unreachable.Load()
	switch {
	case err == nil && was == nil, errors.Is(err, fault.Closed) && c.stopping():
	case err == nil:
		c.unreachable.Store(nil)
		c.log.Info("the primary can be reached again", "primary", primary.Name, "addr", primary.Addr)
	default:
		problem := error(fault.Refuse(fault.NoPrimary, "node %s at %s cannot be reached: %w", primary.Name, primary.Addr, err))
		c.unreachable.Store(&problem)
		if was == nil {
			c.log.Warn("the primary cannot be reached", "primary", primary.Name, "addr", primary.Addr, "err", err)
		}
	}
}

// onBroken is called when a link breaks.
func (c *core) onBroken(p *link.Peer) {
	c.unheard(p)
	c.engine.Suspect()
	select {
	case c.broken <- struct{}{}:
	default:
	}
}

// status is s as the node's owner is told it.
func (c *core) status(s engine.State) Status {
	if err := c.unreachable.Load(); err != nil && s.Problem == nil && s.Role != engine.Primary {
		s.Problem = *err
	}
	return Status(s)
}
