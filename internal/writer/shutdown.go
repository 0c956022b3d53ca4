package writer

import (
	"context"
	"errors"
	"time"
)

// drainGrace is how long Pause and Drain wait for statements that they have
// interrupted, and Close for the engine to confirm what SQLite has committed.
const drainGrace = time.Second

// stage is how far a Writer has come towards its end. Only Resume takes it
// back, and only from paused.
type stage uint8

const (
	admitting stage = iota
	paused
	drained
	shut
)

// ErrResumed is returned by Pause and HoldLock when Resume came before they
// were done.
var ErrResumed = errors.New("writer: it was resumed meanwhile")

// Pause stops admitting calls, reads too: they, and whoever waits for the slot,
// are refused with fault.NotPrimary. It returns nil when everything that was
// running has ended. When ctx is done first, open transactions and streams of
// rows are ended (fault.TxExpired; what they wrote is rolled back), running
// statements are interrupted where the driver can, and Pause waits drainGrace
// more.
//
// After nil nothing of this Writer commits, and none of its connections holds
// a lock, until Resume. After an error, which is ctx's or ErrResumed, that is
// not so: something could not be ended (a statement without a context of its
// own, one that waits in SQLite's busy handler or in a user's function, a
// commit that the engine is slow to confirm). The Writer stays paused then, and
// the caller may Pause again, Resume, or Close.
//
// A Writer that is paused already is only waited for, likewise one that is
// drained or closed.
func (w *Writer) Pause(ctx context.Context) error { return w.stop(ctx, paused) }

// Drain is Pause for good: a Writer does not come back from it, whoever calls
// Resume. Open another for the next term. It returns nil or ctx's error.
func (w *Writer) Drain(ctx context.Context) error { return w.stop(ctx, drained) }

// Resume ends what Pause began, also if that is still waiting: calls are
// admitted again. The connections are kept, and so are the outcomes. What was
// interrupted before stays so, and what could not be ended may go on. A lock
// that HoldLock holds is released.
//
// Without a Pause before, and after Drain or Close, it does nothing. It waits
// only for an attempt of HoldLock to see that it is over.
func (w *Writer) Resume() {
	w.mu.Lock()
	if w.stage != paused {
		w.mu.Unlock()
		return
	}
	w.stage, w.refused, w.empty = admitting, nil, nil
	close(w.resumed)
	w.resumed = nil
	if w.background.Err() != nil {
		w.background, w.giveUp = context.WithCancel(context.Background())
	}
	w.slot.reopen()
	h := w.hold
	w.mu.Unlock()
	if h != nil {
		h.release() // those who come meanwhile wait for the slot
	}
}

// Close refuses new calls with fault.Closed, rolls back open transactions,
// interrupts running statements where the driver can, waits for what is left,
// and closes the connections. Nothing of the Writer runs afterwards.
func (w *Writer) Close() error {
	empty, resumed := w.refuse(shut, closed())
	w.abandon(closed())
	w.interrupt(resumed, "this node is not primary any more, or is shutting down")
	grace := time.AfterFunc(drainGrace, w.stopConfirm)
	<-empty
	grace.Stop()
	w.stopConfirm()
	w.mu.Lock()
	h := w.hold
	w.mu.Unlock()
	if h != nil {
		h.release()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.finished {
		w.finished = true
		w.dropConn()
		w.readers.close()
	}
	return nil
}

// stop is Pause and Drain.
func (w *Writer) stop(ctx context.Context, to stage) error {
	empty, resumed := w.refuse(to, draining())
	select {
	case <-empty:
		return nil
	case <-resumed:
		return ErrResumed
	case <-ctx.Done():
	}
	w.interrupt(resumed, "this node is giving the primary role up")
	grace := time.NewTimer(drainGrace)
	defer grace.Stop()
	select {
	case <-empty:
		return nil
	case <-resumed:
		return ErrResumed
	case <-grace.C:
		return ctx.Err()
	}
}

// refuse turns everybody away who is not running yet. It returns a channel
// that is closed when nobody is running, and one that Resume closes.
func (w *Writer) refuse(to stage, reason error) (empty, resumed <-chan struct{}) {
	var waiting []*request
	defer func() {
		for _, r := range waiting { // without the lock, which they may take
			r.answer(reason)
		}
	}()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stage < to {
		w.stage, w.refused = to, reason
		waiting = w.slot.close(reason)
	}
	if w.resumed == nil {
		w.resumed = make(chan struct{})
	}
	done := w.empty
	if done == nil {
		done = make(chan struct{})
		if w.inside > 0 {
			w.empty = done
		} else {
			close(done)
		}
	}
	return done, w.resumed
}

// interrupt ends every open transaction, every stream of rows and every
// statement, unless Resume has come since the call of refuse that returned
// resumed: what runs now is not to be interrupted then.
func (w *Writer) interrupt(resumed <-chan struct{}, why string) {
	w.mu.Lock()
	if w.resumed != resumed {
		w.mu.Unlock()
		return
	}
	all := make([]*tx, 0, len(w.open))
	for t := range w.open {
		all = append(all, t)
	}
	w.mu.Unlock()
	for _, t := range all { // first, so that their callers learn why
		t.expire(why)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.resumed == resumed {
		w.giveUp()
	}
}
