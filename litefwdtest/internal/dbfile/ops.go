package dbfile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// ErrWAL is returned by Apply for a file in WAL mode, whose readers cannot be
// excluded. Recover ends that.
var ErrWAL = errors.New("the file is in WAL mode")

// Capture returns the database as it is committed now. It waits for the
// database's write lock until ctx ends; readers do not hinder it. base is the
// last known image, with which the result shares what has not changed.
func (f *File) Capture(ctx context.Context, base *Image) (m *Image, err error) {
	// On an empty file BEGIN IMMEDIATE would create a journal for page 1.
	if size, err := f.size(); err != nil || size == 0 {
		return nil, err
	}
	err = f.whenLocked(ctx, "BEGIN IMMEDIATE", func() (err error) {
		m, err = f.read(base)
		return err
	})
	return m, err
}

// Apply replaces the file's contents by to. from is what it contains now, as
// the last Apply, Capture or Recover left it.
//
// It waits until no other connection reads or writes, or ctx ends. Once it
// begins it is not interrupted. published is called while readers are still
// excluded, so that whoever learns of the new contents by it and then starts
// to read finds them.
//
// With keepCounter the change counter stays as it was: connections that have
// pages in their cache then do not notice, which is what LiteFS can do to them
// when it replaces a diverged copy.
func (f *File) Apply(ctx context.Context, from, to *Image, keepCounter bool, published func()) error {
	return f.whenLocked(ctx, "BEGIN EXCLUSIVE", func() error {
		if wal, err := f.isWAL(); err != nil || wal {
			return errors.Join(err, ErrWAL)
		}
		if err := f.write(from, to, keepCounter); err != nil {
			return fmt.Errorf("%s is damaged: %w", f.path, err)
		}
		published()
		return nil
	})
}

// write puts the pages in which to differs from from into the file.
func (f *File) write(from, to *Image, keepCounter bool) error {
	next := f.nextCounter
	if keepCounter {
		next = f.noteCounter
	}
	counter, err := next()
	if err != nil {
		return err
	}
	if to.Pages() == 0 {
		return f.raw.Truncate(0)
	}
	pages := diff(from, to)
	pages[0] = forFile(to.pages[0], counter) // always: the counter is in it
	for i, p := range pages {
		if _, err := f.raw.WriteAt(p, int64(i)*int64(to.pageSize)); err != nil {
			return err
		}
	}
	return f.raw.Truncate(int64(len(to.pages)) * int64(to.pageSize))
}

// Recover does what LiteFS does when a node's role changes: it waits until it
// has every lock, and takes stock. The file is in rollback-journal form after
// it; for one in WAL mode that means that every other connection must be
// closed. It returns what the file contains.
func (f *File) Recover(ctx context.Context, base *Image) (m *Image, err error) {
	if size, err := f.size(); err != nil || size == 0 {
		return nil, err
	}
	if err := f.setJournal(ctx, "delete"); err != nil {
		return nil, err
	}
	err = f.whenLocked(ctx, "BEGIN EXCLUSIVE", func() (err error) {
		m, err = f.read(base)
		return err
	})
	return m, err
}

// SetWAL turns the file into WAL mode; it waits for a moment without readers.
func (f *File) SetWAL(ctx context.Context) error { return f.setJournal(ctx, "wal") }

func (f *File) setJournal(ctx context.Context, mode string) error {
	return retryBusy(ctx, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		// Changing nothing must not touch the file: "delete" would also end
		// the control connection's own persistent journal.
		if wal, err := f.isWAL(); err != nil || wal == (mode == "wal") {
			return err
		}
		row, err := f.ctl.QueryRow(context.Background(), "PRAGMA journal_mode = "+mode)
		if err != nil {
			return err
		}
		if got := fmt.Sprintf("%s", row); len(row) != 1 || got != "["+mode+"]" {
			return fmt.Errorf("journal mode is %s, not %s", got, mode)
		}
		return nil
	})
}

// Check runs integrity_check on a connection of its own, which has seen
// nothing of the file before.
func (f *File) Check(ctx context.Context) (err error) {
	conn, err := sqldriver.Connect(ctx, f.connector)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	row, err := conn.QueryRow(ctx, "PRAGMA integrity_check(10)")
	if err != nil {
		return err
	}
	if s := fmt.Sprintf("%s", row); s != "[ok]" {
		return fmt.Errorf("integrity_check: %s", s)
	}
	return nil
}

func (f *File) size() (int64, error) {
	info, err := f.raw.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// read makes an image of the file while its write lock is held. The WAL comes
// first: a checkpoint on another connection may copy pages from it into the
// file meanwhile, and those are taken from the WAL in either case.
func (f *File) read(base *Image) (*Image, error) {
	wal, err := f.isWAL()
	if err != nil {
		return nil, err
	}
	var frames *walFrames
	if wal {
		if frames, err = readWAL(f.path + "-wal"); err != nil {
			return nil, err
		}
	}
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	if size > maxBytes {
		return nil, fmt.Errorf("%s has %d bytes; litefwdtest copies at most %d", f.path, size, maxBytes)
	}
	if _, err := f.noteCounter(); err != nil {
		return nil, err
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f.raw, 0, size), b); err != nil {
		return nil, err
	}
	return newImage(base, b, frames)
}
