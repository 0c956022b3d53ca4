package writer

import (
	"context"
	"database/sql/driver"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// scope is where one caller's statements run: a connection that it has to
// itself, whether a transaction is open there, and what was done so far. An
// autocommit text has one for as long as it runs, an interactive transaction
// one from BEGIN to COMMIT.
type scope struct {
	w   *Writer
	c   *conn
	id  forward.ID
	job *job // of an autocommit text that runs alone, or nil
	// ctx interrupts the caller's statements. The Writer's own (BEGIN,
	// COMMIT, …) do not watch it.
	ctx context.Context
	// deferFK: the session set defer_foreign_keys, so each BEGIN does.
	deferFK bool

	open bool // BEGIN has run and, as far as is known, nothing ended it
	// saves are the savepoints of a transaction that SAVEPOINT began, which
	// ends when the first of them is released; unused otherwise.
	implicit bool
	saves    []string
	// temps: the caller may make temp objects, as it is an interactive
	// transaction that writes. own classifies once it has, since texts may
	// mean other tables then: what is found out is for this scope alone.
	temps  bool
	own    Classifier
	hidden bool // hideTables was called
	// base is where the database is without the open transaction; zero if that is not
	// known.
	base engine.Position
	// commits is how many transactions of this scope are committed.
	commits int
	// unsure is set when SQLite committed and the engine did not confirm it.
	unsure error
	res    forward.Result
	// seen is the position of a snapshot, see Writer.seen; zero elsewhere.
	seen engine.Position
}

// newScope makes c look like the caller's own connection. No transaction is
// open on it.
func (w *Writer) newScope(ctx context.Context, c *conn, id forward.ID, sess forward.Session) (*scope, error) {
	s := &scope{w: w, c: c, id: id, ctx: ctx}
	s.res.LastInsertID, s.res.RowsAffected = sess.LastInsertID, sess.Changes
	if len(sess.Pragmas) > 0 {
		if err := w.checkSettings(ctx, c, sess.Pragmas); err != nil {
			return nil, err
		}
		s.deferFK = normalized(sess.Pragmas[deferForeignKeys]) == "1"
	}
	return s, c.adopt(sess.Pragmas)
}

// classify says what the statements of a text do here.
func (s *scope) classify(sql string) ([]sqlclass.Statement, error) {
	by := s.own
	if by == nil {
		by = s.w.opts.Classifier
	}
	stmts, err := by.Classify(s.ctx, s.c.db, sql)
	if err != nil {
		return nil, s.c.failed(err)
	}
	return stmts, refusal(stmts, s.temps)
}

// begin opens a transaction with sql ("" is BEGIN IMMEDIATE) and makes sure
// that this node may still write.
func (s *scope) begin(sql string) error {
	var err error
	if sql == "" {
		err = s.c.control(s.c.begin)
	} else {
		err = s.c.run(sql)
	}
	if err != nil {
		return err
	}
	s.open = true
	if err := s.w.opts.Database.Fence(s.w.opts.Term); err != nil {
		s.rollback()
		return notPrimary(err)
	}
	if s.job != nil && !s.w.begin(s.job) {
		s.rollback()
		return errAnswered()
	}
	s.base = s.c.base(s.w.replicated)
	if s.deferFK {
		return s.c.pragma(deferForeignKeys, "1")
	}
	return nil
}

// beginKnown opens a transaction in which what the connection knows of the schema
// is true.
func (s *scope) beginKnown() error {
	err := s.begin("")
	if err == nil {
		if err = s.c.checkSchema(); err != nil {
			s.rollback()
		}
	}
	if err != nil {
		return s.explain(err, false)
	}
	return nil
}

// commit commits and asks the engine where that led. If COMMIT fails the
// transaction may still be open.
func (s *scope) commit() error {
	defer s.committing()()
	let := s.clearForCommit()
	err := s.c.control(s.c.commit)
	let()
	if err != nil {
		if !s.c.inTransaction() {
			s.closed()
		}
		return err
	}
	s.closed()
	s.c.stale = true
	return s.committed()
}

// committed is called when SQLite has committed something.
func (s *scope) committed() error {
	s.commits++
	if s.c.readOnly {
		return nil
	}
	s.w.commit.set(confirming)
	pos, known := engine.Position{}, false
	if !s.base.IsZero() {
		pos, known = s.w.replicated.CommittedAfter(s.base)
	}
	if !known {
		var err error
		if pos, err = s.w.opts.Database.Committed(s.w.confirming); err != nil {
			s.unsure = unknown(s.id, "SQLite committed, but the engine cannot confirm it: %w", err)
			return s.unsure
		}
	}
	s.c.last.at = pos
	s.res.Position = pos
	return nil
}

// committing is called before SQLite commits; the function it returns when the
// engine has said where that led.
func (s *scope) committing() func() {
	if s.c.readOnly {
		return func() {}
	}
	over := func() {}
	if s.w.opts.Committing != nil {
		over = s.w.opts.Committing()
	}
	s.w.commit.set(committing)
	return func() { s.w.commit.set(noCommit); over() }
}

// rollback ends whatever transaction is open.
func (s *scope) rollback() {
	s.c.abandon()
	s.closed()
	s.base = engine.Position{} // what follows, VACUUM for one, is in no transaction
}

func (s *scope) closed() {
	s.open, s.implicit, s.saves = false, false, nil
}

// autocommit runs f in a transaction of its own, with SQLite's rules for a
// statement outside a transaction.
func (s *scope) autocommit(f func() error) error {
	if err := s.beginKnown(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return s.explain(s.settle(err), false)
	}
	if err := s.commit(); err != nil {
		if s.open { // BUSY, or a deferred constraint: the statement fails
			s.rollback()
		}
		return s.uncommitted(err)
	}
	return nil
}

// settle ends the transaction of a statement that failed. What is left of it
// after a constraint error is what OR FAIL means to keep, mostly nothing.
func (s *scope) settle(failure error) error {
	if leavesRows(failure) && s.c.spoilt == nil {
		defer s.committing()()
		let := s.clearForCommit()
		err := s.c.control(s.c.commit)
		let()
		if err == nil {
			s.closed()
			s.c.readCounters()
			if err := s.committed(); err != nil {
				return err
			}
			return failure
		}
		// Not open any more (OR ROLLBACK), or not to be committed.
	}
	s.rollback()
	return failure
}

// freshResult begins the result of another text: the counters stay.
func (s *scope) freshResult() {
	s.res = forward.Result{LastInsertID: s.res.LastInsertID, RowsAffected: s.res.RowsAffected, Position: s.seen}
}

// account notes what a statement did that has just run.
func (s *scope) account(st *sqlclass.Statement) error {
	before := s.c.counters
	if err := s.c.readCounters(); err != nil {
		return err
	}
	s.res.Changed += s.c.counters.total - before.total
	s.count(before, st.Counts)
	return nil
}

// failed notes what a statement left in the counters that failed with err: the
// id of a row that is rolled back, and the number of those that OR FAIL kept. One
// that could not be prepared, or whose arguments the driver refused, leaves them.
func (s *scope) failed(st *sqlclass.Statement, before counters, err error) {
	if s.c.spoilt == nil && s.c.readCounters() == nil {
		code := fault.Code(err)
		s.count(before, st.Counts && (code == constraint || code != 0 && s.c.stepped))
	}
}

// count takes the connection's counters over where a statement has set them.
func (s *scope) count(before counters, counts bool) {
	now := s.c.counters
	// Statements that should not (DROP TABLE with foreign keys) may count too.
	if counts || now.changes != before.changes {
		s.res.RowsAffected = now.changes
	}
	// Before a write it was the caller's own. Not only INSERT sets it: an
	// UPDATE of a virtual table may.
	if now.last != before.last {
		s.res.LastInsertID = now.last
	}
}

const constraint = 19 // SQLITE_CONSTRAINT

// withCounters adds what the caller's counters are now, and what was committed,
// to an error of SQLite.
func (s *scope) withCounters(err error) error {
	return fault.WithAftermath(err, fault.Aftermath{
		LastInsertID: s.res.LastInsertID, Changes: s.res.RowsAffected, Position: s.res.Position,
	})
}

// prepare makes the connection ready for a statement outside a transaction.
func (s *scope) prepare(st *sqlclass.Statement) error {
	if s.open || st.Kind == sqlclass.Read && !st.UsesRowID {
		return nil
	}
	return s.c.setLastInsertID(s.res.LastInsertID)
}

// primeChanges makes changes() what it is on the caller's connection, if the
// statement calls it, or may leave it alone or not: a DROP may count rows.
func (s *scope) primeChanges(st *sqlclass.Statement) error {
	n := s.res.RowsAffected
	uses := st.UsesChanges || st.Counts && s.c.hiddenChanges
	switch {
	case st.UsesTotal:
		return fault.Refuse(fault.Unsupported, "total_changes() would be that of the primary's connection; "+
			"add up the RowsAffected of the writes")
	case !uses && (st.Counts || st.Kind == sqlclass.Read || n > 1000):
		return nil
	}
	if s.c.stale {
		if err := s.c.readCounters(); err != nil {
			return err
		}
	}
	switch {
	case n == s.c.counters.changes:
		return nil
	case n > maxPrimed:
		return fault.Refuse(fault.Unsupported, "changes() after a write of %d rows on another connection; "+
			"take the number from the write's RowsAffected", n)
	default:
		return s.c.setCounters(s.res.LastInsertID, n)
	}
}

// step runs one statement where the scope is now.
func (s *scope) step(st *sqlclass.Statement, args []driver.NamedValue) error {
	s.meetTemp(st)
	if err := s.primeChanges(st); err != nil {
		return err
	}
	before := s.c.counters
	if err := s.c.exec(s.ctx, st.SQL, args, st.Counts); err != nil {
		s.c.readCounters()
		ran := s.ranAnyway(err, before.total)
		s.c.counters = before
		if !ran {
			s.failed(st, before, err)
			return err
		}
	}
	return s.account(st)
}

// ranAnyway reports whether a statement had its effect although the driver
// returns the context's error: both drivers do when the context ends just
// after the last step. total_changes() grows only with a statement's success.
func (s *scope) ranAnyway(err error, before int64) bool {
	return fault.Code(err) == fault.CodeInterrupt && s.open && s.c.spoilt == nil &&
		s.c.counters.total > before && s.c.inTransaction()
}
