package main

import (
	"context"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// sighting is when a position was first seen, by rig.Now.
type sighting struct {
	at   time.Duration
	txid uint64
}

// watcher looks at the replica's position all the time. It is a goroutine that ends
// when the position that until names is seen, or its context ends.
type watcher struct {
	until chan uint64   // buffer 1: who names it does not wait
	ended chan struct{} // closed when the following are valid
	seen  []sighting    // each position that was seen
	err   error         // why the position of until was not seen
}

// lookEvery is short against a replication of 1 ms, and still leaves a processor to
// those who are measured.
const lookEvery = 300 * time.Microsecond

func watch(ctx context.Context, pos *rig.Position) *watcher {
	w := &watcher{until: make(chan uint64, 1), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		w.err = w.look(ctx, pos)
	}()
	return w
}

func (w *watcher) look(ctx context.Context, pos *rig.Position) error {
	var last, until uint64
	for ctx.Err() == nil {
		txid, err := pos.TXID()
		if err != nil {
			return err
		}
		if txid != last {
			last = txid
			w.seen = append(w.seen, sighting{rig.Now(), txid})
		}
		select {
		case until = <-w.until:
		default:
		}
		if until > 0 && last >= until {
			return nil
		}
		rig.Pause(lookEvery)
	}
	return context.Cause(ctx)
}

// reached waits until txid has been seen and returns all sightings.
func (w *watcher) reached(txid uint64) ([]sighting, error) {
	w.until <- txid
	<-w.ended
	return w.seen, w.err
}
