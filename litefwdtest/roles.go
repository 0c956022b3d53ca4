package litefwdtest

import (
	"context"
	"fmt"

	"github.com/litefwd/litefwd/engine"
)

// Promote hands the primary role to node i without losing anything, as an
// operator does before maintenance: the old primary lets no new transaction
// commit, those that hold the write lock finish, node i gets everything, and
// then it is primary. Nobody is primary meanwhile.
//
// It waits for transactions on the old primary, for node i's lag, and, as
// LiteFS does, until no connection reads on node i. If ctx ends first the old
// primary goes on. With no primary it is Failover.
func (c *core) Promote(ctx context.Context, i int) error {
	return c.changeRoles(ctx, i, func(m *member) error {
		c.mu.Lock()
		old := c.primary
		if old == nil || old.tenure == nil {
			c.mu.Unlock()
			return c.takeOver(ctx, m)
		}
		if old == m {
			c.mu.Unlock()
			return nil
		}
		t := old.tenure
		t.closing = true
		c.publishLocked()
		c.mu.Unlock()
		ready, err := c.drain(ctx, old, m)
		if err != nil {
			c.mu.Lock()
			t.closing = false
			c.publishLocked()
			c.mu.Unlock()
			return err
		}
		defer ready()
		c.mu.Lock()
		defer c.mu.Unlock()
		if old.tenure == t {
			old.endTenureLocked(true)
		}
		c.beginTenureLocked(m)
		return nil
	})
}

// Failover makes node i primary with what it has, after the old primary was
// lost. Transactions that node i lacks are gone: their ids are used again with
// other contents, and nodes that have them, such as the old primary, get node
// i's copy instead. The old primary is told at once; see Usurp.
//
// It waits, as LiteFS does, until no connection reads on node i; nobody is
// primary meanwhile, nor afterwards if ctx ends first.
func (c *core) Failover(ctx context.Context, i int) error {
	return c.changeRoles(ctx, i, func(m *member) error { return c.takeOver(ctx, m) })
}

// Usurp is Failover, except that the old primary is not told: until Notice or
// Heal it believes itself primary, and acknowledges writes that nobody will
// ever see. That is what happens to a primary that is frozen for longer than
// its lease.
func (c *core) Usurp(ctx context.Context, i int) error {
	return c.changeRoles(ctx, i, func(m *member) error {
		ready, err := m.prepare(ctx)
		if err != nil {
			return err
		}
		defer ready()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.beginTenureLocked(m)
		return nil
	})
}

// Notice tells node i who is primary, if it still believes itself to be.
func (c *core) Notice(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.members[i]; m.tenure != nil && m != c.primary {
		m.endTenureLocked(false)
	}
	c.publishLocked()
}

// NoPrimary takes the role from the primary at once; nobody has it until
// Promote or Failover. A commit that is under way may survive or not.
func (c *core) NoPrimary() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.primary != nil {
		c.primary.endTenureLocked(false)
		c.primary = nil
	}
	c.publishLocked()
}

// changeRoles runs change for node i while no other change of roles runs.
func (c *core) changeRoles(ctx context.Context, i int, change func(*member) error) error {
	select {
	case c.roles <- struct{}{}:
		defer func() { <-c.roles }()
	case <-ctx.Done():
		return ctx.Err()
	}
	m := c.members[i]
	c.mu.Lock()
	ok := m.running && !m.down && m.self.Addr != "" && m.broken == nil
	c.mu.Unlock()
	if !ok {
		return fmt.Errorf("node %d cannot be primary: it is down, a client or broken", i)
	}
	if err := change(m); err != nil {
		return fmt.Errorf("node %d does not become primary: %w", i, err)
	}
	return nil
}

// takeOver makes m primary with what it has.
func (c *core) takeOver(ctx context.Context, m *member) error {
	c.NoPrimary()
	ready, err := m.prepare(ctx)
	if err != nil {
		return err
	}
	defer ready()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beginTenureLocked(m)
	return nil
}

// drain waits until m has everything that old has committed and ever will, and
// returns with m prepared.
func (c *core) drain(ctx context.Context, old, m *member) (ready func(), err error) {
	c.mu.Lock()
	follows, t := m.followsLocked() == old, old.tenure
	var dbs []*database
	for _, d := range old.dbs {
		dbs = append(dbs, d)
	}
	c.mu.Unlock()
	if !follows {
		return nil, fmt.Errorf("it is cut off, paused or broken, and would never have everything")
	}
	final := make(map[string]engine.Position)
	for _, d := range dbs {
		// This takes the write lock, so whoever passed the fence has finished.
		if final[d.name], err = d.captureAs(ctx, t); err != nil {
			return nil, err
		}
	}
	err = c.await(ctx, func() bool {
		for name, pos := range final {
			if d := m.dbs[name]; m.broken == nil && (d == nil || d.pos != pos) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return m.prepare(ctx)
}

// prepare recovers every database of m. On success replication to m is held
// until ready is called.
func (m *member) prepare(ctx context.Context) (ready func(), err error) {
	release := m.hold()
	defer func() {
		if err != nil {
			release()
		}
	}()
	m.c.mu.Lock()
	var dbs []*database
	if m.tenure == nil {
		for _, d := range m.dbs {
			dbs = append(dbs, d)
		}
	}
	m.c.mu.Unlock()
	for _, d := range dbs {
		if err := d.recover(ctx); err != nil {
			return nil, err
		}
		if err := d.restoreWAL(ctx); err != nil {
			return nil, err
		}
	}
	return release, nil
}

// restoreWAL turns the new primary's file into what the old one's was.
func (d *database) restoreWAL(ctx context.Context) error {
	d.m.c.mu.Lock()
	wal := d.wal && d.pos.TXID > 0
	d.m.c.mu.Unlock()
	if !wal {
		return nil
	}
	d.content.Lock()
	defer d.content.Unlock()
	return d.file.SetWAL(ctx)
}

// beginTenureLocked makes m primary.
func (c *core) beginTenureLocked(m *member) {
	c.term++
	m.tenure = &tenure{term: c.term}
	c.primary = m
	c.publishLocked()
}

// endTenureLocked makes m a replica. What its files contain must be found out,
// because a commit may be under way.
func (m *member) endTenureLocked(drained bool) {
	if m.tenure == nil {
		return
	}
	m.tenure.drained = drained
	m.tenure = nil
	for _, d := range m.dbs {
		d.stale, d.handedOver = true, d.pos
	}
	if m.c.primary == m {
		m.c.primary = nil
	}
}
