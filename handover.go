package litefwd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/serve"
	"github.com/litefwd/litefwd/internal/writer"
)

// The bounds of moving the primary role.
const (
	// drainBound is how long writes and transactions that run may take to end.
	drainBound = 3 * time.Second
	// readGrace is how long local reads may, which hold up the engine's change
	// of roles.
	readGrace = 250 * time.Millisecond
	// lockBound is how long to wait for writers that do not go through litefwd.
	lockBound = time.Second
	// moveBound is how long writes are held once the engine was asked to move
	// the role, and it is not known to have moved: LiteFS gives a handoff up
	// after 10 s at the latest (consul.go, Handoff; store.go, processHandoff).
	moveBound = 15 * time.Second
	// settleBound is how long a former primary keeps local reads waiting, so
	// that they do not hold up its becoming a replica.
	settleBound = 2 * time.Second
)

// handover is a primary that has stopped writing for another node, which is to
// take its place. It ends by resume, or with the role.
type handover struct {
	c         *core
	term      uint64
	positions map[string]engine.Position

	// mu guards the following.
	mu       sync.Mutex
	writers  map[*database]*writer.Writer
	openGate func() // or nil
	resumed  bool
}

var _ serve.Handover = (*handover)(nil)

// beginHandover stops all writes of this node's databases: those that wait, and
// those that come, are refused, by which their nodes hold them for the next
// primary; those that run get patience to end. Then SQLite's write locks are
// taken, against writers that do not go through litefwd. On an error nothing is
// stopped.
func (c *core) beginHandover(ctx context.Context, to serve.PeerInfo, patience time.Duration) (_ serve.Handover, err error) {
	if _, ok := c.engine.(engine.Promoter); !ok {
		return nil, fault.Refuse(fault.Unsupported, "this engine cannot move the primary role")
	}
	state, _ := c.watch()
	if state.Role != engine.Primary {
		return nil, fault.Refuse(fault.NotPrimary, "node %s is %s", c.cfg.Name, state.Role)
	}
	h := &handover{c: c, term: state.Term, positions: map[string]engine.Position{}, writers: map[*database]*writer.Writer{}}
	if !c.handing.CompareAndSwap(nil, h) {
		return nil, fault.Refuse(fault.Overloaded, "node %s is handing the primary role over already", c.cfg.Name)
	}
	defer func() {
		if err != nil {
			h.resume()
		}
	}()
	dbs, err := c.allDatabases()
	if err != nil {
		return nil, err
	}
	if err := h.pause(ctx, patience, dbs); err != nil {
		return nil, err
	}
	for _, db := range dbs {
		if err := h.settle(ctx, db); err != nil {
			return nil, err
		}
	}
	c.log.Info("writes stopped to hand the primary role over", "to", to.Name, "addr", to.Addr, "term", h.term, "databases", len(dbs))
	return h, nil
}

