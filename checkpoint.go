package litefwd

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

const (
	// clearBound is how long the writer waits for local reads to give their locks
	// up. Those that run for longer are SQLite's to wait for.
	clearBound = 50 * time.Millisecond
	// walLimit is the size of a WAL's file that SQLite was kept from resetting: it
	// does that by itself when 1000 pages, mostly of 4 KiB, are in it and nobody
	// reads from it. With reads that always follow one another it tries at each commit
	// and never comes to the end.
	walLimit = 4608 << 10
	// walEvery is how often the size is looked at, while there are commits; maxWALEvery
	// after checkpoints that were in vain, because somebody reads for long.
	walEvery    = 100 * time.Millisecond
	maxWALEvery = 10 * time.Second
)

// clearReads is writer.Options.ClearReads.
func (db *database) clearReads() func() (let func()) {
	if db.replica == nil {
		return nil
	}
	return func() (let func()) {
		ctx, cancel := context.WithTimeout(db.core.background, clearBound)
		defer cancel()
		open, _ := db.gate.Shut(ctx) //nolint:errcheck // its only error is that some read for longer
		return open
	}
}

// followWAL keeps the WAL from growing while this node is primary and local reads
// keep SQLite from resetting it, until the node stops.
func (db *database) followWAL() {
	pause := walEvery
	for {
		_, moved := db.engine.Watch()
		if w := db.currentWriter(); w != nil && db.walSize() >= walLimit {
			ctx, cancel := context.WithTimeout(db.core.background, db.core.cfg.BusyTimeout)
			done, err := w.Checkpoint(ctx)
			cancel()
			if pause = min(2*pause, maxWALEvery); done {
				pause = walEvery
			}
			if err != nil && !errors.Is(err, fault.NotPrimary) && !errors.Is(err, fault.Closed) {
				db.core.log.Debug("the WAL was not checkpointed", "db", db.name, "err", err)
			}
		}
		select {
		case <-time.After(pause):
		case <-db.core.stop:
			return
		}
		select {
		case <-moved:
		case <-db.core.stop:
			return
		}
	}
}

// walSize is the size of the WAL's file, which a checkpoint cuts to nothing.
func (db *database) walSize() int64 {
	info, err := os.Stat(db.path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}
