package writer

import (
	"context"
	"time"
)

// drainGrace is how long Drain waits for statements that it has interrupted,
// and Close for the engine to confirm what SQLite has committed.
const drainGrace = time.Second

// Drain stops admitting calls: they, and whoever waits for the slot, are
// refused with fault.NotPrimary. It returns nil when everything that was
// running has ended. When ctx is done first, open transactions are rolled back
// (fault.TxExpired), running statements are interrupted where the driver can,
// and Drain returns ctx's error unless that ended everything.
//
// A Writer does not come back from it: open another for the next term.
func (w *Writer) Drain(ctx context.Context) error {
	empty := w.refuse(draining())
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	w.expireAll("this node is giving the primary role up")
	w.giveUp()
	grace := time.NewTimer(drainGrace)
	defer grace.Stop()
	select {
	case <-empty:
		return nil
	case <-grace.C:
		return ctx.Err()
	}
}

// Close refuses new calls with fault.Closed, rolls back open transactions,
// interrupts running statements where the driver can, waits for what is left,
// and closes the connections. Nothing of the Writer runs afterwards.
func (w *Writer) Close() error {
	empty := w.refuse(closed())
	w.expireAll("this node is not primary any more, or is shutting down")
	w.giveUp()
	grace := time.AfterFunc(drainGrace, w.stopConfirm)
	<-empty
	grace.Stop()
	w.stopConfirm()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.finished {
		w.finished = true
		w.dropConn()
		w.readers.close()
	}
	return nil
}

// refuse turns everybody away who is not running yet, and returns a channel
// that is closed when nobody is running.
func (w *Writer) refuse(reason error) <-chan struct{} {
	w.mu.Lock()
	w.refused = reason
	empty := w.empty
	if empty == nil {
		empty = make(chan struct{})
		if w.inside > 0 {
			w.empty = empty
		} else {
			close(empty)
		}
	}
	w.mu.Unlock()
	w.slot.close(reason)
	return empty
}

// expireAll rolls back every open transaction and ends every stream of rows.
func (w *Writer) expireAll(why string) {
	w.mu.Lock()
	all := make([]*tx, 0, len(w.open))
	for t := range w.open {
		all = append(all, t)
	}
	w.mu.Unlock()
	for _, t := range all {
		t.expire(why)
	}
}
