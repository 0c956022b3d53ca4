package litefwdtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/litefwd/litefwd/engine"
)

// Settle waits until every replica has everything that the primary has
// committed. Replicas that the test itself holds back are left out: paused,
// down, isolated, or cut off from the primary. With no primary it waits only
// until former primaries have taken stock of their files.
//
// If ctx ends first, the error says for each replica what it waits for. An
// open read transaction, or rows that are not closed, are the usual reason.
func (c *core) Settle(ctx context.Context) error {
	err := c.await(ctx, func() bool { return len(c.behindLocked()) == 0 })
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		if m.broken != nil {
			return m.broken
		}
	}
	if behind := c.behindLocked(); err != nil && len(behind) > 0 {
		return fmt.Errorf("%w: %s", err, strings.Join(behind, "; "))
	}
	return err
}

// behindLocked names what Settle waits for.
func (c *core) behindLocked() (behind []string) {
	for _, m := range c.members {
		if m.broken != nil || m.down || m.tenure != nil {
			continue
		}
		from := m.followsLocked()
		for _, d := range m.dbs {
			if d.stale {
				behind = append(behind, m.behindLocked(d.name, "has not been recovered after the loss of the primary role"))
			}
		}
		if from == nil {
			continue
		}
		for name, src := range from.dbs {
			if d := m.dbs[name]; d == nil || d.pos != src.pos && !d.stale {
				behind = append(behind, m.behindLocked(name, "is not at "+src.pos.String()))
			}
		}
	}
	return behind
}

func (m *member) behindLocked(name, what string) string {
	s := fmt.Sprintf("node %d: %s %s", m.index, name, what)
	if m.doing != "" {
		s += "; it waits for the locks to " + m.doing +
			": is a transaction or are rows open there, or a connection from its time as primary?"
	}
	return s
}

// Capture puts into the log what was written on the primary with plain
// SQLite, past litefwd. Writes through litefwd need no such thing. It waits
// for the write lock of each of the primary's databases.
func (c *core) Capture(ctx context.Context) error {
	c.mu.Lock()
	var dbs []*database
	var t *tenure
	if c.primary != nil {
		t = c.primary.tenure
		for _, d := range c.primary.dbs {
			dbs = append(dbs, d)
		}
	}
	c.mu.Unlock()
	for _, d := range dbs {
		if _, err := d.captureAs(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// Position is how far node i's copy of the database with that file name is;
// zero if the node has none.
func (c *core) Position(i int, db string) engine.Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.members[i].dbs[db]; d != nil {
		return d.pos
	}
	return engine.Position{}
}

// Primary is the number of the node that is primary, -1 if there is none. A
// usurped primary does not count.
func (c *core) Primary() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.primary == nil || c.primary.tenure == nil || c.primary.tenure.closing {
		return -1
	}
	return c.primary.index
}

// await waits until done, which is called with c.mu held.
func (c *core) await(ctx context.Context, done func() bool) error {
	for {
		c.mu.Lock()
		ok, progress := done(), c.progress
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
