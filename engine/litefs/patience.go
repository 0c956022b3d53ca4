package litefs

import (
	"context"
	"fmt"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// readWithin reads the position, but waits no longer than ctx and wait.
func (d *database) readWithin(ctx context.Context, wait time.Duration) (engine.Position, error) {
	return d.within(ctx, wait, func() (engine.Position, error) {
		pos, _, err := d.file.read()
		return pos, err
	})
}

// maxHelpers bounds the goroutines that hang in the kernel per database.
const maxHelpers = 8

// within runs read on a goroutine that may be left behind: it ends when the
// kernel lets it go.
func (d *database) within(ctx context.Context, wait time.Duration,
	read func() (engine.Position, error),
) (engine.Position, error) {
	type result struct {
		pos engine.Position
		err error
	}
	if d.helpers.Add(1) > maxHelpers {
		d.helpers.Add(-1)
		return engine.Position{}, fmt.Errorf("reading %s hangs: LiteFS is stopped or hung", d.file.path)
	}
	done := make(chan result, 1) // buffered: nobody may be there any more
	e := d.engine
	e.mu.Lock()
	e.goLoose(func() {
		defer d.helpers.Add(-1)
		pos, err := read()
		done <- result{pos, err}
	})
	e.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.pos, r.err
	case <-timer.C:
		return engine.Position{}, fmt.Errorf("reading %s has not returned for %s: LiteFS is stopped or hung", d.file.path, wait)
	case <-ctx.Done():
		return engine.Position{}, fmt.Errorf("reading %s: %w", d.file.path, ctx.Err())
	}
}
