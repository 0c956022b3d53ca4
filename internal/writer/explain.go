package writer

import (
	"context"
	"errors"

	"github.com/litefwd/litefwd/internal/fault"
)

// A replicated engine knows more of a failure than SQLite: whether this node is
// primary still, and how far its copy has come.

// uncommitted says what became of what COMMIT failed to commit with err.
func (s *scope) uncommitted(err error) error {
	err = s.explain(err, true)
	if s.w.replicated == nil && fault.Code(err) == fault.CodeIOErr && !s.c.readOnly { // else the engine has decided
		s.unsure = unknown(s.id, "COMMIT failed, and may have reached the disk: %w", err)
		return s.unsure
	}
	return err
}

// explain asks the engine about a failure that what is below SQLite may be the
// cause of; the transaction has been rolled back. committing: it was COMMIT
// that failed, of what may have written.
func (s *scope) explain(err error, committing bool) error {
	if !s.w.lostFile(err) {
		return err
	}
	s.c.spoilt = err
	err = s.w.explain(err, committing && !s.c.readOnly)
	var own *fault.Error
	if errors.As(err, &own) && own.Kind == fault.OutcomeUnknown {
		unsure := *own
		unsure.RequestID = s.id.String()
		s.unsure = &unsure
		return s.unsure
	}
	return err
}

// explain is a scope's, of what has none.
func (w *Writer) explain(err error, committing bool) error {
	if !w.lostFile(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(w.confirming, w.opts.BusyTimeout)
	defer cancel()
	return w.replicated.Settle(ctx, w.opts.Term, committing, err)
}

// lostFile reports whether err is SQLite's, and what explain would ask the
// engine about.
func (w *Writer) lostFile(err error) bool {
	var own *fault.Error
	return w.replicated != nil && ofStorage(err) && !errors.As(err, &own)
}

// ofStorage reports whether a lost role, a replaced file or a dead mount may
// be why err came.
func ofStorage(err error) bool {
	return fault.OfStorage(err) || fault.Code(err) == fault.CodeReadOnly
}
