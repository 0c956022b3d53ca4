package writer

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// conn is one connection with what the Writer knows about its state. It is
// used by one goroutine at a time.
type conn struct {
	db *sqldriver.Conn
	// begin, commit and rollback are prepared, because they make up most of
	// what a small write costs; countersStmt likewise.
	begin, commit, rollback, countersStmt *sqldriver.Stmt
	savepoint, rollbackTo, release        *sqldriver.Stmt // around one statement of a group
	schemaVersion, journalMode            *sqldriver.Stmt
	dataVersion                           *sqldriver.Stmt

	stmts    sqldriver.StmtCache
	settings settings
	readOnly bool   // query_only is on
	history  uint64 // the engine's when this was opened; see Writer.history

	sharing map[string]*shareable // of texts that came before; nil values came once
	schema  int64                 // the schema_version that this holds for, and:
	// hiddenChanges: triggers or views may call changes().
	hiddenChanges bool

	counters counters
	stepped  bool            // the last statement was prepared, and run
	stale    bool            // a virtual table may have counted more in COMMIT
	rowIDSet *sqldriver.Stmt // see rowid.go; nil until it is needed
	rowIDs   bool            // it is needed in groups
	last     lastCommit
	temp     bool  // a caller's temp objects are, or were, here
	spoilt   error // why the connection must not be used again, or nil
	closed   bool
}

// counters are the connection's own, as last seen.
type counters struct {
	total   int64 // total_changes()
	changes int64 // changes()
	last    int64 // last_insert_rowid()
}

// connect opens a connection and refuses one on which transactions of several
// connections, or rollbacks, do not work.
func connect(ctx context.Context, connector driver.Connector, readOnly bool, cache int) (_ *conn, err error) {
	defer func() {
		if p := recover(); p != nil { // of a hook
			err = &fault.SQLError{Code: fault.CodeError, ExtendedCode: fault.CodeError, Msg: fmt.Sprintf("panic while connecting: %v", p)}
		}
	}()
	db, err := sqldriver.Connect(ctx, connector)
	if err != nil {
		return nil, asTarget(err)
	}
	c := &conn{db: db, readOnly: readOnly, stmts: sqldriver.StmtCache{Limit: cache}}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if err := sqldriver.CheckJournal(ctx, db); err != nil {
		return nil, asTarget(err)
	}
	for _, p := range []struct {
		stmt **sqldriver.Stmt
		sql  string
	}{
		{&c.begin, "BEGIN IMMEDIATE"},
		{&c.commit, "COMMIT"},
		{&c.rollback, "ROLLBACK"},
		{&c.countersStmt, "SELECT total_changes(), changes(), last_insert_rowid()"},
		{&c.savepoint, "SAVEPOINT litefwd_member"},
		{&c.rollbackTo, "ROLLBACK TO litefwd_member"},
		{&c.release, "RELEASE litefwd_member"},
		{&c.schemaVersion, "PRAGMA schema_version"},
		{&c.journalMode, "PRAGMA journal_mode"},
		{&c.dataVersion, "PRAGMA data_version"},
	} {
		if *p.stmt, err = db.Prepare(ctx, p.sql); err != nil {
			return nil, asTarget(err)
		}
	}
	if readOnly {
		if err := c.pragma("query_only", "1"); err != nil {
			return nil, err
		}
	}
	return c, c.readCounters()
}

// close closes the connection, which rolls back what is open.
func (c *conn) close() {
	if c.closed {
		return
	}
	c.closed = true
	c.stmts.Close()
	for _, s := range []*sqldriver.Stmt{
		c.begin, c.commit, c.rollback, c.countersStmt, c.savepoint, c.rollbackTo, c.release, c.schemaVersion, c.journalMode, c.dataVersion, c.rowIDSet,
	} {
		if s != nil {
			s.Close()
		}
	}
	c.db.Close()
}

// exec runs one statement to its end. With keep, its prepared form is kept for
// the next time.
//
// It runs as a prepared query whose rows are dropped, for three reasons. A
// panic of a user-defined function finds the statement finalized on its way
// up; otherwise it would hold the file's lock. mattn's Exec runs on another
// goroutine when ctx can end, where nobody could recover that panic and which
// costs more than a small insert. And a write that returns rows is active,
// and so not to be committed, until it was stepped to its end or reset.
func (c *conn) exec(ctx context.Context, sql string, args []driver.NamedValue, keep bool) error {
	return c.prepared(ctx, sql, args, keep, func(stmt *sqldriver.Stmt) error {
		rows, err := stmt.Query(ctx, args)
		if err == nil {
			err = drop(rows)
		}
		return err
	})
}

