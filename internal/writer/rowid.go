package writer

import (
	"context"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// The table has one row at most: a REPLACE with another id removes the former
// by its second column. It belongs to the connection's temp database, so
// nothing of it reaches the file.
const (
	rowIDName    = `temp.litefwd_last_insert_rowid`
	rowIDTable   = `CREATE TABLE IF NOT EXISTS ` + rowIDName + ` (id INTEGER PRIMARY KEY, one INTEGER UNIQUE)`
	rowIDReplace = `REPLACE INTO ` + rowIDName + ` (id, one) VALUES (?, 1)`
)

// setLastInsertID makes last_insert_rowid() return id, as it does on the
// caller's connection. An INSERT that inserts nothing (OR IGNORE, ON CONFLICT
// DO NOTHING) leaves it as it was, so it must have been the caller's before;
// and only so can a write that sets it to what it was be told from one that
// does not set it.
//
// SQLite has no SQL for it but an insert. The table is made outside a
// transaction, so that a rollback cannot take it away.
func (c *conn) setLastInsertID(id int64) error {
	if c.counters.last == id {
		return nil
	}
	return c.lifted(func() error {
		if err := c.makeRowID(); err != nil {
			return err
		}
		if _, err := c.rowIDSet.Exec(context.Background(), sqldriver.Args(id)); err != nil {
			return c.failed(err)
		}
		return c.readCounters()
	})
}

// makeRowID makes the table, if there is none.
func (c *conn) makeRowID() error {
	if c.rowIDSet != nil {
		return nil
	}
	if err := c.run(rowIDTable); err != nil {
		return err
	}
	stmt, err := c.db.Prepare(context.Background(), rowIDReplace)
	if err != nil {
		return c.failed(err)
	}
	c.rowIDSet = stmt
	return nil
}

// haveRowID reports whether setLastInsertID can be called inside a transaction; if
// not, prepareRowID makes the table before the next group.
func (c *conn) haveRowID() bool {
	c.rowIDs = true
	return c.rowIDSet != nil
}

func (c *conn) prepareRowID() error {
	if !c.rowIDs {
		return nil
	}
	return c.makeRowID()
}

// maxPrimed bounds the rows that are written to make changes() true.
const maxPrimed = 100_000

const (
	counterName = `temp.litefwd_changes`
	// The rows' ids end with the wanted one; those before it are any others.
	counterInsert = `INSERT INTO ` + counterName + ` (id)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?1)
		SELECT CASE WHEN i = ?1 THEN ?2 WHEN i = ?2 THEN -i ELSE i END FROM n`
)

// setCounters makes last_insert_rowid() return id and changes() return n, in a
// transaction or outside. SQLite has no SQL for the latter but to change that
// many rows. DROP leaves both as they are; while rows are open SQLite refuses
// it, and the empty table stays.
func (c *conn) setCounters(id, n int64) error {
	return c.lifted(func() error {
		for _, step := range []struct {
			sql  string
			args []any
			skip bool
		}{
			{sql: "CREATE TABLE IF NOT EXISTS " + counterName + " (id INTEGER PRIMARY KEY)"},
			{sql: counterInsert, args: []any{max(n, 1), id}},
			{sql: "DELETE FROM " + counterName}, // as many
			{sql: "DELETE FROM " + counterName, skip: n > 0},
		} {
			if step.skip {
				continue
			}
			if _, err := c.db.Exec(context.Background(), step.sql, sqldriver.Args(step.args...)); err != nil {
				return c.failed(err)
			}
		}
		c.run("DROP TABLE " + counterName)
		return c.readCounters()
	})
}

// lifted runs f with query_only off.
func (c *conn) lifted(f func() error) error {
	if c.readOnly {
		if err := c.pragma("query_only", "0"); err != nil {
			return err
		}
		defer c.pragma("query_only", "1")
	}
	return f()
}
