package writer

import (
	"database/sql/driver"
	"slices"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// refusal returns why a statement of a text cannot run on the primary, or nil.
// It is asked for all of them before the first runs. With temps, they may make
// temp objects.
func refusal(stmts []sqlclass.Statement, temps bool) error {
	for i := range stmts {
		st := &stmts[i]
		switch {
		case temps && makesTemp(st):
		case st.Kind == sqlclass.Unsupported:
			return fault.Refuse(fault.Unsupported, "%s", st.Reason)
		case st.Kind == sqlclass.TempWrite, st.TempSchema, st.Kind == sqlclass.Local && st.Pragma == "":
			return fault.Refuse(fault.Unsupported, "temp objects and attached databases belong to the caller's own "+
				"connection and do not exist on the primary's; run this apart from writes to the main database, "+
				"or make the temp objects inside a transaction: %s",
				shortened(st.SQL))
		}
	}
	return nil
}

// text runs the statements of one text in their order, up to the first that
// fails.
func (s *scope) text(stmts []sqlclass.Statement, args arguments) error {
	args.single = len(stmts) == 1
	for i := range stmts {
		st := &stmts[i]
		if st.Kind == sqlclass.Unsure && i > 0 {
			again, err := s.classifyAgain(st)
			if err != nil {
				return err
			}
			st = again
		}
		if st.Kind == sqlclass.Empty {
			continue
		}
		if err := s.statement(st, args.next(st)); err != nil {
			return err
		}
	}
	return nil
}

// classifyAgain looks once more at a statement that could not be compiled
// before the text began: an earlier statement may have created its table.
func (s *scope) classifyAgain(st *sqlclass.Statement) (*sqlclass.Statement, error) {
	stmts, err := s.classify(st.SQL)
	if err != nil {
		return nil, err
	}
	if len(stmts) != 1 {
		return st, nil
	}
	return &stmts[0], nil
}

// statement runs one statement: in a transaction of its own if it writes and
// none is open.
func (s *scope) statement(st *sqlclass.Statement, args []driver.NamedValue) error {
	switch st.Kind {
	case sqlclass.Begin:
		return s.beginText(st)
	case sqlclass.Commit:
		return s.commitText(st)
	case sqlclass.Rollback:
		return s.rollbackText(st)
	case sqlclass.Savepoint:
		return s.savepointText(st)
	case sqlclass.Release, sqlclass.RollbackTo:
		return s.releaseText(st)
	case sqlclass.Setting, sqlclass.Local:
		return s.setting(st, args)
	}
	// A Read too: here nothing but the fence would stop one that writes after all.
	return s.write(st, func() error { return s.step(st, args) })
}

// write runs f, which is statement st or the query that is, with what it
// needs around it.
func (s *scope) write(st *sqlclass.Statement, f func() error) error {
	if s.open {
		return f()
	}
	if err := s.prepare(st); err != nil {
		return err
	}
	if !st.Alone {
		return s.autocommit(f)
	}
	// SQLite runs it in no transaction, so this node's right to write is
	// checked in one just before.
	if err := s.begin(""); err != nil {
		return err
	}
	s.rollback()
	s.w.readers.close() // leaving WAL needs every other connection gone
	defer s.committing()()
	if err := f(); err != nil {
		return s.uncommitted(err)
	}
	return s.committed()
}

// setting runs a PRAGMA that changes the connection, so that the next caller
// finds it as it was.
func (s *scope) setting(st *sqlclass.Statement, args []driver.NamedValue) error {
	if st.Value == "" {
		return s.step(st, args)
	}
	if !plain(st.Pragma) {
		return fault.Refuse(fault.Unsupported, "PRAGMA %q cannot be set on the primary", st.Pragma)
	}
	done, err := s.c.changed(st.Pragma, st.Value)
	if err != nil {
		return err
	}
	defer done()
	return s.step(st, args)
}

func (s *scope) beginText(st *sqlclass.Statement) error {
	if s.open {
		return s.c.run(st.SQL) // SQLite's own error
	}
	if err := s.c.setLastInsertID(s.res.LastInsertID); err != nil {
		return err
	}
	if st.Mode == "exclusive" {
		return s.begin("BEGIN EXCLUSIVE")
	}
	return s.begin("")
}

func (s *scope) commitText(st *sqlclass.Statement) error {
	if !s.open {
		return s.c.run(st.SQL) // SQLite's own error
	}
	return s.uncommitted(s.commit())
}

func (s *scope) rollbackText(st *sqlclass.Statement) error {
	if !s.open {
		return s.c.run(st.SQL) // SQLite's own error
	}
	if err := s.c.control(s.c.rollback); err != nil {
		return err
	}
	s.closed()
	return s.c.readCounters()
}

// savepointText runs SAVEPOINT. Outside a transaction it begins one; that has
// to be BEGIN IMMEDIATE here, so the end of it is acted out in releaseText.
func (s *scope) savepointText(st *sqlclass.Statement) error {
	if !s.open {
		if err := s.c.setLastInsertID(s.res.LastInsertID); err != nil {
			return err
		}
		if err := s.begin(""); err != nil {
			return err
		}
		s.implicit = true
	}
	if err := s.c.run(st.SQL); err != nil {
		return err
	}
	if s.implicit {
		s.saves = append(s.saves, st.Name)
	}
	return nil
}

// releaseText runs RELEASE and ROLLBACK TO. Releasing the savepoint that began
// the transaction commits it; COMMIT does so in one step, which leaves the
// savepoint in place when it fails, as SQLite does.
func (s *scope) releaseText(st *sqlclass.Statement) error {
	at := -1
	for i, name := range slices.Backward(s.saves) {
		if name == st.Name {
			at = i
			break
		}
	}
	if s.implicit && at == 0 && st.Kind == sqlclass.Release {
		return s.uncommitted(s.commit())
	}
	if err := s.c.run(st.SQL); err != nil {
		return err
	}
	if st.Kind == sqlclass.RollbackTo && s.hidden {
		s.hideTables() // they may be back
	}
	if at < 0 {
		return nil
	}
	if st.Kind == sqlclass.Release {
		s.saves = s.saves[:at]
	} else {
		s.saves = s.saves[:at+1]
	}
	return nil
}

func shortened(sql string) string {
	const most = 80
	if len(sql) <= most {
		return sql
	}
	return sql[:most] + "…"
}
