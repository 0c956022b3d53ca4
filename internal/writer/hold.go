package writer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// hold is SQLite's write lock, which is held, or being taken, for a caller of
// HoldLock. It has the slot.
type hold struct {
	w      *Writer
	ctx    context.Context // ends the attempt
	cancel context.CancelFunc
	tried  chan struct{} // closed when the attempt is over; c is set before
	c      *conn         // holds the lock; nil if the attempt failed
	once   sync.Once
}

// HoldLock takes SQLite's write lock of the database on the writing connection,
// so that nobody can write it who does not go through litefwd. Pause, or
// Drain, must have returned nil. It waits until ctx is done for whoever has the
// lock; the error is SQLITE_BUSY then and wraps ctx's. Resume and Close end the
// wait with ErrResumed and fault.Closed.
//
// release rolls back, which gives the lock up. It may be called again and from
// any goroutine. Resume and Close call it.
//
// Opening the connection, if there is none yet, creates a database file that
// does not exist: do not call HoldLock for a database that nothing has written.
func (w *Writer) HoldLock(ctx context.Context) (release func(), err error) {
	h, err := w.newHold(ctx)
	if err != nil {
		return nil, err
	}
	err = h.try()
	close(h.tried)
	if err != nil {
		h.release()
		return nil, w.whyNotHeld(ctx, err)
	}
	return h.release, nil
}

func (w *Writer) newHold(ctx context.Context) (*hold, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.stage == shut:
		return nil, w.refused
	case w.hold != nil:
		return nil, errors.New("writer: HoldLock: the lock is held, or being taken, already")
	case w.stage == admitting || w.inside > 0 || !w.slot.seize():
		return nil, errors.New("writer: HoldLock without a Pause that has succeeded")
	}
	h := &hold{w: w, tried: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(ctx)
	w.hold = h
	return h, nil
}

// try takes the lock.
func (h *hold) try() error {
	c, err := h.w.writing(h.ctx, nil)
	if err != nil {
		return err
	}
	err = guard(c, func() error {
		err := c.lock(h.ctx)
		if err != nil {
			c.abandon()
		}
		return err
	})
	if err != nil {
		h.w.keepIfUsable(c)
		return err
	}
	h.c = c
	return nil
}

// release ends the attempt, or the transaction, and gives the slot back. Who
// calls it while another does waits for that.
func (h *hold) release() {
	h.cancel()
	<-h.tried
	h.once.Do(func() {
		w := h.w
		if c := h.c; c != nil {
			guard(c, func() error { c.abandon(); return nil }) //nolint:errcheck // c is given up then
			w.keepIfUsable(c)
		}
		w.slot.release() // without the mutex, which the next one to have it takes
		w.mu.Lock()
		defer w.mu.Unlock()
		w.hold = nil
	})
}

// whyNotHeld is the error of an attempt that failed with err.
func (w *Writer) whyNotHeld(ctx context.Context, err error) error {
	w.mu.Lock()
	stage, refused := w.stage, w.refused
	w.mu.Unlock()
	switch {
	case stage == shut:
		return refused
	case stage == admitting:
		return ErrResumed
	case fault.Code(err) == fault.CodeBusy && ctx.Err() != nil:
		return locked(ctx.Err())
	}
	return err
}

// lockPiece is how long lock waits without looking at its context.
const lockPiece = 20 * time.Millisecond

// lock begins a transaction that has SQLite's write lock. SQLite's own wait for
// it cannot be interrupted, and so goes in pieces.
func (c *conn) lock(ctx context.Context) error {
	return c.withBusyTimeout(lockPiece, func() error {
		for {
			err := c.control(c.begin)
			if fault.Code(err) != fault.CodeBusy || ctx.Err() != nil {
				return err
			}
		}
	})
}

// withBusyTimeout runs f while SQLite itself waits for others' locks no longer
// than that.
func (c *conn) withBusyTimeout(wait time.Duration, f func() error) error {
	return c.failed(c.db.WithBusyTimeout(context.Background(), wait, f))
}
