package writer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// txKind is what a tx holds.
type txKind uint8

const (
	writing   txKind = iota // the slot, the writing connection and a transaction
	reading                 // a read connection and a transaction on it
	streaming               // a read connection, for the rows of one statement
)

// tx is an interactive transaction, or one forwarded read with its rows.
//
// It is used by one goroutine at a time and watched by a timer, which ends it
// at its limits. The connection belongs to whoever set busy, or else to the
// holder of mu.
type tx struct {
	w           *Writer
	id          forward.ID
	kind        txKind
	idle, total time.Duration // total is zero for a stream
	began       time.Time
	// ctx ends with the tx, and earlier to interrupt its statement.
	ctx    context.Context
	cancel context.CancelFunc
	s      *scope

	// mu guards the following.
	mu      sync.Mutex
	busy    bool  // a call is running
	doomed  error // what the running call has to end the tx with, or nil
	expired bool  // doomed is a limit's doing, or Pause's, Drain's or Close's
	ended   error // what calls are answered since the tx ended, or nil
	active  time.Time
	rested  time.Duration // of a streaming tx: how long its reader kept it waiting
	timer   *time.Timer
	rows    map[*txRows]struct{} // not closed yet
	last    lastExec
}

// lastExec answers a statement that is delivered twice.
type lastExec struct {
	id  forward.ID
	res forward.Result
	err error
}

var _ forward.Tx = (*tx)(nil)

// newTx returns a tx that owns c, and one enter of the Writer.
func (w *Writer) newTx(kind txKind, opts forward.TxOptions) *tx {
	t := &tx{w: w, id: opts.ID, kind: kind, idle: w.opts.IdleLimit, total: w.opts.TotalLimit}
	if opts.IdleLimit > 0 {
		t.idle = min(t.idle, opts.IdleLimit)
	}
	if opts.TotalLimit > 0 {
		t.total = min(t.total, opts.TotalLimit)
	}
	if kind == streaming {
		t.total = 0
	}
	t.ctx, t.cancel = context.WithCancel(w.interrupts())
	t.began = time.Now()
	t.active = t.began
	return t
}

// watched starts the limits and makes t known to Pause, Drain and Close. It
// fails if one of them came before.
func (t *tx) watched() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.w.mu.Lock()
	refused := t.w.refused
	if refused == nil {
		t.w.open[t] = struct{}{}
	}
	t.w.mu.Unlock()
	if refused != nil {
		t.finishLocked(refused)
		return refused
	}
	t.timer = time.AfterFunc(t.waitLocked(t.began), t.watch)
	return nil
}

// watch is called by the timer: it ends the tx if a limit has passed.
func (t *tx) watch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	switch {
	case t.ended != nil:
		return
	case t.total > 0 && now.Sub(t.began) >= t.total:
		t.expireLocked(fmt.Sprintf("it was open for longer than %v (TotalLimit)", t.total))
	case !t.busy && now.Sub(t.active) >= t.idle:
		t.expireLocked(fmt.Sprintf("nothing ran in it for %v (IdleLimit)", t.idle))
	case t.kind == streaming && t.restedLocked(now) >= t.w.opts.TotalLimit:
		// However long SQLite takes, a slow reader must not hold a read
		// connection and keep the WAL from being checkpointed.
		t.expireLocked(fmt.Sprintf("its reader kept it waiting for %v in all (TotalLimit)", t.w.opts.TotalLimit))
	}
	if t.ended == nil && t.doomed == nil {
		t.timer.Reset(t.waitLocked(now))
	}
}

// restedLocked is rested up to now.
func (t *tx) restedLocked(now time.Time) time.Duration {
	if t.busy {
		return t.rested
	}
	return t.rested + now.Sub(t.active)
}

// waitLocked returns how long it is to the next limit, at the earliest.
func (t *tx) waitLocked(now time.Time) time.Duration {
	wait := t.idle
	if !t.busy {
		wait -= now.Sub(t.active)
	}
	if t.total > 0 {
		wait = min(wait, t.total-now.Sub(t.began))
	}
	if t.kind == streaming {
		wait = min(wait, t.w.opts.TotalLimit-t.restedLocked(now))
	}
	return max(wait, 0)
}

// expire ends the tx, now or as soon as its statement can be interrupted.
func (t *tx) expire(why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended == nil && t.doomed == nil {
		t.expireLocked(why)
	}
}

