package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/gate"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// readTx is a read transaction that is open on a connection's local handle. It
// has passed the node's gate, which may end it before its owner does: so the
// handle is used under its mutex.
type readTx struct {
	c      *conn
	reader *gate.Reader
	ctx    context.Context // of the statements in it; its end interrupts them
	cancel context.CancelFunc

	// mu guards the following, and the handle.
	mu    sync.Mutex
	rows  map[*localRows]struct{} // not closed yet
	over  bool
	ended error // why the gate has ended it, or nil
}

// errReadEnded is what the gate ends a read with.
var errReadEnded = errors.New("this node's role is changing, which must not wait for readers")

// beginRead passes the gate and opens a read transaction. SQLite takes the
// snapshot with the first read in it (https://www.sqlite.org/lang_transaction.html).
// ctx interrupts what runs in it.
func (c *conn) beginRead(ctx context.Context) (_ *readTx, err error) {
	t := &readTx{c: c}
	t.ctx, t.cancel = context.WithCancel(ctx)
	if t.reader, err = c.db.core.gate.Enter(ctx, t.endEarly); err != nil {
		t.cancel()
		return nil, err
	}
	if err := t.use(func() error { return c.readControl(&c.readBegin, "BEGIN") }); err != nil {
		t.over = true
		t.cancel()
		t.reader.Leave()
		return nil, err
	}
	return t, nil
}

// use runs f, which uses the handle, unless the gate has ended the transaction.
func (t *readTx) use(f func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		return t.ended
	}
	return f()
}

// query runs the text for its rows, which the transaction outlives.
func (t *readTx) query(ctx context.Context, q call) (rows driver.Rows, err error) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(t.ctx, cancel)
	release := func() error { stop(); cancel(); return nil }
	err = t.use(func() error {
		raw, err := t.c.localQuery(ctx, q)
		if err == nil {
			rows = t.holdLocked(raw, release)
		}
		return err
	})
	if err != nil {
		release()
		return nil, t.c.failedHere(t.explain(err))
	}
	return rows, nil
}

// hold returns raw as rows of the transaction, which closes them if it ends
// first. closed is called when their owner closes them.
func (t *readTx) hold(raw driver.Rows, closed func() error) *localRows {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.holdLocked(raw, closed)
}

func (t *readTx) holdLocked(raw driver.Rows, closed func() error) *localRows {
	r := &localRows{rows: raw, in: t, closed: closed}
	if t.over {
		r.shutLocked()
	} else {
		if t.rows == nil {
			t.rows = map[*localRows]struct{}{}
		}
		t.rows[r] = struct{}{}
	}
	return r
}

// explain says why a statement in the transaction was interrupted, if it was
// the gate's doing.
func (t *readTx) explain(err error) error {
	if err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		return t.ended
	}
	return err
}

// end ends the transaction; it may be called again.
func (t *readTx) end() error { return t.finish(nil) }

// endEarly is the gate's.
func (t *readTx) endEarly() {
	t.cancel()
	t.finish(fault.New(fault.TxExpired, "the read was ended: %w", errReadEnded)) //nolint:errcheck // the handle is given up
}

func (t *readTx) finish(why error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return nil
	}
	t.over, t.ended = true, why
	for r := range t.rows {
		r.shutLocked() // SQLite keeps the lock for a statement that is not reset
	}
	err := t.c.readControl(&t.c.readEnd, "ROLLBACK")
	if err != nil || why != nil {
		t.c.lost.Store(true) // nobody else may find it half-way
	}
	t.cancel()
	t.reader.Leave()
	return err
}

// readControl runs BEGIN or ROLLBACK, which it prepares once.
func (c *conn) readControl(stmt **sqldriver.Stmt, sql string) (err error) {
	ctx := context.Background() // they do no I/O to speak of
	if *stmt == nil {
		if *stmt, err = c.local.Prepare(ctx, sql); err != nil {
			return err
		}
	}
	_, err = (*stmt).Exec(ctx, nil)
	return err
}
