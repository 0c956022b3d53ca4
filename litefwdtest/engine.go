package litefwdtest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// nodeEngine is the engine.Engine of one node, from its Start to its Close.
type nodeEngine struct{ m *member }

var (
	_ engine.Engine   = (*nodeEngine)(nil)
	_ engine.Database = (*database)(nil)
)

// Start implements engine.Engine.
func (e *nodeEngine) Start(ctx context.Context, self engine.Self) error {
	m, c := e.m, e.m.c
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.running {
		return fmt.Errorf("node %d is running already", m.index)
	}
	m.running, m.self = true, self
	c.connectLocked(m)
	c.publishLocked()
	return nil
}

// Watch implements engine.Engine.
func (e *nodeEngine) Watch() (engine.State, <-chan struct{}) {
	e.m.c.mu.Lock()
	defer e.m.c.mu.Unlock()
	return e.m.state, e.m.changed
}

// Suspect implements engine.Engine. The test decides who is primary, whatever
// a node suspects.
func (e *nodeEngine) Suspect() {}

// Database implements engine.Engine.
func (e *nodeEngine) Database(path string) (engine.Database, error) {
	// Symbolic links: a test's temporary directory may be behind one.
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if own, err := filepath.EvalSymlinks(e.m.dir); err != nil || own != dir {
		return nil, errors.Join(fmt.Errorf("%s is not in node %d's directory %s", path, e.m.index, own), err)
	}
	ctx, cancel := context.WithTimeout(e.m.c.ctx, patience)
	defer cancel()
	return e.m.attach(ctx, filepath.Base(path))
}

// Cluster implements engine.Engine.
func (e *nodeEngine) Cluster() string { return e.m.c.id }

// Close implements engine.Engine. The files stay open until the cluster ends.
func (e *nodeEngine) Close() error {
	m, c := e.m, e.m.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if !m.running {
		return nil
	}
	m.endTenureLocked(false)
	m.running = false
	c.connectLocked(m)
	c.publishLocked()
	return nil
}

// Watch implements engine.Database.
func (d *database) Watch() (engine.Position, <-chan struct{}) {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	return d.pos, d.changed
}

// Fence implements engine.Database.
func (d *database) Fence(term uint64) error {
	m, c := d.m, d.m.c
	c.runHook(&c.atFence)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := m.servesLocked(term); err != nil {
		return err
	}
	d.fenced = m.tenure
	return nil
}

// Serves implements engine.Database.
func (d *database) Serves(term uint64) error {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	return d.m.servesLocked(term)
}

func (m *member) servesLocked(term uint64) error {
	if m.tenure == nil || m.tenure.term != term || m.tenure.closing || m.isolated || m.down {
		return fault.Refuse(fault.NotPrimary, "node %s is not primary", m.self.Name)
	}
	return nil
}

// Committed implements engine.Database.
func (d *database) Committed(ctx context.Context) (engine.Position, error) {
	m, c := d.m, d.m.c
	c.runHook(&c.atCommit)
	pos, err := d.captureAs(ctx, d.allowedBy())
	if err != nil {
		return pos, err
	}
	for _, row := range c.links {
		if l := row[m.index]; l != nil {
			l.Committed()
		}
	}
	return pos, nil
}

// allowedBy is the tenure in which the transaction that has just committed
// passed the fence.
func (d *database) allowedBy() *tenure {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	if d.fenced == nil {
		return d.m.tenure
	}
	return d.fenced
}

// errLostRole is what became of a commit when its node stopped being primary
// before it was in the node's log: it may be discarded, or survive.
func (d *database) errLostRole() error {
	return fault.New(fault.OutcomeUnknown, "node %s lost the primary role during a commit on %s", d.m.self.Name, d.name)
}

// captureAs puts what was committed on the primary since the last time into
// the log, if the tenure t still lasts.
func (d *database) captureAs(ctx context.Context, t *tenure) (engine.Position, error) {
	c := d.m.c
	d.content.Lock()
	defer d.content.Unlock()
	c.mu.Lock()
	current, pos, base := d.m.tenure, d.handedOver, d.image
	c.mu.Unlock()
	if t != nil && t != current && t.drained {
		return pos, nil // the handover waited for this commit and took it along
	}
	if t == nil || t != current {
		return engine.Position{}, d.errLostRole()
	}
	image, change, wal, err := d.readFile(ctx, base)
	if err != nil {
		return engine.Position{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.m.tenure != t {
		return engine.Position{}, d.errLostRole()
	}
	d.wal = wal
	if change != nil {
		d.appendLocked(change, image, t.term)
	}
	return d.pos, nil
}
