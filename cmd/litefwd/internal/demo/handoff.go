package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/promote"
)

// handoffAfter is the share of the lines, in percent, after which the primary
// role is moved.
const handoffAfter = 20

// handoff moves the primary role to the next node, as "litefwd promote" does,
// while all nodes are given writes, and looks there for every write that was
// acknowledged before.
func (d *demo) handoff(ctx context.Context) error {
	if !d.waitFor(ctx, handoffAfter) {
		return context.Cause(ctx)
	}
	i, from, ok := d.cluster.primary()
	if !ok {
		return errors.New("no node says that it is primary, so there is none to take over from")
	}
	to := d.cluster.all()[(i+1)%nodes]
	ledger := d.load.ledger
	ledger.askHandoff(from.name, to.name, time.Now())
	outcome := promote.Ask(ctx, d.servers.peers[to.name], d.servers.creds)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if outcome.Role != promote.Moved {
		return fmt.Errorf("%s was asked to take the primary role over from %s, which is %s: %s", to.name, from.name, outcome.Role, outcome.Error)
	}
	ledger.endHandoff(time.Now())
	if err := d.awaitWrite(ctx); err != nil {
		return err
	}
	must := ledger.acknowledgedLines()
	rows, err := to.client.rows(ctx)
	if err != nil {
		return fmt.Errorf("ask %s, which is primary now, for its rows: %w", to.name, err)
	}
	there := linesOf(rows)
	lost := 0
	for _, n := range must {
		if !there[n] {
			lost++
		}
	}
	ledger.checkHandoff(len(must), lost)
	h := ledger.handedOff()
	d.story.tell("litefwd promote: %s took the role over from %s in %s", to.name, from.name, millis(h.ended.Sub(h.asked)))
	d.story.tell("writers paused for %s; %s acknowledged until then, %d lost", millis(h.pause.longest), writes(len(must)), lost)
	return nil
}

// awaitWrite waits until a write is acknowledged that ends the pause.
func (d *demo) awaitWrite(ctx context.Context) error {
	bound, cancel := context.WithTimeoutCause(ctx, takeoverLimit,
		fmt.Errorf("%v after the primary role moved no write is acknowledged", takeoverLimit))
	defer cancel()
	for !d.load.ledger.wroteSinceHandoff() {
		if sleep(bound, time.Millisecond); bound.Err() != nil {
			return context.Cause(bound)
		}
	}
	return nil
}