// allDatabases returns every database of the directory, also those that nobody
// has opened, and those that are open and have no file yet.
func (c *core) allDatabases() ([]*database, error) {
	entries, err := os.ReadDir(c.cfg.dir())
	if err != nil {
		return nil, fmt.Errorf("litefwd: the databases of %s: %w", c.cfg.dir(), err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || checkDatabaseName(e.Name()) != nil {
			continue
		}
		if _, err := c.database(e.Name()); err != nil {
			return nil, err
		}
	}
	return c.databases(), nil
}

// pause pauses the writers, side by side. handing is set, so that none is made
// meanwhile.
func (h *handover) pause(ctx context.Context, patience time.Duration, dbs []*database) error {
	// A successor that is gone must not end what runs: writes go on instead.
	defer context.AfterFunc(ctx, h.resume)()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	errs := make([]error, len(dbs))
	var pausing sync.WaitGroup
	for i, db := range dbs {
		w, err := db.openWriter(h.term)
		if err != nil {
			return err
		}
		h.mu.Lock()
		gone := h.resumed
		h.writers[db] = w
		h.mu.Unlock()
		if gone {
			break
		}
		pausing.Go(func() { errs[i] = w.Pause(ctx) })
	}
	pausing.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("litefwd: writes could not be stopped in time: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.resumed {
		return fault.Refuse(fault.Overloaded, "the node that wanted the role is gone")
	}
	return nil
}

// settle takes the write lock of a database whose writer is paused, and notes
// its final position.
func (h *handover) settle(ctx context.Context, db *database) error {
	if !db.exists() {
		return nil // and the lock would make it
	}
	lock, cancel := context.WithTimeout(ctx, lockBound)
	defer cancel()
	h.mu.Lock()
	w := h.writers[db]
	h.mu.Unlock()
	if _, err := w.HoldLock(lock); err != nil {
		return fmt.Errorf("litefwd: the write lock of %s, so that no program writes it past litefwd during the handover: %w", db.name, err)
	}
	if err := db.engine.Fence(h.term); err != nil {
		return err
	}
	pos, err := db.engine.Committed(ctx)
	if err != nil {
		return fmt.Errorf("litefwd: the final position of %s: %w", db.name, err)
	}
	h.positions[db.name] = pos
	return nil
}

// Positions implements serve.Handover.
func (h *handover) Positions() map[string]engine.Position { return maps.Clone(h.positions) }

// Sent implements serve.Handover: the engine is about to be asked. Local reads
// would hold up this node's becoming a replica.
func (h *handover) Sent() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*readGrace)
	defer cancel()
	open, err := h.c.gate.ShutWithin(ctx, readGrace)
	if err != nil {
		open()
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.openGate = open
	return nil
}

// resume lets writes go on, here or wherever the primary is.
func (h *handover) resume() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.resumed {
		return // the next handover may be under way
	}
	h.resumed = true
	h.letReadLocked()
	for _, w := range h.writers {
		w.Resume() // a writer whose term is lost is closed meanwhile, and stays so
	}
	h.c.handing.CompareAndSwap(h, nil)
}

// End implements serve.Handover.
func (h *handover) End(outcome serve.HandoverOutcome) {
	h.c.log.Info("handover ended", "outcome", outcome.String(), "term", h.term)
	if outcome == serve.HandoverCancelled || outcome == serve.HandoverNotMoved {
		h.resume()
		return
	}
	h.c.goroutines.Go(h.awaitMove)
}

// awaitMove is called when the engine was, or may have been, asked. Writes stay
// held until the role has moved, or the engine says for moveBound that it has
// not.
func (h *handover) awaitMove() {
	bound := time.NewTimer(moveBound)
	defer bound.Stop()
	// The role moves soon or not at all; reads need not wait for the second.
	reads := time.AfterFunc(settleBound, h.letRead)
	defer reads.Stop()
	for {
		s, changed := h.c.watch()
		if s.Role != engine.Primary || s.Term != h.term {
			break
		}
		select {
		case <-changed:
			continue
		case <-h.c.stop:
		case <-bound.C:
			h.c.log.Warn("the primary role did not move; writes go on", "term", h.term, "waited", moveBound)
		}
		h.resume()
		return
	}
	// Not the reads yet: what the engine does now needs every lock.
	h.release()
	bound.Reset(settleBound)
	for {
		s, changed := h.c.watch()
		if s.Role != engine.Unknown {
			break
		}
		select {
		case <-changed:
			continue
		case <-h.c.stop:
		case <-bound.C:
		}
		break
	}
	h.resume()
}

// letRead opens the gate for local reads.
func (h *handover) letRead() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.letReadLocked()
}

func (h *handover) letReadLocked() {
	if h.openGate != nil {
		h.openGate()
	}
}

// release gives SQLite's locks up: their term is over.
func (h *handover) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.writers {
		if err := w.Close(); err != nil {
			h.c.log.Warn("closing the writer of a lost term", "err", err)
		}
	}
}
