package litefwdtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/litefwdtest/internal/dbfile"
)

// job is one step of replication; it may wait for the file's locks until ctx
// ends, and does everything or nothing.
type job struct {
	name string
	run  func(ctx context.Context) error
}

// replicate moves the primary's transactions to this node until the cluster
// ends. As in LiteFS there is one such goroutine per node, so that one
// database whose locks it waits for holds up all others.
func (m *member) replicate() {
	for {
		more, due := m.takeStep()
		if more {
			continue
		}
		var late <-chan time.Time // never, if nothing is due
		if !due.IsZero() {
			late = time.After(time.Until(due))
		}
		select {
		case <-m.wake:
		case <-late:
		case <-m.c.ctx.Done():
			return
		}
	}
}

// takeStep does the next job. Without one it reports false, and when the next
// transaction of a lagging node is due, if there is one.
func (m *member) takeStep() (bool, time.Time) {
	m.step.Lock()
	defer m.step.Unlock()
	c := m.c
	c.mu.Lock()
	next, due := m.nextLocked()
	if next == nil || c.ctx.Err() != nil {
		c.mu.Unlock()
		return false, due
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	m.cancelStep, m.doing = cancel, next.name
	c.mu.Unlock()

	err := next.run(ctx)

	c.mu.Lock()
	defer c.mu.Unlock()
	m.cancelStep, m.doing = nil, ""
	if err != nil && ctx.Err() == nil && !errors.Is(err, dbfile.ErrWAL) {
		m.broken = fmt.Errorf("node %d, %s: %w", m.index, next.name, err)
		c.bumpLocked()
	}
	return true, time.Time{}
}

// nextLocked chooses what to do: recover what the node wrote as primary, open
// databases that are new, then follow the primary, database by database.
func (m *member) nextLocked() (*job, time.Time) {
	var due time.Time
	if m.holds > 0 || m.tenure != nil || m.down || m.broken != nil {
		return nil, due
	}
	for _, name := range slices.Sorted(maps.Keys(m.dbs)) {
		if d := m.dbs[name]; d.stale {
			return &job{"recover " + name, d.recover}, due
		}
	}
	from := m.followsLocked()
	if from == nil {
		return nil, due
	}
	for _, name := range slices.Sorted(maps.Keys(from.dbs)) {
		src, d := from.dbs[name], m.dbs[name]
		if d == nil {
			return &job{"create " + name, func(ctx context.Context) error {
				_, err := m.attach(ctx, name)
				return err
			}}, due
		}
		if d.pos == src.pos {
			continue
		}
		next, at := d.followLocked(src)
		at = at.Add(m.lag)
		if time.Until(at) <= 0 {
			return next, due
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return nil, due
}

// followLocked is the job that brings d closer to src, and when that could
// have been done at the earliest. If src's log does not continue d's position,
// it is the whole database at once; the position may go back by that.
func (d *database) followLocked(src *database) (*job, time.Time) {
	term := src.m.tenure.term
	if next := src.afterLocked(d.pos); next != nil {
		t, image := *next, d.image.With(next.change)
		return &job{fmt.Sprintf("apply %s of %s", t.post, d.name), func(ctx context.Context) error {
			if image.Checksum() != t.post.Checksum {
				return fmt.Errorf("checksum of %s is %016x", t.post, image.Checksum())
			}
			return d.applied(d.replace(ctx, image, t.post, false, func() {
				d.wal = src.wal
				d.line.Next(t.post, term)
				d.logLocked(t)
			}))
		}}, t.at
	}
	image, pos, keep := src.image, src.pos, d.m.c.opts.staleCaches
	var at time.Time
	if len(src.log) > 0 {
		at = src.log[len(src.log)-1].at
	}
	return &job{fmt.Sprintf("snapshot %s of %s", pos, d.name), func(ctx context.Context) error {
		return d.applied(d.replace(ctx, image, pos, keep, func() {
			d.wal = src.wal
			d.log = nil
			if b := d.line.Replace(pos, term); b != (engine.Break{}) {
				d.breaks = append(d.breaks, b)
			}
		}))
	}}, at
}

// applied marks a file that someone turned into WAL mode, which must be ended
// before it can be replaced.
func (d *database) applied(err error) error {
	if errors.Is(err, dbfile.ErrWAL) {
		d.m.c.mu.Lock()
		d.stale = true
		d.m.c.mu.Unlock()
	}
	return err
}

// interruptLocked ends the wait of the present step, if it waits.
func (m *member) interruptLocked() {
	if m.cancelStep != nil {
		m.cancelStep()
	}
}

// hold keeps replication from changing the node's files until release is
// called; it waits only for a step that is writing already.
func (m *member) hold() (release func()) {
	c := m.c
	c.mu.Lock()
	m.holds++
	m.interruptLocked()
	c.mu.Unlock()
	m.step.Lock()
	return func() {
		m.step.Unlock()
		c.mu.Lock()
		m.holds--
		c.bumpLocked()
		c.mu.Unlock()
	}
}
