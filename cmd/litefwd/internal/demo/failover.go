package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// killAfter and restartAfter are the shares of the lines, in percent,
	// after which the primary is killed and started again.
	killAfter, restartAfter = 40, 65
	// takeoverLimit is how long the survivors may take.
	takeoverLimit = 30 * time.Second
)

// failover moves the primary role, if the engine can, kills the primary in the
// middle of the load, measures how the others take over, and starts it again.
func (d *demo) failover(ctx context.Context) error {
	if d.servers != nil {
		if err := d.handoff(ctx); err != nil {
			return err
		}
	}
	if d.options.NoKill {
		return nil
	}
	if !d.waitFor(ctx, killAfter) {
		return context.Cause(ctx)
	}
	i, victim, ok := d.cluster.primary()
	if !ok {
		return errors.New("no node says that it is primary, so there is none to kill")
	}
	if err := d.killPrimary(ctx, i, victim); err != nil {
		return err
	}
	if d.options.NoRestart || !d.waitFor(ctx, restartAfter) {
		return context.Cause(ctx)
	}
	return d.restart(ctx, i)
}

// waitFor waits until percent of the lines are settled.
func (d *demo) waitFor(ctx context.Context, percent int) bool {
	select {
	case <-d.load.queue.reached(d.load.queue.total * percent / 100):
		return true
	case <-ctx.Done():
		return false
	}
}

// killPrimary kills the victim, node i, and waits until the survivors write
// again. With engine litefs the whole server dies: its LiteFS as well.
//
// The clock starts before the signal is sent. Writes that were on their way
// may still be answered, so the first write counted is one that was sent
// after it: each survivor gets one at once.
func (d *demo) killPrimary(ctx context.Context, i int, victim *member) error {
	d.load.ledger.kill(victim.name, time.Now())
	if err := victim.kill(); err != nil {
		return fmt.Errorf("kill %s: %w", victim.name, err)
	}
	if d.servers != nil {
		if err := d.servers.kill(i); err != nil {
			return fmt.Errorf("kill the LiteFS of %s: %w", victim.name, err)
		}
	}
	for _, m := range d.cluster.live() {
		if m == victim {
			continue
		}
		if line, ok := d.load.queue.take(ctx, nil); ok {
			d.load.running.Go(func() { d.load.send(ctx, m.client, line) })
		}
	}
	if d.servers == nil {
		d.story.tell("killed %s (primary, pid %d) with SIGKILL", victim.name, victim.pid())
		return d.awaitTakeover(ctx)
	}
	d.story.tell("killed %s (primary), pid %d and its LiteFS, with SIGKILL", victim.name, victim.pid())
	if err := d.lookAtSurvivors(ctx, victim); err != nil {
		return err
	}
	return d.awaitTakeover(ctx)
}

// awaitTakeover waits until a survivor is primary and a write is acknowledged.
func (d *demo) awaitTakeover(ctx context.Context) error {
	deadline := time.NewTimer(takeoverLimit)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond) // the times are taken elsewhere, when things happen
	defer tick.Stop()
	for {
		t := d.load.ledger.times()
		if !t.announced.IsZero() && !t.firstAck.IsZero() {
			d.story.tell("%s is primary, %s after the kill", t.announcer, millis(t.announced.Sub(t.killed)))
			d.story.tell("the first write is acknowledged through %s, after %s", t.firstVia, millis(t.firstAck.Sub(t.killed)))
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return fmt.Errorf("%v after the kill no survivor has taken over: new primary %s, first write %s",
				takeoverLimit, happened(t.announced), happened(t.firstAck))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func happened(t time.Time) string {
	if t.IsZero() {
		return "missing"
	}
	return "seen"
}

// restart starts the killed node again and gives it writes.
func (d *demo) restart(ctx context.Context, i int) error {
	start := time.Now()
	d.load.ledger.comeBack(start)
	if d.servers != nil {
		if err := d.servers.restart(ctx, i); err != nil {
			return fmt.Errorf("start the LiteFS of %s again: %w", nodeName(i), err)
		}
	}
	m, err := d.cluster.start(ctx, i)
	if err != nil {
		return err
	}
	d.story.tell("started %s again (pid %d); it serves after %s", m.name, m.pid(), millis(time.Since(start)))
	d.load.through(ctx, m.client, m.gone)
	return nil
}

// millis formats a duration as milliseconds.
func millis(d time.Duration) string {
	ms := float64(d.Microseconds()) / 1000
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
