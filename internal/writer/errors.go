package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// asTarget gives err the shape that forward.Target promises: SQLite's errors
// become *fault.SQLError. What the driver itself refuses, such as too few
// arguments, stays as it is; nothing of the statement has run then.
func asTarget(err error) error {
	if err == nil {
		return nil
	}
	err = fault.FromDriver(err)
	var own *fault.Error
	var sql *fault.SQLError
	switch {
	case errors.As(err, &own), errors.As(err, &sql):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return interrupted(err)
	case errors.Is(err, driver.ErrBadConn):
		return lostConnection(err)
	default:
		return err
	}
}

// interrupted is a statement that ended because its context did: drivers
// return the context's error in place of SQLITE_INTERRUPT.
func interrupted(err error) error {
	return &fault.SQLError{Code: fault.CodeInterrupt, ExtendedCode: fault.CodeInterrupt, Msg: err.Error(), Err: err}
}

// stopped is a statement that was interrupted, and undone, because the Writer is
// stopping: for its caller nothing has run, and the next primary may run it.
func (w *Writer) stopped(err error) error {
	var batch *fault.BatchError
	if errors.As(err, &batch) { // none of its statements is to blame
		err = batch.Err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	kind := fault.NotPrimary
	if w.stage == shut {
		kind = fault.Closed
	}
	return fault.Refuse(kind, "the statement was interrupted and undone, as this node is giving the primary role up: %w", err)
}

// lostConnection hides driver.ErrBadConn, which database/sql takes for leave
// to run the statement again.
func lostConnection(err error) error {
	return &fault.SQLError{
		Code: fault.CodeIOErr, ExtendedCode: fault.CodeIOErr,
		Msg: fmt.Sprintf("the primary's connection to its database was lost (%v)", err),
	}
}

// unknown is the error for a caller who cannot be told whether its statement
// was committed.
func unknown(id forward.ID, format string, args ...any) error {
	e := fault.New(fault.OutcomeUnknown, format, args...)
	if id != (forward.ID{}) {
		e.RequestID = id.String()
	}
	return e
}

// notPrimary makes a Fence error a refusal.
func notPrimary(err error) error {
	var own *fault.Error
	if errors.As(err, &own) && own.NothingRan {
		return err
	}
	return fault.Refuse(fault.NotPrimary, "this node may not write any more: %w", err)
}

// guard runs f on c and turns a panic, which comes from a user-defined
// function or a hook, into an error. The connection is given up.
//
// The goroutine keeps its thread meanwhile: SQLite's mutex is still held after
// a panic in a cgo callback, and only this thread can roll back.
func guard(c *conn, f func() error) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		err = &fault.SQLError{
			Code: fault.CodeError, ExtendedCode: fault.CodeError,
			Msg: fmt.Sprintf("panic in a function that SQLite called: %v", p),
		}
		defer func() { recover() }() // nothing more can be done for it
		c.control(c.rollback)
		c.spoilt = err
		c.close()
	}()
	return f()
}
