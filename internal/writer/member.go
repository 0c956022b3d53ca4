package writer

import (
	"context"
	"errors"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// member is a job in a group.
type member struct {
	j       *job
	s       *scope // with the caller's counters
	state   memberState
	outcome // the job's, when state is done
}

type memberState uint8

const (
	pending memberState = iota // nothing of it has run
	ran                        // it is part of the transaction, also if it failed
	lonely                     // it must run alone, nothing of it is in the transaction
	done                       // it has its result, and no part in the transaction
)

// end makes err the outcome.
func (m *member) end(state memberState, err error) {
	m.state, m.outcome = state, outcome{err: err}
}

// runMember runs m in the transaction; false says that this cannot be committed.
func (g *group) runMember(m *member) bool {
	w, c, j := g.t.w, g.c, m.j
	if err := j.ctx.Err(); err != nil {
		m.end(done, locked(err)) // it has waited in vain
		return true
	}
	sh := w.sharing(c, j)
	if sh == nil || sh.Alone != "" || sh.rests() || sh.needsRowID() && !c.haveRowID() {
		m.state = lonely
		return true
	}
	if !w.begin(j) {
		m.state = done // it was answered
		return true
	}
	m.s = &scope{w: w, c: c, id: j.st.ID, ctx: context.Background(), open: true}
	m.s.res.LastInsertID, m.s.res.RowsAffected = j.st.Session.LastInsertID, j.st.Session.Changes
	if sh.needsRowID() {
		if err := c.setLastInsertID(m.s.res.LastInsertID); err != nil {
			return false
		}
	}
	if sh.Loops {
		m.s.ctx = g.patience(j)
		if err := c.control(c.savepoint); err != nil {
			return false
		}
	}
	g.running = m
	err := m.run(sh)
	g.running = nil
	if err != nil {
		if !g.bear(sh, err) {
			switch {
			case fault.Code(err) != fault.CodeInterrupt:
			case j.ctx.Err() != nil:
				m.end(done, m.s.withCounters(err))
			case w.interrupts().Err() != nil:
				m.end(done, w.stopped(err))
			default:
				sh.wasSlow()
			}
			return false
		}
		m.err = err
	}
	if sh.Loops {
		if err := c.control(c.release); err != nil {
			return false
		}
	}
	m.state = ran
	return true
}

// run runs the statement.
func (m *member) run(sh *shareable) (err error) {
	s, j := m.s, m.j
	began := time.Now()
	before := s.c.counters
	switch {
	case j.query:
		m.rows, err = s.fetch(&sh.st, j.st.SQL, j.st.Args)
	case sh.Loops || sh.Rows:
		err = s.step(&sh.st, j.st.Args)
	default:
		if err = s.c.execCounted(s.ctx, j.st.SQL, j.st.Args); err != nil {
			s.failed(&sh.st, before, err)
		} else {
			s.res.Changed = s.c.counters.changes
			s.res.RowsAffected = s.c.counters.changes
		}
	}
	sh.took(time.Since(began))
	// The connection's counter before was another caller's, so that whether it has
	// changed says nothing; where the kind of statement does not tell, it was primed.
	if err == nil && (sh.RowID == sqlclass.RowIDUnknown || sh.RowID == sqlclass.RowIDIfChanged && s.c.counters.changes > 0) {
		s.res.LastInsertID = s.c.counters.last
	}
	return err
}

// bear sees to the failure of a member, and reports whether the transaction stands.
//
// A constraint error leaves behind what it would leave alone: SQLite has undone the
// statement, or keeps, with OR FAIL, the rows before. What another error leaves is
// undone here. Some end the transaction, and after some nothing can be trusted.
func (g *group) bear(sh *shareable, err error) bool {
	code := fault.Code(err)
	switch {
	case g.c.spoilt != nil, fault.OfStorage(err), fatalCodes[code], !g.c.inTransaction():
		return false
	case sh.Loops && !leavesRows(err):
		return g.c.control(g.c.rollbackTo) == nil
	}
	return true
}

// leavesRows reports whether what is left of a statement that failed with err is what
// SQLite means to leave: nothing, or with OR FAIL the rows before. Of the errors of
// class CONSTRAINT it sees to that for those that are its own, except for a value of
// the wrong type in a STRICT table (SQLITE_CONSTRAINT_DATATYPE).
func leavesRows(err error) bool {
	var e *fault.SQLError
	return errors.As(err, &e) && ownConstraints[e.ExtendedCode]
}

// https://www.sqlite.org/rescode.html
var ownConstraints = map[int]bool{
	275:  true, // SQLITE_CONSTRAINT_CHECK
	787:  true, // …_FOREIGNKEY
	1299: true, // …_NOTNULL
	1555: true, // …_PRIMARYKEY
	1811: true, // …_TRIGGER, which is RAISE
	2067: true, // …_UNIQUE
	2579: true, // …_ROWID
}

const codeFull = 13 // SQLITE_FULL

// fatalCodes are those after which SQLite may have rolled the transaction back, or
// that are about more than the one statement.
// https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
var fatalCodes = map[int]bool{
	fault.CodeBusy: true, fault.CodeInterrupt: true, fault.CodeNoMem: true, fault.CodeReadOnly: true,
	codeFull: true,
	6:        true, // SQLITE_LOCKED
	17:       true, // SQLITE_SCHEMA
}

// committed sets the job's result, now that the transaction is committed.
func (m *member) committed(pos engine.Position) {
	s := m.s
	m.state = done
	if m.err == nil || leavesRows(m.err) {
		s.res.Position = pos
	}
	if m.err != nil {
		m.end(done, s.withCounters(m.err))
		return
	}
	m.res = s.res
	if m.rows != nil {
		m.rows.SetResult(m.res)
	}
}
