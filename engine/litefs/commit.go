package litefs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/lineage"
)

// fenced is what Fence saw. There is one writing transaction at a time.
type fenced struct {
	tenure *tenure
	at     engine.Position // known then; older than the truth if others write too
	based  bool            // at is known
	gen    uint64          // of the descriptor of "-pos", 0 if it was not open
}

// Fence implements [engine.Database] without I/O. It is LiteFS that keeps a
// node without the lease from writing; the fence keeps transactions of one
// term from running in another.
func (d *database) Fence(term uint64) error {
	t, err := d.engine.serving(term)
	if err != nil {
		return err
	}
	gen := d.file.generation()
	d.mu.Lock()
	d.fenced = fenced{tenure: t, at: d.track.line.Last(), based: d.track.based, gen: gen}
	d.mu.Unlock()
	return nil
}

// Serves implements [engine.Database].
func (d *database) Serves(term uint64) error {
	_, err := d.engine.serving(term)
	return err
}

// serving returns the tenure of that term, if it lasts.
func (e *Engine) serving(term uint64) (*tenure, error) {
	t := e.tenure.Load()
	if t == nil || t.term != term {
		return nil, fault.Refuse(fault.NotPrimary, "%s", e.whoIsPrimary())
	}
	return t, nil
}

// whoIsPrimary says it for a refusal.
func (e *Engine) whoIsPrimary() string {
	state, _ := e.Watch()
	switch {
	case state.Role == engine.Primary:
		return fmt.Sprintf("this node is primary of %s in term %d, not the one asked for", e.dir, state.Term)
	case state.Primary.Name != "":
		return fmt.Sprintf("the primary of %s is %s", e.dir, state.Primary.Name)
	case state.Problem != nil:
		return state.Problem.Error()
	default:
		return fmt.Sprintf("the primary of %s is not known", e.dir)
	}
}

var (
	errTenure  = errors.New("the primary role was lost before the commit could be confirmed")
	errNoFence = errors.New("Committed was called without Fence")
)

// Committed implements [engine.Database].
//
// SQLite's word is no proof: in WAL mode LiteFS makes a commit where SQLite
// releases a lock, which cannot fail, and ends its process if it has lost the
// lease by then (db.go, CommitWAL; Exit(99)). So "-pos" must be readable,
// through the same descriptor as before, and this node must have been primary
// all the time. If "-pos" is at most one transaction further than at Fence
// nobody else has written; otherwise the events must have come that far.
func (d *database) Committed(ctx context.Context) (engine.Position, error) {
	e := d.engine
	d.mu.Lock()
	f := d.fenced
	d.mu.Unlock()
	if f.tenure == nil {
		return engine.Position{}, errNoFence
	}
	// On this goroutine: COMMIT has just been through LiteFS, which is not frozen,
	// and another goroutine costs two wake-ups.
	p, err := d.readFenced(f)
	if err != nil {
		return engine.Position{}, fmt.Errorf("after COMMIT: %w", err)
	}
	timeout := time.NewTimer(e.timing.commitWait)
	defer timeout.Stop()
	for {
		d.mu.Lock()
		news := d.news.wait()
		known, ok := d.track.confirmed(p)
		alone := f.based && (p == f.at || p.TXID == f.at.TXID+1)
		d.mu.Unlock()
		switch {
		case e.tenure.Load() != f.tenure:
			return engine.Position{}, errTenure
		case f.based && lineage.GoesBack(f.at, p), known && !ok && !alone:
			return engine.Position{}, fmt.Errorf("after COMMIT %s is at %v, which does not follow from %v", d.name, p, f.at)
		case alone:
			d.step(func(t *track) change { t.advanceTo(p, f.tenure.term); return change{} })
			return p, nil
		case known:
			return p, nil
		}
		select {
		case <-news:
		case <-timeout.C:
			return engine.Position{}, fmt.Errorf("after COMMIT %s is at %v, but LiteFS's events have not come that far within %s",
				d.name, p, e.timing.commitWait)
		case <-ctx.Done():
			return engine.Position{}, ctx.Err()
		case <-e.alone.Done():
			return engine.Position{}, errClosed
		}
	}
}

// CommittedAfter implements [engine.Replicated]. LiteFS sends its events when a commit
// is on the disk and "-pos" has moved (db.go, CommitWAL and CommitJournal), which is
// before SQLite's COMMIT returns. Reading "-pos" takes 0.14 ms then.
func (d *database) CommittedAfter(p engine.Position) (engine.Position, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next, ok := d.track.line.After(p)
	ok = ok && d.track.live && d.fenced.tenure != nil && d.engine.tenure.Load() == d.fenced.tenure
	return next, ok
}

// readFenced reads "-pos" through the descriptor that was open at Fence.
func (d *database) readFenced(f fenced) (engine.Position, error) {
	if f.gen != 0 {
		pos, err := d.file.readSame(f.gen)
		if err == nil && pos == f.at {
			// The kernel may have said so, of a LiteFS that is gone.
			err = d.file.alive(f.gen)
		}
		return pos, err
	}
	pos, _, err := d.file.read() // this transaction made the database
	return pos, err
}
