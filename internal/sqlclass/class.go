// Package sqlclass splits SQL text into statements and finds out, by asking
// SQLite itself, where each of them must run.
//
// Unsure means forward: a statement is a [Read] only when SQLite's own program
// for it opens no database for writing.
//
// The text is cut and its first words are read here, by SQLite's own rules
// ([Split]); of a query, and of all that may concern temp or attached
// databases, SQLite is asked with EXPLAIN, which runs nothing. A PRAGMA is
// never shown to it, as EXPLAIN would run that.
package sqlclass

// Kind says what must be done with one statement.
type Kind uint8

const (
	// Unsure: SQLite could not compile it here (a table that this copy lacks,
	// a syntax error). The primary decides. Statement.Err holds the reason.
	Unsure Kind = iota
	// Empty: only space and comments.
	Empty
	// Read changes no database.
	Read
	// Write changes the main database and runs on the primary.
	Write
	// TempWrite changes only temp or in-memory attached databases, which
	// belong to the connection, or writes a new file (VACUUM INTO): it runs
	// locally with query_only lifted.
	TempWrite
	// Local acts on the connection alone and runs locally: ATTACH, DETACH,
	// connection-local PRAGMAs.
	Local
	// Setting is a connection-local PRAGMA that changes what the connection's
	// later writes do: it runs locally and travels with them
	// (Statement.Pragma and Value).
	Setting
	// Begin, Commit, Rollback, Savepoint, Release and RollbackTo are
	// transaction control given as SQL text.
	Begin
	Commit
	Rollback
	Savepoint
	Release
	RollbackTo
	// Unsupported is refused; Statement.Reason says why and what to do.
	Unsupported
)

// Statement is one statement of a text. Statements are shared by all that
// classify the same text, so they are read-only.
type Statement struct {
	// SQL is the statement's own text without the ';' that ends it.
	SQL  string
	Kind Kind
	// Params is its number of parameters (see [Params]).
	Params int
	// Alone: SQLite refuses it inside a transaction or ignores it there
	// (VACUUM, PRAGMA journal_mode = …; PRAGMA foreign_keys = … is a Setting
	// that is ignored there).
	Alone bool
	// Inserts: it may set last_insert_rowid() (INSERT and REPLACE).
	Inserts bool
	// Counts: it sets changes() (INSERT, REPLACE, UPDATE, DELETE).
	Counts bool
	// UsesRowID: it calls last_insert_rowid(), perhaps in a view.
	UsesRowID bool
	// UsesChanges: it calls changes() or total_changes(); UsesTotal: the latter.
	UsesChanges, UsesTotal bool
	// TempSchema: it creates, drops or alters temp objects, attaches or
	// detaches, so later classifications on this connection may differ.
	TempSchema bool
	// LocalOnly, for a Read: it reads temp or attached databases, or the
	// state of the connection, so that it cannot run on another node.
	LocalOnly bool
	// Short, for a Read: its program has no loop and calls no function, so that it
	// takes next to no time. It is a hint: the schema may have changed since, see
	// [Classifier.Forget].
	Short bool
	// ReadsSchema, for a Read: it asks for the schema by a PRAGMA, or by the
	// table-valued function of one, or by EXPLAIN. SQLite answers those from what
	// it has parsed, without looking whether another connection has changed it.
	ReadsSchema bool
	// Pragma is the PRAGMA's name in lower case; Value what is set, as SQL
	// text, "" when it is only read.
	Pragma, Value string
	// Mode is that of a Begin: "", "deferred", "immediate" or "exclusive".
	Mode string
	// Name is the savepoint's, in lower case and unquoted.
	Name string
	// Reason explains Unsupported.
	Reason string
	// InTx, for Unsupported: a transaction on the primary can run it, on the
	// temp objects that it has made there.
	InTx bool
	// Err is SQLite's error, for Unsure.
	Err error
}
