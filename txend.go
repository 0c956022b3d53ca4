package litefwd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// endTimeout bounds COMMIT and ROLLBACK, for which database/sql has no
// context.
const endTimeout = 30 * time.Second

// track keeps the stack of savepoints of a transaction opened by one.
func (t *transaction) track(s *sqlclass.Statement) {
	at := -1
	for i, name := range t.savepoints {
		if name == s.Name {
			at = i // the innermost of that name counts
		}
	}
	switch {
	case s.Kind == sqlclass.Savepoint:
		t.savepoints = append(t.savepoints, s.Name)
	case at < 0:
	case s.Kind == sqlclass.Release:
		t.savepoints = t.savepoints[:at]
	case s.Kind == sqlclass.RollbackTo:
		t.savepoints = t.savepoints[:at+1] // it keeps the savepoint itself
	}
}

// releasesAll reports whether s releases the savepoint that opened the
// transaction, which commits it.
func (t *transaction) releasesAll(s *sqlclass.Statement) bool {
	return t.bySavepoint && len(t.savepoints) > 0 && t.savepoints[0] == s.Name &&
		!slices.Contains(t.savepoints[1:], s.Name)
}

// endBySQL ends the transaction by COMMIT, ROLLBACK or RELEASE as SQL text.
func (t *transaction) endBySQL(end func() error) error {
	err := end()
	if !t.viaSQL {
		// A sql.Tx is ended under database/sql's hands. What it still does must
		// not run outside a transaction.
		t.c.tx = t
		t.failed = fault.Refuse(fault.TxExpired, "the transaction was ended by SQL text; use Tx.Commit and Tx.Rollback")
	}
	return err
}

// endFailed ends a transaction opened by SQL text that is not there any more.
func (t *transaction) endFailed(s *sqlclass.Statement) (ended bool, err error) {
	switch {
	case !t.viaSQL:
		return false, nil
	case s.Kind == sqlclass.Rollback:
		return true, t.Rollback()
	case s.Kind == sqlclass.Commit || s.Kind == sqlclass.Release && t.releasesAll(s):
		return true, t.Commit()
	}
	return false, nil
}

// ended notes that SQLite itself has no transaction any more.
func (t *transaction) ended(cause error) {
	if t.viaSQL {
		t.c.tx = nil // as on one plain connection: the next statement commits by itself
		return
	}
	t.failed = fault.Refuse(fault.TxExpired, "SQLite rolled the transaction back: %w", cause)
}

// Commit implements driver.Tx. It ends the transaction even when it fails,
// except for a COMMIT as SQL text that SQLite refuses (a violated deferred
// foreign key), which leaves it open, as on a plain connection.
func (t *transaction) Commit() error {
	if t.failed != nil {
		err := t.failed
		return firstError(err, t.Rollback())
	}
	ctx, cancel := context.WithTimeout(t.ctx, endTimeout)
	defer cancel()
	if t.local != nil {
		t.c.tx = nil
		err := t.local.use(nil, func() error { return nil }) // has it been ended?
		return firstError(err, t.local.end())
	}
	if t.here {
		_, err := t.c.local.Exec(ctx, "COMMIT", nil)
		if err != nil {
			return firstError(err, t.Rollback())
		}
		t.c.tx = nil
		return nil
	}
	defer t.dropDeferred()
	if t.there == nil {
		t.c.tx = nil // nothing has run
		return nil
	}
	res, err := t.there.Commit(ctx)
	if err != nil {
		if !t.viaSQL || !t.there.Open() {
			err = firstError(err, t.Rollback())
		}
		return t.c.forwardedError(err, false)
	}
	t.c.tx = nil
	if t.opts.ReadOnly {
		t.c.db.saw(acked{res.Position, t.term})
		return nil
	}
	return t.c.db.awaitCommit(ctx, t.await, acked{res.Position, t.term})
}

// Rollback implements driver.Tx. An error other than the local handle's means
// only that the primary could not be told; it rolls back by itself then.
func (t *transaction) Rollback() error {
	t.c.tx = nil
	ctx, cancel := context.WithTimeout(t.ctx, endTimeout)
	defer cancel()
	if t.here {
		if t.c.private != nil {
			t.c.private.Changed() // what the rollback did to temp objects
		}
		if t.local != nil {
			return t.local.end()
		}
		_, err := t.c.local.Exec(ctx, "ROLLBACK", nil)
		return err
	}
	defer t.dropDeferred()
	if t.there == nil {
		return nil
	}
	if err := t.there.Rollback(ctx); err != nil && !errors.Is(err, fault.TxExpired) && !errors.Is(err, fault.NoPrimary) {
		return t.c.mapError(err)
	}
	return nil
}

// dropDeferred forgets defer_foreign_keys once the transaction is over.
func (t *transaction) dropDeferred() {
	if t.c.tx != t {
		t.c.dropDeferred()
	}
}
