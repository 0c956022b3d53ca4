package writer

import (
	"context"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// The table has one row at most: a REPLACE with another id removes the former
// by its second column. It belongs to the connection's temp database, so
// nothing of it reaches the file.
const (
	rowIDTable   = `CREATE TABLE IF NOT EXISTS temp.litefwd_last_insert_rowid (id INTEGER PRIMARY KEY, one INTEGER UNIQUE)`
	rowIDReplace = `REPLACE INTO temp.litefwd_last_insert_rowid (id, one) VALUES (?, 1)`
)

// setLastInsertID makes last_insert_rowid() return id, as it does on the
// caller's connection. An INSERT that inserts nothing (OR IGNORE, ON CONFLICT
// DO NOTHING) leaves it as it was, so it must have been the caller's before.
//
// SQLite has no SQL for it but an insert. It is called outside a transaction,
// so that a rollback cannot take the table away.
func (c *conn) setLastInsertID(id int64) error {
	if c.counters.last == id {
		return nil
	}
	if c.readOnly {
		if err := c.pragma("query_only", "0"); err != nil {
			return err
		}
		defer c.pragma("query_only", "1")
	}
	if c.rowIDSet == nil {
		if err := c.run(rowIDTable); err != nil {
			return err
		}
		stmt, err := c.db.Prepare(context.Background(), rowIDReplace)
		if err != nil {
			return c.failed(err)
		}
		c.rowIDSet = stmt
	}
	if _, err := c.rowIDSet.Exec(context.Background(), sqldriver.Args(id)); err != nil {
		return c.failed(err)
	}
	return c.readCounters()
}
