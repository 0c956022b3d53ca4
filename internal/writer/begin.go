package writer

import (
	"context"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// Begin implements forward.Target. A transaction that may write holds the slot
// until it ends; a read-only one has a read connection and the snapshot of
// this moment. ctx bounds only the wait.
//
// Every transaction that may write begins IMMEDIATE or EXCLUSIVE: it holds the
// slot anyway, and so never fails in the middle for want of the write lock.
func (w *Writer) Begin(ctx context.Context, opts forward.TxOptions) (forward.Tx, error) {
	switch opts.Mode {
	case "", "deferred", "immediate", "exclusive":
	default:
		return nil, fault.Refuse(fault.Protocol, "unknown transaction mode %q", opts.Mode)
	}
	if err := w.enter(); err != nil {
		return nil, err
	}
	if opts.ReadOnly {
		return w.beginRead(ctx, opts)
	}
	if _, first := w.outcomes.claim(opts.ID); !first {
		w.leave()
		return nil, fault.Refuse(fault.Protocol, "transaction %v was begun before", opts.ID)
	}
	t, err := w.beginWrite(ctx, opts)
	if err != nil {
		w.outcomes.forget(opts.ID, err)
		w.leave()
		return nil, err
	}
	w.counts.transactions.Add(1)
	if err := t.watched(); err != nil {
		return nil, err
	}
	return t, nil
}

func (w *Writer) beginWrite(ctx context.Context, opts forward.TxOptions) (*tx, error) {
	if err := w.slot.acquire(ctx, w.opts.BusyTimeout, opts.From); err != nil {
		return nil, err
	}
	c, err := w.writing(ctx, opts.Session.Pragmas)
	if err != nil {
		w.slot.release()
		return nil, err
	}
	t := w.newTx(writing, opts)
	mode := ""
	if opts.Mode == "exclusive" {
		mode = "BEGIN EXCLUSIVE"
	}
	err = guard(c, func() (err error) {
		if t.s, err = w.newScope(t.ctx, c, opts.ID, opts.Session); err != nil {
			return err
		}
		t.s.temps = true
		if err := c.setLastInsertID(opts.Session.LastInsertID); err != nil {
			return err
		}
		if err := t.s.begin(mode); err != nil {
			return t.s.explain(err, false)
		}
		return nil
	})
	if err != nil {
		t.cancel()
		if t.s != nil && t.s.open {
			t.s.rollback()
		}
		w.keepIfUsable(c)
		w.slot.release()
		return nil, err
	}
	return t, nil
}

// beginRead opens a read-only transaction; the caller has entered.
func (w *Writer) beginRead(ctx context.Context, opts forward.TxOptions) (forward.Tx, error) {
	t, err := w.onReader(ctx, reading, opts, func(s *scope) error {
		if err := s.c.setLastInsertID(opts.Session.LastInsertID); err != nil {
			return err
		}
		if err := s.c.run("BEGIN"); err != nil {
			return err
		}
		s.open = true
		// SQLite takes the snapshot at the first read, not at BEGIN.
		if err := s.c.run("SELECT 1 FROM sqlite_master LIMIT 1"); err != nil {
			return err
		}
		s.seen = w.seen(ctx, s.c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// openStream takes a read connection for the rows of one statement.
func (w *Writer) openStream(ctx context.Context, st forward.Statement) (*tx, error) {
	if err := w.enter(); err != nil {
		return nil, err
	}
	opts := forward.TxOptions{ID: st.ID, Session: st.Session}
	return w.onReader(ctx, streaming, opts, func(*scope) error { return nil })
}

// onReader returns a tx on a read connection, which start has prepared. On an
// error it leaves the Writer.
func (w *Writer) onReader(ctx context.Context, kind txKind, opts forward.TxOptions, start func(*scope) error) (*tx, error) {
	if err := w.opts.Database.Serves(w.opts.Term); err != nil {
		w.leave()
		return nil, notPrimary(err)
	}
	c, err := w.takeReader(ctx, opts.Session.Pragmas)
	if err != nil {
		w.leave()
		return nil, w.explain(err, false)
	}
	t := w.newTx(kind, opts)
	err = guard(c, func() (err error) {
		if t.s, err = w.newScope(t.ctx, c, opts.ID, opts.Session); err != nil {
			return err
		}
		return t.s.explain(start(t.s), false)
	})
	if err != nil {
		t.cancel()
		if t.s != nil && t.s.open {
			t.s.rollback()
		}
		w.readers.put(c)
		w.leave()
		return nil, err
	}
	if err := t.watched(); err != nil {
		return nil, err
	}
	return t, nil
}