// execCounted is exec for a statement that returns no rows and counts all that it
// changes; it takes the counters from the driver's own result. ctx must not end.
func (c *conn) execCounted(ctx context.Context, sql string, args []driver.NamedValue) error {
	counted := false
	err := c.prepared(ctx, sql, args, true, func(stmt *sqldriver.Stmt) error {
		res, err := stmt.Exec(ctx, args)
		if err != nil {
			return err
		}
		last, errLast := res.LastInsertId()
		changes, errChanges := res.RowsAffected()
		if counted = errLast == nil && errChanges == nil; counted {
			c.counters.last, c.counters.changes = last, changes
			c.counters.total += changes
		}
		return nil
	})
	if err == nil && !counted {
		return c.readCounters()
	}
	return err
}

// prepared calls run with the prepared form of sql, which is kept if it succeeds and
// keep is set.
func (c *conn) prepared(ctx context.Context, sql string, args []driver.NamedValue, keep bool, run func(*sqldriver.Stmt) error) error {
	c.stepped = false
	stmt := c.stmts.Take(sql)
	if stmt == nil {
		prepared, err := c.db.Prepare(ctx, sql)
		if err != nil {
			return c.failed(err)
		}
		stmt = c.stmts.New(sql, prepared)
	}
	ok := false
	defer func() {
		if ok && keep {
			c.stmts.Put(stmt, args)
		} else {
			c.stmts.Drop(stmt)
		}
	}()
	if n := stmt.NumInput(); n >= 0 && n != len(args) {
		// Too few or too many: that is for the driver to judge. Not with ctx, for
		// which mattn's would run on another goroutine.
		_, err := c.db.Exec(context.Background(), sql, args)
		return c.failed(err)
	}
	c.stepped = true
	err := run(stmt.Stmt)
	ok = err == nil
	return c.failed(err)
}

// drop steps rows to their end and closes them.
func drop(rows driver.Rows) (err error) {
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(dest); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// query runs sql, which may be several statements, as the driver does.
func (c *conn) query(ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.db.Query(ctx, sql, args)
	if err != nil {
		return nil, c.failed(err)
	}
	return rows, nil
}

// control runs one of the prepared statements without arguments.
func (c *conn) control(stmt *sqldriver.Stmt) error {
	_, err := stmt.Exec(context.Background(), nil)
	return c.failed(err)
}

// run runs a statement of the Writer's own.
func (c *conn) run(sql string) error {
	_, err := c.db.Exec(context.Background(), sql, nil)
	return c.failed(err)
}

// row runs one of the prepared statements for its first row.
func (c *conn) row(stmt *sqldriver.Stmt) ([]driver.Value, error) {
	rows, err := stmt.Query(context.Background(), nil)
	if err != nil {
		return nil, c.failed(err)
	}
	v := make([]driver.Value, len(rows.Columns())) // a driver may count on being asked, as database/sql does
	err = rows.Next(v)
	if e := rows.Close(); err == nil {
		err = e
	}
	if err != nil {
		return nil, c.failed(fault.FromDriver(err))
	}
	return v, nil
}

// readCounters brings c.counters up to date.
func (c *conn) readCounters() error {
	v, err := c.row(c.countersStmt)
	if err != nil {
		return err
	}
	c.stale = false
	c.counters.total, _ = v[0].(int64)
	c.counters.changes, _ = v[1].(int64)
	c.counters.last, _ = v[2].(int64)
	return nil
}

// inTransaction finds out whether a transaction is open: SQLite itself may
// have ended it. Neither driver says so, but a BEGIN fails in one.
func (c *conn) inTransaction() bool {
	if c.spoilt != nil {
		return false
	}
	err := c.run("BEGIN")
	if err == nil {
		c.run("ROLLBACK")
		return false
	}
	return strings.Contains(err.Error(), "within a transaction")
}

// abandon rolls back whatever is open.
func (c *conn) abandon() {
	if c.spoilt != nil {
		return // closing it rolls back
	}
	if err := c.control(c.rollback); err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		c.spoilt = err
	}
	c.readCounters()
}

// failed prepares an error of the driver for the caller and notes whether the
// connection can still be trusted.
func (c *conn) failed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	switch code := fault.Code(err); {
	case errors.Is(err, driver.ErrBadConn):
		c.spoilt = err
		return lostConnection(err)
	case brokenCodes[code]:
		c.spoilt = err
	}
	return asTarget(err)
}

// brokenCodes are the results after which a new connection is made: the file
// may have been replaced under this one.
var brokenCodes = map[int]bool{
	fault.CodeIOErr: true, fault.CodeNotADB: true, fault.CodeCantOpen: true, fault.CodeNoMem: true,
	11: true, // SQLITE_CORRUPT
}

// usable reports whether the connection may serve the next caller.
func (c *conn) usable() bool { return c.spoilt == nil && !c.temp && c.db.Valid() }

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}
