package writer

import (
	"context"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// Batch implements forward.Target. It waits for the slot as Exec does, and has the
// transaction to itself.
func (w *Writer) Batch(ctx context.Context, b forward.Batch) (forward.BatchResult, error) {
	if len(b.Statements) == 0 {
		return forward.BatchResult{}, fault.Refuse(fault.Protocol, "a batch without statements")
	}
	j := w.wait(&job{st: forward.Statement{ID: b.ID, From: b.From}, batch: b.Statements, maxRows: b.MaxRows, ctx: ctx})
	return forward.BatchResult{Items: j.items, Result: j.res}, j.err
}

// runBatch runs the statements of j in one transaction.
func (s *scope) runBatch(j *job) (o outcome, err error) {
	if err := s.c.setLastInsertID(0); err != nil {
		return o, err
	}
	if err := s.begin(""); err != nil {
		return o, s.explain(err, false)
	}
	left := int64(s.w.opts.MaxResult)
	if j.maxRows > 0 {
		left = min(left, j.maxRows)
	}
	for i, st := range j.batch {
		item, err := s.batchItem(st)
		if err == nil {
			if rows, ok := item.Rows.(*rowset.Set); ok {
				left -= rows.Size()
			}
			if left < 0 {
				err = fault.New(fault.TooLarge, "the rows that the batch returns are too large (MaxResult, MaxMessage)")
			}
		}
		if err != nil {
			s.rollback()
			return o, &fault.BatchError{Index: i, Err: s.explain(err, false)}
		}
		o.items = append(o.items, item)
	}
	if err := s.commit(); err != nil {
		if s.open {
			s.rollback()
		}
		return o, s.uncommitted(err)
	}
	o.res = s.res
	return o, nil
}

// batchItem runs one of the statements.
func (s *scope) batchItem(st forward.Statement) (item forward.BatchItem, err error) {
	stmts, err := s.classify(st.SQL)
	if err != nil {
		return item, err
	}
	all := together(stmts)
	switch {
	case len(stmts) != 1:
		return item, fault.New(fault.Unsupported, "it is %d statements; give each an element of its own", len(stmts))
	case all.control != nil, all.Alone, len(all.settings) > 0:
		return item, fault.New(fault.Unsupported, "%s cannot be part of a batch", shortened(st.SQL))
	}
	s.freshResult()
	what := &stmts[0]
	switch {
	case what.Kind == sqlclass.Empty:
	case what.Kind == sqlclass.Write && !what.Counts: // DDL
		err = s.step(what, st.Args)
	default:
		rows, fetchErr := s.fetch(what, st.SQL, st.Args)
		if err = fetchErr; err == nil && len(rows.Columns()) > 0 {
			item.Rows = rows
		}
	}
	item.Result = s.res
	return item, err
}
