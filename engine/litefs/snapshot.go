package litefs

import (
	"context"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Snapshot implements [engine.Replicated].
//
// Let L be the position known before "-pos" is read, and P what it says. It
// is never older than anything known, so P before L is a copy that went back.
// P after L is a change whose event is on its way; only that event, and those
// before it, tell whether P follows from L, so they are waited for. They do
// not need the reader's locks: LiteFS sends them after the change is applied.
//
// "-pos" is read on the caller's goroutine. If LiteFS is frozen that hangs, as
// the read of the database before it would have.
func (d *database) Snapshot(ctx context.Context, history uint64) (engine.Position, error) {
	m := d.mark()
	if m.history != history {
		return engine.Position{}, d.otherHistory()
	}
	p, _, err := d.file.read()
	if err != nil {
		if d.engine.alone.Err() != nil {
			return engine.Position{}, errClosed
		}
		// The mount died, and this connection with it: it stays broken after
		// LiteFS is back.
		d.Failed(nil)
		d.step(func(t *track) change { t.raise(); return change{} })
		return engine.Position{}, fault.New(fault.HistoryChanged, "the position of %s cannot be read: %w", d.name, err)
	}
	if ok, err := d.settled(m, p); ok || err != nil {
		return p, err
	}
	timeout := time.NewTimer(d.engine.timing.snapshotWait)
	defer timeout.Stop()
	for {
		d.mu.Lock()
		news := d.news.wait()
		d.mu.Unlock()
		if ok, err := d.settled(m, p); ok || err != nil {
			return p, err
		}
		select {
		case <-news:
		case <-timeout.C:
			return engine.Position{}, fault.New(fault.HistoryChanged,
				"%s is at %v, but LiteFS's events have not come that far within %s", d.name, p, d.engine.timing.snapshotWait)
		case <-ctx.Done():
			return engine.Position{}, ctx.Err()
		case <-d.engine.alone.Done():
			return engine.Position{}, errClosed
		}
	}
}

// Newest implements [engine.Replicated]. LiteFS has set "-pos" before a COMMIT on
// this machine returns (db.go, setPos).
func (d *database) Newest() (engine.Position, uint64, error) {
	m := d.mark()
	if d.engine.tenure.Load() == nil {
		return m.pos, m.history, nil
	}
	p, _, err := d.file.read()
	return p, m.history, err
}

// settled reports whether p, read after m was taken, follows from it in one
// history: yes, not yet, or never (an error).
func (d *database) settled(m mark, p engine.Position) (bool, error) {
	var history uint64
	var known, ok bool
	if p == m.pos {
		d.mu.Lock()
		if d.track.live && d.track.based {
			history, known, ok = d.track.history, true, true
		}
		d.mu.Unlock()
	}
	if !known {
		d.step(func(t *track) change {
			c := t.read(m, p)
			history = t.history
			if known, ok = t.confirmed(p); p == m.pos {
				known, ok = true, true
			}
			return c
		})
	}
	switch {
	case history != m.history:
		return false, d.otherHistory()
	case known && !ok:
		return false, d.otherHistory()
	default:
		return known, nil
	}
}

func (d *database) otherHistory() error {
	return fault.New(fault.HistoryChanged, "%s may have been replaced since this connection was opened", d.name)
}
