package writer

import (
	"context"
	"strings"
)

// Local reads may keep their locks for longer than they read, where locks are
// slow (LiteFS). Then the Writer asks them out of the way (Options.ClearReads)
// where SQLite needs the file for itself:
//
//	COMMIT in a rollback-journal mode | it needs an exclusive lock
//	a checkpoint that resets the WAL  | it needs that nobody reads from it
//
// In WAL mode a commit is in nobody's way.

// clearForCommit clears the reads if COMMIT needs that; let is to be called after
// it.
func (s *scope) clearForCommit() (let func()) {
	if s.w.opts.ClearReads == nil || s.c.readOnly || s.c.walMode() {
		return func() {}
	}
	return s.w.opts.ClearReads()
}

// walMode reports whether the database is in WAL mode now. Inside a transaction
// SQLite knows it without I/O.
func (c *conn) walMode() bool {
	row, err := c.row(c.journalMode)
	return err == nil && len(row) == 1 && strings.EqualFold(text(row[0]), "wal")
}

// Checkpoint copies the WAL into the database and makes it start anew, so that it
// does not grow while there is always somebody who reads from it
// (https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files). It waits
// for the slot; reads are kept out only for the end of it. done is false where somebody
// reads an old state for long, so that most of the WAL has to stay: then nobody is
// kept out.
func (w *Writer) Checkpoint(ctx context.Context) (done bool, err error) {
	if err := w.enter(); err != nil {
		return false, err
	}
	defer w.leave()
	if err := w.slot.acquire(ctx, w.opts.BusyTimeout, ""); err != nil {
		return false, err
	}
	defer w.slot.release()
	err = w.withConn(ctx, nil, func(c *conn) error {
		if err := w.opts.Database.Fence(w.opts.Term); err != nil {
			return notPrimary(err)
		}
		// Most of the work is done beside those who read.
		frames, copied, err := c.checkpoint("PASSIVE")
		if err != nil || copied < frames-frames/4 {
			return err
		}
		if w.opts.ClearReads != nil {
			defer w.opts.ClearReads()()
		}
		return c.withBusyTimeout(0, func() error {
			frames, copied, err := c.checkpoint("TRUNCATE")
			done = err == nil && copied == frames
			return err
		})
	})
	return done, err
}

// checkpoint returns how many frames the WAL has, and how many of them are in the
// database afterwards.
func (c *conn) checkpoint(mode string) (frames, copied int64, err error) {
	row, err := c.db.QueryRow(context.Background(), "PRAGMA wal_checkpoint("+mode+")") // busy, frames, copied
	if err != nil || len(row) != 3 {
		return 0, 0, c.failed(err)
	}
	frames, _ = row[1].(int64)
	copied, _ = row[2].(int64)
	if row[0] != int64(0) {
		copied = min(copied, frames-1) // somebody was in the way
	}
	return frames, copied, nil
}
