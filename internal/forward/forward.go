// Package forward holds the nouns of running a statement on the primary: the
// statement, its result, and what can run it. The link (a replica's way to
// the primary) and the writer (the primary itself) both implement [Target],
// so that the driver above does not know where the primary is.
package forward

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"reflect"
	"time"

	"github.com/litefwd/litefwd/engine"
)

// ID identifies one statement for ever: it is made by the caller's node and
// travels with the statement.
type ID [16]byte

// NewID returns a random ID.
func NewID() (id ID) {
	rand.Read(id[:]) // never fails, see crypto/rand
	return id
}

// String returns the ID in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what ID.String wrote.
func ParseID(s string) (id ID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%q is not a request id (32 hexadecimal digits)", s)
	}
	return ID(b), nil
}

// Session is the state of the caller's connection that changes what a write
// does. It travels with each statement that runs outside a transaction, and
// with a transaction's begin.
type Session struct {
	// Pragmas are the connection-local settings that the caller changed,
	// by lower-case name, each with its value as SQL text ("1", "ON").
	Pragmas map[string]string
	// LastInsertID is what last_insert_rowid() must return before the
	// statement runs: the rowid of this connection's own last insert.
	LastInsertID int64
	// Changes is what changes() must return before the statement runs: the
	// rows that this connection's own last write changed.
	Changes int64
}

// Statement is SQL text (one or more statements) with its arguments, as the
// application gave it.
type Statement struct {
	ID   ID
	SQL  string
	Args []driver.NamedValue
	// Session is ignored inside a transaction.
	Session Session
	// ReadOnly: the caller knows that every statement only reads, so that
	// running it again is harmless and a lost answer is no unknown outcome.
	ReadOnly bool
	// From is the node that sent it, "" for this one. Nodes take turns where
	// statements wait. It does not travel: package serve sets it.
	From string
}

// Result is what a statement that ran did.
type Result struct {
	// LastInsertID and RowsAffected are what sqlite3_last_insert_rowid and
	// sqlite3_changes give for the caller's connection from now on: the
	// session's, where the text left them alone.
	LastInsertID, RowsAffected int64
	// Changed is the growth of total_changes() caused by the statement.
	Changed int64
	// Position includes the statement's commit; zero if nothing was
	// committed or the engine needs no waiting. In a read-only transaction it is
	// not older than what the transaction sees.
	Position engine.Position
}

// Column describes one column of a result, as the local driver does.
type Column struct {
	Name     string
	DeclType string // DatabaseTypeName as the driver gives it
	ScanType reflect.Type
	// The rest mirrors driver.RowsColumnType*; the Has fields are the ok results.
	Nullable, HasNullable bool
	Length                int64
	HasLength             bool
	Precision, Scale      int64
	HasPrecisionScale     bool
}

// Rows are the rows of a statement.
//
// They are used by one goroutine at a time.
type Rows interface {
	// Columns describes the columns. ScanType, Length and their like may
	// change from row to row (modernc.org/sqlite asks the value), so it is
	// asked again after each Next.
	Columns() []Column
	// Next fills dest with the next row, or returns io.EOF. The values may
	// be kept by the caller.
	Next(dest []driver.Value) error
	// Result is valid after Next returned io.EOF, or from the start for an
	// autocommit write, whose rows are only sent once it is committed.
	Result() Result
	// Close ends the statement; it is called once, by the owner of the Rows.
	Close() error
}

// Seer is implemented by Rows that may be those of a read outside a transaction.
type Seer interface {
	// Seen returns a position that is not older than what the rows show; zero
	// for other rows, or if the engine needs no waiting. It is valid at once.
	Seen() engine.Position
}

// TxOptions say how a transaction runs on the primary.
type TxOptions struct {
	ID      ID
	Session Session
	// ReadOnly runs it on a read connection, without the write lock.
	ReadOnly bool
	// Mode is "deferred", "immediate" or "exclusive"; "" is immediate.
	Mode string
	// IdleLimit and TotalLimit lower the primary's own limits; zero keeps them.
	IdleLimit, TotalLimit time.Duration
	// From is as in Statement.
	From string
}

// Target runs statements of one database on the primary.
//
// Errors are *fault.SQLError for SQLite's own and *fault.Error for ours; any
// other is the local driver's own (arguments that do not fit the statement),
// whose statement has not run, or that of ctx. One that may have run has an
// error of kind fault.OutcomeUnknown.
type Target interface {
	// Exec runs st outside a transaction. It returns when st is committed.
	Exec(ctx context.Context, st Statement) (Result, error)
	// Query is Exec for a statement that may return rows. A write is
	// committed before the first row is returned.
	Query(ctx context.Context, st Statement) (Rows, error)
	// Batch runs b as one transaction. It returns when that is committed; a
	// statement that fails rolls all back, and its error is a *fault.BatchError.
	Batch(ctx context.Context, b Batch) (BatchResult, error)
	// Begin opens a transaction. It waits for the write lock if it has to,
	// unless the target can put that off until the first statement.
	Begin(ctx context.Context, opts TxOptions) (Tx, error)
}

// Submitter is a Target that runs statements without a goroutine that waits for
// each.
type Submitter interface {
	// Submit is Exec, except that done gets the result, once, perhaps before Submit
	// returns. It must not wait for anything that waits for the Target.
	Submit(ctx context.Context, st Statement, done func(Result, error))
}

// Tx is an open transaction on the primary. It is used by one goroutine at a
// time. After an error of kind fault.TxExpired every call but Rollback
// returns that error again.
type Tx interface {
	Exec(ctx context.Context, st Statement) (Result, error)
	Query(ctx context.Context, st Statement) (Rows, error)
	// Commit commits and ends the Tx, also when it fails, except that a
	// *SQLError of code BUSY or a deferred constraint leaves it open, as in
	// SQLite; the caller then rolls back.
	Commit(ctx context.Context) (Result, error)
	// Rollback ends the Tx. It is harmless on an ended one.
	Rollback(ctx context.Context) error
	// Open reports whether a transaction is still open on the primary, as far
	// as the last reply told: COMMIT, ROLLBACK or RELEASE given as SQL text,
	// and some errors, end it.
	Open() bool
}
