package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/gate"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// readTx is a read transaction that is open on a handle, on an engine whose copies
// are replaced. It has passed the gates, which may end it before its owners do: so
// the handle is used under its mutex.
//
// One that is a lease stays open for Config.ReadLease without an owner, for the
// reads that follow on the handle: on LiteFS locks cost fifty times what a read
// does. While it is open the copy cannot change, if this node is a replica; on the
// primary each read asks whether it has.
type readTx struct {
	db    *database
	h     *handle
	began time.Time
	// lease: it is kept for the next reads, which see all that was acknowledged
	// as long as the engine says that at is the newest.
	lease   bool
	at      engine.Position
	history uint64
	commits uint64 // as many had begun
	// ctx is what the statements of callers whose contexts have no end run with;
	// cancel ends it.
	ctx    context.Context
	cancel context.CancelFunc

	// running interrupts the statement that is in the local driver now, or was
	// last; nil before the first one.
	running atomic.Pointer[context.CancelFunc]
	// winding: it ends with its last owner, and no lease goes on.
	winding atomic.Bool
	// ending is why it is ended from outside, nil if it is not.
	ending atomic.Pointer[error]

	// mu guards the following, and the handle.
	mu      sync.Mutex
	readers []*gate.Reader
	timer   *time.Timer // ends the lease; or nil
	limit   *readLimit  // or nil
	begun   bool
	counted bool // as a long read
	owners  int  // each ends it once
	hits    uint64
	rows    []*localRows // those that the driver has open
	checked bool         // the engine was asked whether it shows the right history
	over    bool
	text    string // of the last statement, for the log
}

var _ gate.Holder = (*readTx)(nil)

// errReadEnded is what the gate ends a read with.
var errReadEnded = errors.New("this node's role is changing, which must not wait for readers")

func readEnded() error { return fault.New(fault.TxExpired, "the read was ended: %w", errReadEnded) }

// beginRead opens a read transaction on the connection's own handle, or joins the one
// that rows of it still have open.
func (c *conn) beginRead(ctx context.Context) (*readTx, error) {
	if joined, err := c.reading.join(false); joined || err != nil {
		return c.reading, err
	}
	return c.db.beginRead(ctx, c.handle, false)
}

