package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// maxRenewals bounds how often one read is run again because its handle had to
// be given up.
const maxRenewals = 3

// again reports whether a read that failed with *err, after n attempts before,
// is to be run again: its handle had to be given up, and there is a new one. The
// application's connection stays, with its session.
func (c *conn) again(ctx context.Context, q *call, n int, err *error) bool {
	lost, is := (*err).(*lostHandle) //nolint:errorlint // it is never wrapped
	if !is || n >= maxRenewals {
		return false
	}
	if c.db.core.stopping() {
		*err = errNodeClosed()
		return false
	}
	if lost.h != c.handle {
		q.noLease = true // the others' copy may be as broken
		return true
	}
	if !c.renewable() {
		return false
	}
	if e := c.renew(ctx); e != nil {
		*err = e
		return false
	}
	q.prepared = nil // it was the old handle's
	return true
}

// compile runs f, which gives q's text to the local handle without running it, and
// again on another handle if that had to be given up.
func (c *conn) compile(ctx context.Context, q *call, f func() error) error {
	err := c.failedHere(f())
	for n := 0; c.again(ctx, q, n, &err); n++ {
		err = c.failedHere(f())
	}
	return c.final(err)
}

// renewable reports whether the local handle has nothing that a new one would
// lack: temp objects, attached databases, open transactions and rows.
func (c *conn) renewable() bool {
	return c.private == nil && c.tx == nil && c.openRows == 0 && !c.reading.inUse()
}

// renew opens a new local handle in place of one that must not be used any more.
func (c *conn) renew(ctx context.Context) error {
	fresh, err := c.db.openOwn(ctx, c.localOnly)
	if err != nil {
		return err
	}
	for name, value := range c.session.pragmas {
		if _, e := fresh.local.Exec(ctx, "PRAGMA "+name+"="+value, nil); e != nil {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("litefwd: giving a new handle this connection's settings: %w", err), fresh.local.Close())
	}
	c.closeLocal() //nolint:errcheck // it was given up
	c.handle = fresh
	c.session.localInsertID, c.session.localChanges = 0, 0
	return nil
}

// leaveStandIn gets a handle to this node's copy in place of a stand-in, as soon
// as there is one.
func (c *conn) leaveStandIn(ctx context.Context) (left bool, err error) {
	if !c.standIn || !c.renewable() || !c.db.exists() {
		return false, nil
	}
	err = c.renew(ctx)
	return err == nil, err
}

// handle is a connection to this node's copy, and what is known of it.
type handle struct {
	local *sqldriver.Conn
	// private classifies in place of the shared classifier once this
	// connection has temp objects or attached databases, which change what a
	// text means.
	private    *sqlclass.Classifier
	generation uint64 // of db when this was opened; see database.discard
	history    uint64 // the engine's, when this was opened; see snapshot.go
	standIn    bool   // local is no copy of the database, which is not there, or not to be reached

	lost    atomic.Bool         // local must not be used any more
	discard atomic.Bool         // the pool must not keep local, as the local driver's own would not
	reading *readTx             // the last one; rows may still have it open, or it is a lease
	kept    sqldriver.StmtCache // of leases
	schema  driver.Value        // the schema_version that these are for
	long    bool                // the read that has this lease may take long
	// openRows counts the rows of local that the application has not closed.
	openRows int
	// These are prepared when first needed.
	readBegin, readFirst, readEnd *sqldriver.Stmt
}

// openOwn opens a connection's own handle.
func (db *database) openOwn(ctx context.Context, localOnly bool) (*handle, error) {
	h, err := db.openHandle(ctx, localOnly)
	if err == nil && db.replica != nil {
		// The gate ends reads on goroutines of its own, and not all that a connection
		// does is under a read's mutex, as it is on the handles of leases.
		h.local.Serialize()
	}
	return h, err
}

// openHandle opens one. It never returns driver.ErrBadConn, which database/sql
// would answer by connecting again for ever.
func (db *database) openHandle(ctx context.Context, localOnly bool) (h *handle, err error) {
	for range 1 + maxRenewals {
		history := db.history()
		h, err = db.tryHandle(ctx, localOnly)
		// The local driver itself may wait for locks that a dead mount holds for ever.
		if !errors.Is(err, fault.HistoryChanged) && (!isBusy(err) || history == db.history()) {
			break
		}
	}
	return h, err
}

func (db *database) tryHandle(ctx context.Context, localOnly bool) (*handle, error) {
	h := &handle{generation: db.generation.Load(), history: db.history()}
	var err error
	if h.local, h.standIn, err = db.connectLocal(ctx, localOnly); err != nil {
		return nil, notBadConn(err)
	}
	// A connect hook of the local driver may have made temp objects.
	own, err := sqlclass.HasOwnObjects(ctx, h.local)
	if err != nil {
		return nil, notBadConn(errors.Join(err, h.local.Close()))
	}
	if own {
		h.private = sqlclass.NewPrivate()
	}
	return h, nil
}

// closeLocal closes the local handle and all that was prepared on it.
func (c *conn) closeLocal() error {
	c.reading.drop()
	var errs []error
	for s := range c.stmts {
		errs = append(errs, s.release())
	}
	return errors.Join(append(errs, c.handle.close())...)
}

func (h *handle) close() error {
	h.reading.drop()
	h.kept.Close()
	var errs []error
	for _, s := range []**sqldriver.Stmt{&h.readBegin, &h.readFirst, &h.readEnd} {
		if *s != nil {
			errs = append(errs, (*s).Close())
			*s = nil
		}
	}
	return errors.Join(append(errs, h.local.Close())...)
}
