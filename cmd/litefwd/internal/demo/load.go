package demo

import (
	"context"
	"sync"
	"time"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// refusalPause is how long a writer rests after a write that was refused: the
// node is going, or the cluster has no primary.
const refusalPause = 20 * time.Millisecond

// load writes the lines of a queue through nodes and records what became of
// them.
type load struct {
	queue  *queue
	ledger *ledger
	// writers is how many writes one node is given at the same time.
	writers int
	running sync.WaitGroup
}

// through starts the writers of one node. They end when all lines are
// settled, when gone is closed, or with ctx; wait waits for them.
func (l *load) through(ctx context.Context, c *client, gone <-chan struct{}) {
	for range l.writers {
		l.running.Go(func() {
			for {
				line, ok := l.queue.take(ctx, gone)
				if !ok {
					return
				}
				if !l.send(ctx, c, line) {
					sleep(ctx, refusalPause)
				}
			}
		})
	}
}

func (l *load) wait() { l.running.Wait() }

// send writes one line and settles it, or puts it back and returns false.
func (l *load) send(ctx context.Context, c *client, line demoapp.Line) bool {
	sent := time.Now()
	err := c.write(ctx, line)
	switch {
	case err == nil:
		l.ledger.acknowledge(line.N, c.name, sent, time.Now())
	case fateOf(err) == demoapp.NotApplied:
		l.ledger.refused()
		l.queue.putBack(line)
		return false
	default:
		l.ledger.doubt(line.N)
	}
	l.queue.settle()
	return true
}

// sleep waits for d or the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