// beginRead passes the gates and opens a read transaction on h. SQLite takes the
// snapshot with the first read in it
// (https://www.sqlite.org/lang_transaction.html).
func (db *database) beginRead(ctx context.Context, h *handle, lease bool) (*readTx, error) {
	t := &readTx{db: db, h: h, owners: 1, lease: lease}
	if err := t.enter(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over { // ended before it began, perhaps between the gates
		t.leaveLocked()
		return nil, *t.ending.Load()
	}
	t.began = time.Now()
	if lease {
		t.startLeaseLocked()
	}
	if err := h.control(&h.readBegin, "BEGIN"); err != nil {
		t.over = true
		h.lost.Store(true) // it cannot be told what is wrong with it
		t.leaveLocked()
		return nil, err
	}
	t.begun = true
	t.ctx, t.cancel = context.WithCancel(context.Background())
	h.reading = t
	if limit := db.readLimit(); limit > 0 {
		t.limit = newReadLimit(t, limit)
	}
	if !lease {
		return t, nil
	}
	t.timer = time.AfterFunc(db.core.cfg.ReadLease, t.Yield)
	// The reads that follow are told that the lock is held, and that the engine was
	// asked; but the first of them may look at no table, and take none.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := t.useLocked(&cancel, h.look)
	if err == nil {
		err = t.checkLocked(ctx)
	}
	if err != nil {
		return nil, firstError(err, t.finishLocked())
	}
	return t, nil
}

// look reads something, for the lock that it takes: whether the schema is another one,
// with which what is known of the statements' columns may be wrong.
func (h *handle) look() (err error) {
	if h.readFirst == nil {
		if h.readFirst, err = h.local.Prepare(context.Background(), "PRAGMA schema_version"); err != nil {
			return err
		}
	}
	rows, err := h.readFirst.Query(context.Background(), nil)
	if err != nil {
		return err
	}
	var version [1]driver.Value
	if err := firstError(rows.Next(version[:]), rows.Close()); err != nil {
		return fault.FromDriver(err)
	}
	if version[0] != h.schema {
		h.kept.Close()
		h.schema = version[0]
	}
	return nil
}

// startLeaseLocked notes, before the transaction begins, what it will show. Where that
// cannot be told it serves one read.
func (t *readTx) startLeaseLocked() {
	settled := false
	t.commits, settled = t.db.commits.settled()
	var err error
	t.at, t.history, err = t.db.replica.Newest()
	if !settled || err != nil {
		t.winding.Store(true)
	}
}

// enter passes the database's gate, and the node's.
func (t *readTx) enter(ctx context.Context) error {
	// A read that waits for the role to move must not be inside the database's gate:
	// the node's first, which is shut for longer.
	if err := t.db.core.gate.Pass(ctx); err != nil {
		return err
	}
	for _, g := range []*gate.Gate{&t.db.gate, &t.db.core.gate} {
		r, err := g.Enter(ctx, t)
		t.mu.Lock()
		if err != nil {
			t.leaveLocked()
		} else {
			t.readers = append(t.readers, r)
		}
		t.mu.Unlock()
		if err != nil {
			return err
		}
	}
	t.db.pace()
	return nil
}

func (t *readTx) leaveLocked() {
	for _, r := range t.readers {
		r.Leave()
	}
}

// join makes the caller an owner of t, nil or not, if t is open and has one, or is
// a lease that holds still. Otherwise it is over now, and another can be begun.
func (t *readTx) join(lease bool) (bool, error) {
	if t == nil {
		return false, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.over:
		return false, nil
	case t.owners > 0: // SQLite has one transaction for all statements of a connection
	case !lease || !t.holds():
		return false, t.finishLocked()
	default:
		t.hits++
	}
	t.owners++
	t.limit.begin()
	return true, nil
}

// holds reports whether a lease goes on.
func (t *readTx) holds() bool {
	if !t.mayRest() || t.db.commits.begun.Load() != t.commits {
		return false
	}
	at, history, err := t.db.replica.Newest()
	return err == nil && at == t.at && history == t.history
}

// mayRest reports whether t may stay open without an owner.
func (t *readTx) mayRest() bool {
	return t.lease && !t.winding.Load() && !t.db.gate.IsShut() && !t.db.core.gate.IsShut()
}

// inUse reports whether somebody reads in t, nil or not.
func (t *readTx) inUse() bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.over && t.owners > 0
}

// use runs f, which uses the handle and which cancel interrupts, unless the
// transaction was ended from outside.
func (t *readTx) use(cancel *context.CancelFunc, f func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.useLocked(cancel, f)
}

func (t *readTx) useLocked(cancel *context.CancelFunc, f func() error) error {
	t.running.Store(cancel)
	if why := t.ending.Load(); why != nil {
		return *why
	}
	err := f()
	if why := t.ending.Load(); err != nil && why != nil {
		return *why
	}
	return err
}

// end is called once by each owner; the last one ends the transaction, or leaves
// it to the next read.
func (t *readTx) end() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.endLocked()
}

func (t *readTx) endLocked() error {
	t.owners--
	if t.owners > 0 || t.mayRest() {
		t.limit.rest()
		return nil
	}
	return t.finishLocked()
}

// Yield implements gate.Holder. It is what ends a lease in time, too.
func (t *readTx) Yield() {
	t.winding.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owners == 0 {
		t.finishLocked() //nolint:errcheck // it has given the handle up
	}
}

// End implements gate.Holder.
func (t *readTx) End() { t.endFor(readEnded()) }

// endFor ends the transaction, and what runs in it, for that reason.
func (t *readTx) endFor(why error) {
	t.ending.CompareAndSwap(nil, &why)
	t.winding.Store(true)
	if cancel := t.running.Load(); cancel != nil {
		(*cancel)()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	if t.owners > 0 {
		t.h.lost.Store(true)
	}
	t.finishLocked() //nolint:errcheck // the handle is given up
}

// drop ends the transaction, nil or not, with whatever is open in it: the handle
// is about to be closed.
func (t *readTx) drop() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.finishLocked() //nolint:errcheck // as above
}

func (t *readTx) finishLocked() error {
	if t.over {
		return nil
	}
	t.over = true
	defer t.leaveLocked()
	if !t.begun {
		return nil
	}
	if t.timer != nil {
		t.timer.Stop()
	}
	t.limit.stop()
	for len(t.rows) > 0 {
		t.rows[0].shutLocked() // SQLite keeps the lock for a statement that is not reset
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
	if t.cancel != nil {
		t.cancel()
	}
	t.db.countRead(t)
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