func (t *tx) expireLocked(why string) {
	what := "transaction was rolled back"
	if t.kind != writing {
		what = "read was ended"
	}
	t.expired = true
	t.doomed = fault.New(fault.TxExpired, "the %s: %s", what, why)
	if t.busy {
		t.cancel()
		return
	}
	t.finishDoomedLocked()
}

func (t *tx) finishDoomedLocked() {
	if t.expired {
		t.w.counts.expired.Add(1)
		t.w.opts.Logger.Info("writer: expired", "req_id", t.id.String(), "err", t.doomed)
	}
	t.finishLocked(t.doomed)
}

// enter gives the connection to the caller, if the tx is still open.
func (t *tx) enter() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.ended != nil:
		return t.ended
	case t.busy:
		return fault.Refuse(fault.Protocol, "the transaction was used by two callers at a time")
	}
	t.busy = true
	if t.kind == streaming {
		t.rested += time.Since(t.active)
	}
	return nil
}

// leave ends what enter began, and with it the tx, if the call's error or SQL
// text ended the transaction. It returns the error for the caller.
func (t *tx) leave(err error) error {
	c := t.s.c
	if err != nil && t.s.open && !c.inTransaction() {
		t.s.closed()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy = false
	t.active = time.Now()
	switch {
	case t.s.unsure != nil:
		// COMMIT has failed, or could not be confirmed. Whoever wanted the transaction
		// ended meanwhile did not roll it back.
		t.finishLocked(t.s.unsure)
	case t.doomed != nil && (t.s.open || t.s.commits == 0):
		t.finishDoomedLocked()
		return t.doomed
	case t.kind == writing && t.w.lostFile(err):
		// On a replica of LiteFS a write fails so, and the COMMIT after it
		// would succeed with nothing written.
		c.spoilt = err
		err = fault.New(fault.TxExpired, "%s, as this node cannot write the database any more: %w", t.fate(), err)
		t.finishLocked(err)
	case t.kind != streaming && errors.Is(err, fault.NotPrimary):
		err = fault.New(fault.TxExpired, "%s: %w", t.fate(), err)
		t.finishLocked(err)
	case c.spoilt != nil:
		t.finishLocked(fault.New(fault.TxExpired,
			"the transaction was rolled back, as the primary's connection failed: %v", c.spoilt))
	case t.s.open || t.kind == streaming:
	case t.s.commits > 0:
		t.finishLocked(fault.Refuse(fault.TxExpired, "the transaction is over: it was committed"))
	case err != nil:
		t.finishLocked(fault.New(fault.TxExpired, "SQLite rolled the transaction back: %v", err))
	default:
		t.finishLocked(over())
	}
	return err
}

// fate is what becomes of a tx that its own call has failed.
func (t *tx) fate() string {
	switch {
	case t.kind != writing:
		return "the read was ended"
	case t.s.commits > 0: // a text committed, and went on
		return "what came after COMMIT was rolled back"
	default:
		return "the transaction was rolled back"
	}
}

func over() error {
	return fault.Refuse(fault.TxExpired, "the transaction is over: its owner ended it")
}

// finishLocked ends the tx; calls are answered why from now on. Nobody uses
// the connection.
func (t *tx) finishLocked(why error) {
	t.ended = why
	t.cancel()
	if t.timer != nil {
		t.timer.Stop()
	}
	c, rolledBack := t.s.c, t.s.open
	guard(c, func() error {
		for r := range t.rows {
			r.shutLocked()
		}
		if t.s.open {
			t.s.rollback()
		}
		return nil
	})
	if t.kind == writing {
		t.recordLocked(why, rolledBack)
		t.w.keepIfUsable(c)
		t.w.slot.release()
	} else {
		t.w.readers.put(c)
	}
	t.w.mu.Lock()
	delete(t.w.open, t)
	t.w.mu.Unlock()
	t.w.leave()
}

// recordLocked notes what became of the transaction.
func (t *tx) recordLocked(why error, rolledBack bool) {
	switch {
	case t.timer == nil: // refused by watched: its owner never had it, and may come again
		t.w.outcomes.forget(t.id, why)
	case t.s.unsure != nil:
		t.w.outcomes.finish(t.id, forward.Result{}, t.s.unsure)
	case t.s.commits > 0 && !rolledBack:
		t.w.outcomes.finish(t.id, t.s.res, nil)
	default:
		t.w.outcomes.finish(t.id, forward.Result{}, why)
	}
}
