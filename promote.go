package litefwd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/link"
)

// promoteBound bounds Promote for a context that has no deadline.
const promoteBound = 30 * time.Second

// Promote makes this node primary without losing a write, and returns when it
// is. The present primary stops admitting writes and lets those that run finish
// (for 3 s; transactions that are open then are rolled back, ErrTxExpired); this
// node's copies catch up to its last position; then the engine is asked to move
// the role. Writes that wait meanwhile, on every node, run on the new primary.
// Local reads on both nodes wait; those that run are ended after 250 ms: a query
// is run again by itself, a read-only transaction fails with ErrTxExpired.
//
// When Promote fails before the engine was asked, the primary writes on where it
// was. Afterwards the role may move all the same; see Status.
//
// Writers that do not go through litefwd are kept out by SQLite's lock for as
// long as the primary has the role, not longer: use client nodes for them.
//
// Engine "shared" cannot move the role (ErrUnsupported): end the primary's
// process by Shutdown instead.
func (n *Node) Promote(ctx context.Context) error { return n.core.promote(ctx) }

func (c *core) promote(ctx context.Context) error {
	p, ok := c.engine.(engine.Promoter)
	if !ok {
		return fault.Refuse(fault.Unsupported, "this engine cannot move the primary role; shut the primary down, and another node takes over")
	}
	if c.addr == "" {
		return fault.Refuse(fault.Unsupported, "a client cannot become primary: set Config.Listen")
	}
	if err := p.Candidate(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, promoteBound)
	defer cancel()
	began := time.Now()
	h, primary, err := c.askHandover(ctx)
	if err != nil || h == nil {
		return err
	}
	defer h.Close()
	open, err := c.gate.ShutWithin(ctx, readGrace) // they would hold up what is awaited here
	defer open()
	if err != nil {
		return fmt.Errorf("litefwd: ending local reads: %w", err)
	}
	if err := c.awaitPositions(ctx, h.Positions()); err != nil {
		return err
	}
	err = p.Promote(ctx, func() error { return h.Sent(ctx) })
	if err != nil {
		if errors.Is(err, fault.Unsupported) || errors.Is(err, fault.NoPrimary) {
			h.Done(false) //nolint:errcheck // the engine has refused: the role stays, and err says why
		}
		return fmt.Errorf("litefwd: moving the primary role from %s: %w", primary.Name, err)
	}
	c.log.Info("took the primary role over", "from", primary.Name, "took", time.Since(began))
	if err := h.Done(true); err != nil {
		c.log.Debug("the former primary was not told, and finds out from its engine", "from", primary.Name, "err", err)
	}
	return nil
}

// askHandover asks the primary, whichever node that is by the time, to stop
// writing. It returns nil if this node is primary itself.
func (c *core) askHandover(ctx context.Context) (*link.Handover, engine.Peer, error) {
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		s, changed := c.watch()
		primary, err := c.awaitPrimary(ctx)
		if err != nil || primary.Addr == c.addr {
			return nil, primary, err
		}
		peer, err := c.peer(primary.Addr)
		var h *link.Handover
		if err == nil {
			h, err = peer.Handover(ctx, drainBound)
		}
		switch {
		case err == nil:
			return h, primary, nil
		case !errors.Is(err, fault.NotPrimary) || ctx.Err() != nil:
			return nil, primary, fmt.Errorf("litefwd: asking the primary %s to stop writing: %w", primary.Name, err)
		}
		// The role has moved, and this node does not know yet where to.
		if now, _ := c.watch(); now.Term != s.Term {
			continue
		}
		select {
		case <-changed:
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// awaitPrimary returns the primary, once there is one that can be asked, or
// this node itself.
func (c *core) awaitPrimary(ctx context.Context) (engine.Peer, error) {
	for {
		s, changed := c.watch()
		if s.Role == engine.Primary {
			return engine.Peer{Name: c.cfg.Name, Addr: c.addr}, nil
		}
		if s.Primary.Addr != "" {
			return s.Primary, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return engine.Peer{}, fault.Refuse(fault.NoPrimary, "there is none that could hand its role over: %w", errors.Join(s.Problem, ctx.Err()))
		case <-c.stop:
			return engine.Peer{}, errNodeClosed()
		}
	}
}

// awaitPositions waits until this node's copies are exactly what the primary
// has, which does not write any more.
func (c *core) awaitPositions(ctx context.Context, positions map[string]engine.Position) error {
	s, _ := c.watch()
	for name, pos := range positions {
		db, err := c.database(name)
		if err != nil {
			return err
		}
		if err := db.tracker.Wait(ctx, pos, s.Term); err != nil {
			return fmt.Errorf("litefwd: this node's copy of %s did not reach the primary's position %v: %w", name, pos, err)
		}
		if now, _ := db.engine.Watch(); now != pos {
			return fault.Refuse(fault.HistoryChanged, "this node's copy of %s is at %v, and the primary at %v", name, now, pos)
		}
	}
	return nil
}

// passRole asks the nodes that are connected to take the primary role, one after
// the other, before this one stops: an engine that would find out by itself may
// need its lease to expire for that. It is no error if none does.
func (c *core) passRole(ctx context.Context) {
	s, _ := c.watch()
	_, ok := c.engine.(engine.Promoter)
	if !ok || s.Role != engine.Primary || c.server == nil {
		return
	}
	for _, to := range c.server.Peers() {
		if to.Addr == "" || to.Addr == c.addr || ctx.Err() != nil {
			continue
		}
		peer, err := c.peer(to.Addr)
		if err == nil {
			err = peer.Promote(ctx)
		}
		if err == nil {
			return
		}
		c.log.Warn("a node does not take the primary role over from this one, which stops", "to", to.Name, "addr", to.Addr, "err", err)
	}
}
