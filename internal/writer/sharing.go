package writer

import (
	"context"
	"errors"
	"time"

	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// shareable is what is known of a text that is one statement.
type shareable struct {
	sqlclass.Sharing
	st sqlclass.Statement
	// strikes counts the times in a row that it took long; after each it runs
	// alone for a while, which is rest.
	strikes, rest int
}

// slowStatement is how long a statement may take that others wait for.
const slowStatement = 10 * time.Millisecond

// took notes how long a run beside others has taken.
func (sh *shareable) took(d time.Duration) {
	if d > slowStatement {
		sh.wasSlow()
	} else {
		sh.strikes = 0
	}
}

// wasSlow makes it run alone the next 2, 4, 8, … 1024 times.
func (sh *shareable) wasSlow() {
	sh.strikes = min(sh.strikes+1, 10)
	sh.rest = 1 << sh.strikes
}

// rests reports whether it is to run alone this time.
func (sh *shareable) rests() bool {
	if sh.rest == 0 {
		return false
	}
	sh.rest--
	return true
}

// needsRowID reports whether the connection must have the caller's
// last_insert_rowid() before it runs: an upsert that sets it cannot be told from
// one that does not, nor a failure after the first row from one before.
func (sh *shareable) needsRowID() bool {
	return sh.RowID == sqlclass.RowIDUnknown || sh.Loops && sh.RowID != sqlclass.RowIDNever
}

// maxSharing bounds the texts of which a connection remembers that.
const maxSharing = 1024

// usual reports whether j's text may be one to be remembered here.
func (j *job) usual() bool {
	return j.batch == nil && len(j.st.Session.Pragmas) == 0 && len(j.st.SQL) <= sqldriver.MaxKeptSQL
}

// mayShare guesses whether j, which is the first, can share a transaction: begun
// in vain, it costs one. A text that comes for the first time may never come again,
// so nobody is asked about it unless others wait.
func (w *Writer) mayShare(j *job) bool {
	c := w.conn
	if c == nil || !j.usual() {
		return false
	}
	sh, seen := c.sharing[j.st.SQL]
	switch {
	case sh != nil:
		return sh.Alone == "" && !sh.rests()
	case !seen && w.slot.idle():
		c.remember(j.st.SQL, nil)
		return false
	}
	return true
}

// sharing returns what is known of j's text in the schema of the transaction that
// is open; nil if it is no statement that could share one.
func (w *Writer) sharing(c *conn, j *job) *shareable {
	if !j.usual() {
		return nil
	}
	if sh := c.sharing[j.st.SQL]; sh != nil {
		return sh
	}
	ctx := context.Background()
	stmts, err := w.opts.Classifier.Classify(ctx, c.db, j.st.SQL)
	if err != nil || len(stmts) == 0 {
		return nil
	}
	sh := &shareable{st: stmts[0]}
	switch {
	case len(stmts) > 1:
		sh.Alone = "it is several statements"
	case !ordinary(&sh.st):
		sh.Alone = "it is no INSERT, UPDATE or DELETE"
	default:
		if sh.Sharing, err = sqlclass.SharingOf(ctx, c.db, &sh.st); err != nil {
			return nil
		}
	}
	c.remember(j.st.SQL, sh)
	return sh
}

func ordinary(st *sqlclass.Statement) bool {
	return st.Kind == sqlclass.Write && st.Counts && !st.Alone && !st.TempSchema && !st.InTx &&
		!st.UsesRowID && !st.UsesChanges && !st.UsesTotal
}

func (c *conn) remember(sql string, sh *shareable) {
	if c.sharing == nil || len(c.sharing) >= maxSharing {
		c.sharing = map[string]*shareable{}
	}
	c.sharing[sql] = sh
}

// checkSchema renews what is known of the schema if it is another one, which a
// program other than this may have changed. A transaction is open.
func (c *conn) checkSchema() error {
	v, err := c.row(c.schemaVersion)
	if err != nil {
		return err
	}
	version, ok := v[0].(int64)
	if !ok {
		return errors.New("writer: PRAGMA schema_version is not a number")
	}
	if version != c.schema {
		// EXPLAIN does not look whether SQLite's own picture of the schema is the
		// file's; a statement that runs does.
		row, err := c.db.QueryRow(context.Background(),
			"SELECT count(*) FROM main.sqlite_master WHERE type IN ('trigger', 'view') AND sql LIKE '%changes%'")
		if err != nil {
			return c.failed(err)
		}
		n, _ := row[0].(int64)
		c.schema, c.sharing, c.hiddenChanges = version, nil, n > 0
	}
	return nil
}
