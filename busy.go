package litefwd

import (
	"context"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// Where locks of a copy are waited for here and not in SQLite's own busy handler,
// which sleeps for 1, 2, 5, 10, … ms, and cannot be told that the wait is in vain.

// The pauses between two attempts. LiteFS sets a copy's position some tenths of a
// millisecond before it gives its locks up (db.go, ApplyLTXNoLock), so that many
// reads come too early.
const (
	firstBusyPause = 100 * time.Microsecond
	maxBusyPause   = time.Millisecond
)

// isBusy reports whether err is that the copy is locked, on a handle that may be used
// again.
func isBusy(err error) bool { return fault.Code(err) == fault.CodeBusy && !isLost(err) }

// whileBusy runs f, which has found the copy locked, again until it does not, or
// Config.BusyTimeout has passed.
func (db *database) whileBusy(ctx context.Context, f func() error) error {
	timer := time.NewTimer(firstBusyPause)
	defer timer.Stop()
	began := time.Now()
	for pause := firstBusyPause; ; pause = min(2*pause, maxBusyPause) {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := f(); !isBusy(err) || time.Since(began) >= db.core.cfg.BusyTimeout {
			return err
		}
		timer.Reset(pause)
	}
}

// firstUse runs f, which reads something for the first time on a connection that is
// being opened, and waits for locks for as long as the copy is not another one: on a
// mount that has died they are held for ever.
func (db *database) firstUse(ctx context.Context, conn *sqldriver.Conn, f func() error) error {
	if db.replica == nil {
		return f()
	}
	return conn.WithBusyTimeout(ctx, 0, func() error {
		err := f()
		if !isBusy(err) {
			return err
		}
		history := db.history()
		return db.whileBusy(ctx, func() error {
			if db.history() != history {
				return fault.Refuse(fault.HistoryChanged, "%s was locked, and is another one now", db.name)
			}
			return f()
		})
	})
}
