package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/gate"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// readTx is a read transaction that is open on a connection's local handle. It
// has passed the node's gate, which may end it before its owners do: so the
// handle is used under its mutex.
type readTx struct {
	c      *conn
	h      *handle // c's
	reader *gate.Reader
	// running interrupts the statement that is in the local driver now, or was
	// last; nil before the first one.
	running atomic.Pointer[context.CancelFunc]
	// ending: the gate ends it.
	ending atomic.Bool

	// mu guards the following, and the handle.
	mu     sync.Mutex
	owners int // each ends it once; it is over with the last
	rows   map[*localRows]struct{}
	over   bool
}

// errReadEnded is what the gate ends a read with.
var errReadEnded = errors.New("this node's role is changing, which must not wait for readers")

func readEnded() error { return fault.New(fault.TxExpired, "the read was ended: %w", errReadEnded) }

// beginRead passes the gate and opens a read transaction, or joins the one that
// rows of this connection still have open. SQLite takes the snapshot with the
// first read in it (https://www.sqlite.org/lang_transaction.html).
func (c *conn) beginRead(ctx context.Context) (_ *readTx, err error) {
	if t := c.reading; t != nil && t.join() {
		return t, nil
	}
	t := &readTx{c: c, h: c.handle, owners: 1}
	if t.reader, err = c.db.core.gate.Enter(ctx, t.endEarly); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return nil, readEnded()
	}
	if err := c.handle.control(&c.readBegin, "BEGIN"); err != nil {
		t.over = true
		t.reader.Leave()
		return nil, err
	}
	c.reading = t
	return t, nil
}

func (t *readTx) join() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	t.owners++
	return true
}

// isOpen reports whether somebody still reads in it.
func (t *readTx) isOpen() bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.over
}

// use runs f, which uses the handle and which cancel interrupts, unless the
// gate has ended the transaction.
func (t *readTx) use(cancel context.CancelFunc, f func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running.Store(&cancel)
	if t.ending.Load() {
		return readEnded()
	}
	err := f()
	if err != nil && t.ending.Load() {
		return readEnded()
	}
	return err
}

// query runs the text for its rows, which may outlive the call; closed is called
// when their owner closes them.
func (t *readTx) query(ctx context.Context, q call, closed func() error) (*localRows, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &localRows{in: t, cancel: cancel, closed: closed, of: t.h}
	err := t.use(cancel, func() (err error) {
		if r.rows, err = t.c.localQuery(ctx, q); err != nil {
			return err
		}
		if t.rows == nil {
			t.rows = map[*localRows]struct{}{}
		}
		t.rows[r] = struct{}{}
		t.h.openRows++
		return nil
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return r, nil
}

// exec runs the text to its end.
func (t *readTx) exec(ctx context.Context, q call) (res driver.Result, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = t.use(cancel, func() (err error) {
		res, err = t.c.localExec(ctx, q)
		return err
	})
	return res, err
}

// end is called once by each owner; the last one ends the transaction.
func (t *readTx) end() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owners--; t.owners > 0 {
		return nil
	}
	return t.finishLocked()
}

// endEarly is the gate's.
func (t *readTx) endEarly() {
	t.ending.Store(true)
	if cancel := t.running.Load(); cancel != nil {
		(*cancel)()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.h.lost.Store(true)
	t.finishLocked() //nolint:errcheck // the handle is given up
}

func (t *readTx) finishLocked() error {
	if t.over {
		return nil
	}
	t.over = true
	for r := range t.rows {
		r.shutLocked() // SQLite keeps the lock for a statement that is not reset
	}
	if !t.h.local.Valid() {
		t.h.discard.Store(true) // modernc.org/sqlite says so after an interrupt, and only until the next statement
	}
	// COMMIT, for what was written to temp tables in it.
	err := t.h.control(&t.h.readEnd, "COMMIT")
	if err != nil {
		_, err = t.h.local.Exec(context.Background(), "ROLLBACK", nil)
	}
	if err != nil {
		t.h.lost.Store(true) // nobody else may find it half-way
	}
	t.reader.Leave()
	return err
}

// control runs BEGIN or COMMIT, which it prepares once.
func (h *handle) control(stmt **sqldriver.Stmt, sql string) (err error) {
	ctx := context.Background() // they do no I/O to speak of
	if *stmt == nil {
		if *stmt, err = h.local.Prepare(ctx, sql); err != nil {
			return err
		}
	}
	_, err = (*stmt).Exec(ctx, nil)
	return err
}
