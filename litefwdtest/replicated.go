package litefwdtest

import (
	"context"
	"slices"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

var _ engine.Replicated = (*database)(nil)

// raiseHistoryLocked makes connections that were opened before unusable, as on
// LiteFS: after a snapshot or a change of roles SQLite's cache may be of
// another history than the file.
func (d *database) raiseHistoryLocked() {
	d.history++
	close(d.historyChanged)
	d.historyChanged = make(chan struct{})
}

// History implements engine.Replicated.
func (d *database) History() (uint64, <-chan struct{}) {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	return d.history, d.historyChanged
}

// HistoryNow implements engine.Replicated.
func (d *database) HistoryNow() uint64 { n, _ := d.History(); return n }

// File implements engine.Replicated. A former primary's file is converted when
// nobody has it open.
func (d *database) File() uint64 {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	return d.history
}

// Standing implements engine.Replicated.
func (d *database) Standing(p engine.Position, term uint64) engine.Standing {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	return d.line.Standing(p, term)
}

// Breaks implements engine.Replicated.
func (d *database) Breaks(n uint64) ([]engine.Break, uint64) {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	all := uint64(len(d.breaks))
	return slices.Clone(d.breaks[min(n, all):]), all
}

// Snapshot implements engine.Replicated. The file is replaced, and the history
// raised, while readers are excluded; so an open read decides it.
func (d *database) Snapshot(_ context.Context, history uint64) (engine.Position, error) {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	if history != d.history {
		return d.pos, fault.Refuse(fault.HistoryChanged, "node %s's copy of %s was replaced", d.m.self.Name, d.name)
	}
	return d.pos, nil
}

// Newest implements engine.Replicated.
func (d *database) Newest() (engine.Position, uint64, error) {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	return d.pos, d.history, nil
}

// CommittedAfter implements engine.Replicated: nobody tells this engine of commits
// before Committed looks for them.
func (d *database) CommittedAfter(engine.Position) (engine.Position, bool) {
	return engine.Position{}, false
}

// MayCreate implements engine.Replicated.
func (d *database) MayCreate() bool {
	d.m.c.mu.Lock()
	defer d.m.c.mu.Unlock()
	return d.m.tenure != nil
}

// Failed implements engine.Replicated. There is nothing to look at: no mount.
func (d *database) Failed(error) {}

// Settle implements engine.Replicated. Files here are plain ones, which a lost
// role does not make fail.
func (d *database) Settle(_ context.Context, _ uint64, _ bool, err error) error { return err }
