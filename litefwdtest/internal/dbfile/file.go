package dbfile

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// Waits between two attempts at SQLite's lock. SQLite tells nobody when a lock
// becomes free, so it has to be asked again, as LiteFS does.
const (
	firstWait = time.Millisecond / 4
	maxWait   = 8 * time.Millisecond
)

// File is one database file with its control connection.
//
// All methods may be called from several goroutines.
type File struct {
	path      string
	connector driver.Connector
	raw       *os.File // see the package comment for how long it lives

	mu sync.Mutex // guards the following, and is held for one attempt at SQLite's lock
	// ctl never changes the database and has no busy timeout of its own.
	ctl     *sqldriver.Conn
	counter uint32 // the highest change counter that this File has seen or written
}

// Open opens the database at path with the user's connector, and creates an
// empty file if there is none.
//
// A connector that turns a fresh file into WAL mode is refused: it would do so
// on replicas too.
func Open(ctx context.Context, path string, connector driver.Connector) (*File, error) {
	raw, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f := &File{path: path, connector: connector, raw: raw}
	wasWAL, err := f.isWAL()
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	if err := f.connect(ctx, wasWAL); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), raw.Close())
	}
	return f, nil
}

func (f *File) connect(ctx context.Context, wasWAL bool) (err error) {
	ctl, err := sqldriver.Connect(ctx, f.connector)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ctl.Close())
		}
	}()
	if _, err := ctl.QueryRow(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return err
	}
	isWAL, err := f.isWAL()
	if err != nil {
		return err
	}
	if isWAL && !wasWAL {
		return errors.New("the connector sets journal_mode=WAL, which replicas must not: " +
			"leave the journal mode out of it, and set it on the primary")
	}
	f.ctl = ctl
	return nil
}

// Close closes the control connection, its connector, and then the descriptor. The caller has
// closed every other SQLite handle on the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := []error{f.ctl.Close()}
	if closer, ok := f.connector.(io.Closer); ok {
		errs = append(errs, closer.Close())
	}
	return errors.Join(append(errs, f.raw.Close())...)
}

// Path returns the file's path.
func (f *File) Path() string { return f.path }

// IsWAL reports whether the file is in WAL mode.
func (f *File) IsWAL() (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isWAL()
}

// isWAL asks the file rather than SQLite: the change of mode is written to
// page 1 in the file itself, whichever mode it changes from.
func (f *File) isWAL() (bool, error) {
	var b [1]byte
	_, err := f.raw.ReadAt(b[:], offWriteVersion)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return b[0] == 2, err
}

// whenLocked runs do while the control connection is in a transaction started
// by begin, and tries until it gets the lock or ctx ends. Each attempt gives
// up everything if it cannot have it all, so that a waiting File is in nobody's
// way, and, as in LiteFS, has no claim against readers that overlap.
func (f *File) whenLocked(ctx context.Context, begin string, do func() error) error {
	return retryBusy(ctx, func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if _, err := f.ctl.Exec(context.Background(), begin, nil); err != nil {
			return err
		}
		err := do()
		if _, end := f.ctl.Exec(context.Background(), "ROLLBACK", nil); end != nil {
			err = errors.Join(err, fmt.Errorf("end of control transaction: %w", end))
		}
		return err
	})
}

// retryBusy calls attempt until it returns something else than BUSY.
func retryBusy(ctx context.Context, attempt func() error) error {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := attempt()
		if fault.Code(err) != fault.CodeBusy {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w while waiting for the database's lock (%w)", ctx.Err(), err)
		}
	}
}

// nextCounter returns a change counter that no connection has seen in this file.
func (f *File) nextCounter() (uint32, error) {
	if _, err := f.noteCounter(); err != nil {
		return 0, err
	}
	f.counter++
	return f.counter, nil
}

// noteCounter returns the file's change counter and remembers it.
func (f *File) noteCounter() (uint32, error) {
	var b [4]byte
	if _, err := f.raw.ReadAt(b[:], offCounter); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	c := binary.BigEndian.Uint32(b[:])
	f.counter = max(f.counter, c)
	return c, nil
}
