package litefwd

import (
	"context"
	"maps"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// session is the state of the application's connection that SQLite would keep
// in one sqlite3 handle. Here its statements run on two of them, so it is
// carried from one to the other.
type session struct {
	// pragmas are the settings that change what a write does; replaced, never
	// changed in place, since forwarded statements refer to it.
	pragmas map[string]string
	// lastInsertID and changes are what last_insert_rowid() and changes()
	// must give.
	lastInsertID, changes int64
	// local* is what the local handle would give for them.
	localInsertID, localChanges int64
	// forwarded: a write ran elsewhere, so the local total_changes() is wrong.
	forwarded bool
}

func (s *session) forward() forward.Session {
	return forward.Session{Pragmas: s.pragmas, LastInsertID: s.lastInsertID, Changes: s.changes}
}

// set notes that the connection has a setting from now on.
func (s *session) set(pragma, value string) {
	pragmas := maps.Clone(s.pragmas)
	if pragmas == nil {
		pragmas = map[string]string{}
	}
	pragmas[pragma] = value
	s.pragmas = pragmas
}

// ran notes what the counters are after a statement that ran on the primary.
func (s *session) ran(lastInsertID, changes int64) {
	s.forwarded = s.forwarded || lastInsertID != s.lastInsertID || changes != s.changes
	s.lastInsertID, s.changes = lastInsertID, changes
}

// ranLocally notes what a write to temp tables did on the local handle.
func (s *session) ranLocally(did effects, lastInsertID, changes int64) {
	if did.inserts {
		s.lastInsertID, s.localInsertID = lastInsertID, lastInsertID
	}
	if did.counts {
		s.changes, s.localChanges = changes, changes
	}
}

// effects sums up which counters a text's statements set.
type effects struct{ inserts, counts bool }

func effectsOf(stmts []sqlclass.Statement) (e effects) {
	for i := range stmts {
		e.inserts = e.inserts || stmts[i].Inserts
		e.counts = e.counts || stmts[i].Counts
	}
	return e
}

// counterTable is made in temp when it is first needed.
const counterTable = "temp.litefwd_counters"

// maxPrimed bounds the rows that are inserted to make changes() true.
const maxPrimed = 100_000

// primeCounters makes the local handle's last_insert_rowid() and changes()
// give what the application's last write did, wherever that ran. SQLite has no
// way to set them but to insert a row with that rowid and to change that many
// rows; a temp table serves.
func (s *session) primeCounters(ctx context.Context, local *sqldriver.Conn) (err error) {
	if s.lastInsertID == s.localInsertID && s.changes == s.localChanges {
		return nil
	}
	if s.changes > maxPrimed {
		return fault.Refuse(fault.Unsupported, "changes() after a write of %d rows elsewhere; "+
			"take the number from the write's RowsAffected", s.changes)
	}
	ctx = context.WithoutCancel(ctx) // it is short, and must not stop half-way
	if err := setQueryOnly(ctx, local, false); err != nil {
		return err
	}
	defer func() { err = firstError(err, setQueryOnly(ctx, local, true)) }()

	// The rows' ids end with the wanted one; those before it are any others.
	const insert = `INSERT INTO ` + counterTable + `(id)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?1)
		SELECT CASE WHEN i = ?1 THEN ?2 WHEN i = ?2 THEN -i ELSE i END FROM n`
	steps := []struct {
		sql  string
		args []any
	}{
		{"CREATE TABLE IF NOT EXISTS " + counterTable + "(id INTEGER PRIMARY KEY)", nil},
		{"DELETE FROM " + counterTable, nil},
		{insert, []any{max(s.changes, 1), s.lastInsertID}},
	}
	if s.changes == 0 {
		steps = append(steps, struct {
			sql  string
			args []any
		}{"DELETE FROM " + counterTable + " WHERE 0", nil})
	}
	for _, step := range steps {
		if _, err := local.Exec(ctx, step.sql, sqldriver.Args(step.args...)); err != nil {
			return err
		}
	}
	s.localInsertID, s.localChanges = s.lastInsertID, s.changes
	return nil
}

// deferForeignKeys is the one setting that ends with the transaction.
const deferForeignKeys = "defer_foreign_keys"

// unset forgets a setting and reports whether there was one.
func (s *session) unset(pragma string) bool {
	_, found := s.pragmas[pragma]
	if found {
		s.pragmas = maps.Clone(s.pragmas)
		delete(s.pragmas, pragma)
	}
	return found
}

// result is what SQLite's counters give after any statement.
func (s *session) result() result { return result{s.lastInsertID, s.changes} }
