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
// for the slot; reads are kept out only for the end of it. Without a WAL, or while
// somebody else reads from it all the same, it does less or nothing, and waits for
// nobody.
func (w *Writer) Checkpoint(ctx context.Context) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	if err := w.slot.acquire(ctx, w.opts.BusyTimeout, ""); err != nil {
		return err
	}
	defer w.slot.release()
	return w.withConn(ctx, nil, func(c *conn) error {
		if err := w.opts.Database.Fence(w.opts.Term); err != nil {
			return notPrimary(err)
		}
		// Most of the work is done beside those who read.
		if err := c.run("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
			return err
		}
		if w.opts.ClearReads != nil {
			defer w.opts.ClearReads()()
		}
		return c.withBusyTimeout(0, func() error { return c.run("PRAGMA wal_checkpoint(TRUNCATE)") })
	})
}
