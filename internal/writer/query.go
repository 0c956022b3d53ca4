package writer

import (
	"context"
	"database/sql/driver"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// Query implements forward.Target. Reads run on a read connection and stream
// their rows; they wait for a free one. A text that writes runs in the slot,
// and its rows are collected before it is committed.
//
// A text of several statements runs as a whole, in one transaction if it
// writes, because which of them gives the rows is for the driver to say.
func (w *Writer) Query(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	rows, err := w.read(ctx, st)
	if rows != nil || err != nil {
		return rows, err
	}
	_, collected, err := w.auto(ctx, st, true)
	if err != nil {
		return nil, err
	}
	return collected, nil
}

// read runs st on a read connection. It returns nil, nil if st is no mere
// read.
func (w *Writer) read(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	if w.writeTexts.has(st.SQL) {
		return nil, nil
	}
	t, err := w.openStream(ctx, st)
	if err != nil {
		return nil, err
	}
	rows, err := t.stream(ctx, st)
	if rows == nil {
		t.Rollback(ctx)
		return nil, err
	}
	return rows, nil
}

// whole is what the statements of one text do together.
type whole struct {
	sqlclass.Statement
	// control is the first statement of transaction control, if any.
	control  *sqlclass.Statement
	settings []*sqlclass.Statement
}

// together sums the statements of a text up. Its Kind is Read if none of them
// writes, or else Write.
func together(stmts []sqlclass.Statement) *whole {
	all := &whole{Statement: sqlclass.Statement{Kind: sqlclass.Read}}
	for i := range stmts {
		st := &stmts[i]
		all.Inserts = all.Inserts || st.Inserts
		all.Counts = all.Counts || st.Counts
		all.UsesRowID = all.UsesRowID || st.UsesRowID
		all.UsesChanges = all.UsesChanges || st.UsesChanges
		all.UsesTotal = all.UsesTotal || st.UsesTotal
		all.LocalOnly = all.LocalOnly || st.LocalOnly
		all.InTx = all.InTx || makesTemp(st)
		switch st.Kind {
		case sqlclass.Read, sqlclass.Empty:
		case sqlclass.Setting, sqlclass.Local:
			if st.Value != "" {
				all.settings = append(all.settings, st)
			}
		case sqlclass.Begin, sqlclass.Commit, sqlclass.Rollback,
			sqlclass.Savepoint, sqlclass.Release, sqlclass.RollbackTo:
			if all.control == nil {
				all.control = st
			}
		default:
			all.Kind = sqlclass.Write
			all.Alone = all.Alone || st.Alone
		}
	}
	return all
}

// refusal returns why the text, of n statements, cannot be run for its rows.
func (t *whole) refusal(n int) error {
	switch {
	case t.control != nil:
		return fault.Refuse(fault.Unsupported, "%s cannot be run by Query: use BeginTx, or Exec",
			shortened(t.control.SQL))
	case t.Alone && n > 1:
		return fault.Refuse(fault.Unsupported, "SQLite runs a statement of this text only outside a transaction: "+
			"send it alone")
	}
	return nil
}

// collect runs a text for its rows, in a transaction of its own if it writes
// and none is open.
func (s *scope) collect(stmts []sqlclass.Statement, sql string, args []driver.NamedValue) (rows *rowset.Set, err error) {
	all := together(stmts)
	if err := all.refusal(len(stmts)); err != nil {
		return nil, err
	}
	for _, p := range all.settings {
		done, err := s.c.changed(p.Pragma, p.Value)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	err = s.write(&all.Statement, func() (err error) {
		rows, err = s.fetch(&all.Statement, sql, args)
		return err
	})
	return rows, err
}

// fetch runs a text where the scope is now, and fetches its rows.
func (s *scope) fetch(st *sqlclass.Statement, sql string, args []driver.NamedValue) (*rowset.Set, error) {
	if err := s.primeChanges(st); err != nil {
		return nil, err
	}
	s.c.stepped = false // the driver does not tell
	raw, err := s.c.query(s.ctx, sql, args)
	var rows *rowset.Set
	if err == nil {
		rows, err = s.w.collect(s.c, raw)
	}
	if err != nil {
		s.failed(st, s.c.counters, err)
		return nil, err
	}
	return rows, s.account(st)
}
