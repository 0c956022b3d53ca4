// Package litefwd is a database/sql driver for applications that run as
// several processes, each with its own copy of one SQLite database: reads run
// on the local copy, every write goes to the primary, wherever that is at the
// moment, and the caller reads its own writes afterwards. The application
// keeps its *sql.DB and changes one line:
//
//	node, err := litefwd.Open(ctx, litefwd.Config{
//		Path:   "/data/app.db",
//		Engine: "shared",      // or "litefs": what decides who is primary
//		Driver: "sqlite",      // the SQLite driver that the program imports
//		Listen: "127.0.0.1:0", // this node's port for the others; none: a client
//	})
//	db := node.DB() // *sql.DB, used as before
//
// A program that takes only a driver's name and a DSN says
//
//	sql.Open("litefwd", "/data/app.db?engine=shared&driver=sqlite&listen=127.0.0.1:0")
//
// Engine "shared" is for several processes of one machine on one file. Engine
// "litefs" is for several servers, on each of which LiteFS
// (https://github.com/superfly/litefs, v0.5.14) runs, mounts the directory of
// Config.Path and keeps a copy of the databases in it; docs/LITEFS.md says how
// to set it up. One process of each server is a node; others are clients.
//
// # Where a statement runs
//
// SQLite itself is asked what a statement does. One that opens no database for
// writing runs on the local copy; all others, and all that SQLite cannot
// compile here, run on the primary. Unsure means primary. Connections to the
// local copy are query_only, on the primary too, so that a mistake fails in
// SQLite before it writes; then the statement is run on the primary, and
// counted ([Stats]).
//
// It does not matter whether the program calls Exec or Query: INSERT …
// RETURNING comes by Query, PRAGMA by Exec, and both go where they must. A
// text of several statements goes to the primary whole if one of them writes.
//
// A table that the local copy does not have (yet) is looked for on the primary
// before the caller hears "no such table".
//
// # What belongs to the connection
//
//   - Temp tables, temp views and in-memory attached databases live on the
//     local handle and can be used within one [sql.Conn]. A write to the main
//     database that reads one of them is refused ([ErrUnsupported]). Made
//     inside a transaction they live on the primary until it ends.
//   - last_insert_rowid() and changes() give what this connection's own last
//     write did, wherever that ran. total_changes() is refused after a write
//     that ran elsewhere.
//   - PRAGMAs that change what a write does (foreign_keys, recursive_triggers,
//     defer_foreign_keys and their like) are set locally and travel with the
//     connection's later writes. Those that write the database are forwarded.
//     journal_mode=MEMORY and OFF and locking_mode=EXCLUSIVE are refused, since
//     others share the file; so is query_only, which is litefwd's own.
//   - An attached file can be read. To write another database of the same
//     directory, use [Node.Database].
//
// # Transactions
//
// [sql.TxOptions].ReadOnly gives a snapshot of the local copy. Every other
// transaction runs on the primary, begins with its first statement (so BEGIN
// costs no round trip) and takes the write lock then; each statement costs one
// round trip. The primary lets a transaction rest for Config.TxIdleLimit and
// last for Config.TxTotalLimit, then rolls it back: its next statement fails
// with [ErrTxExpired]. Unread rows count as rest. When the connection to the
// primary breaks, the transaction is rolled back at once.
//
// Isolation levels up to Serializable are accepted: the primary runs
// transactions one after the other, which is at least what each asks for.
// Linearizable is refused for ReadOnly.
//
// All writes of all processes wait in one queue on the primary: those of one node in
// their order, and the nodes take turns. Waiting is bounded by Config.BusyTimeout, and
// by the context's deadline, of which another node keeps the last tenth (100 ms at
// most) for the answer. It ends with SQLITE_BUSY, and nothing has run (SafeToRetry); so
// it does for a goroutine that holds a transaction open and writes outside it.
//
// # Writes that share a commit
//
// Autocommit writes that wait at the same time share one commit, whichever nodes they
// come from, and notice nothing of each other: results, errors, RowsAffected and
// LastInsertId are those of a statement alone. It takes no setting. These share: a
// single INSERT, UPDATE, DELETE or REPLACE, by Exec or, with RETURNING, by Query. These
// have a commit each: transactions, [Batch], texts of several statements, DDL,
// statements on virtual tables (FTS5) or with OR ROLLBACK, such as may violate a
// deferred foreign key, and those on connections with PRAGMAs of their own.
//
// [Batch] and [Node.Batch] run many statements as one transaction in one round trip.
//
// # Reading one's own writes
//
// A write returns when the local copy has it ([AwaitLocal]), or when the
// primary has committed it ([AwaitNone]; per call by [WithAwait]). If the copy
// is not there within Config.AwaitTimeout, the write is reported as what it is,
// a success, and this process's reads of that database go to the primary until
// the copy has caught up. Without a primary they fail with
// [ErrReplicaBehind] rather than answer with the old state. What a read has seen on
// the primary, the next one does not take back.
//
// On LiteFS other processes may see a write later, and [Node.Local] always shows
// the copy as it is. docs/CONSISTENCY.md lists what is guaranteed.
//
// # Reading on LiteFS
//
// LiteFS can copy transactions to a node only while nobody reads the database
// there, and to begin a read costs fifty times what it does. So a query's rows are
// fetched before the application asks for them, up to Config.ReadBuffer, and reads of
// all connections share a few read transactions, each of which is kept for
// Config.ReadLease. When the primary tells that there is something to copy, reads
// wait for some milliseconds, until that is done. A larger result is open until its
// rows are closed, and a ReadOnly transaction until it ends: meanwhile replication to
// this node stands still. Close rows, and keep such transactions short, or set
// Config.MaxLocalRead. [Node.Stats] counts all of it.
//
// After a failover LiteFS replaces a copy that had more than the new primary,
// under connections that have it open. litefwd finds that out inside each read's
// transaction, discards the connection, and runs the query again on another one.
// A database that has not been copied to this node yet looks empty here, so that
// its tables are looked for on the primary.
//
// # Moving the primary
//
// [Node.Promote] makes a node on LiteFS primary, and [Node.Shutdown] of the
// primary makes another node so, without losing an acknowledged write: writes are
// stopped, the successor's copies catch up, then the role moves. Writes wait
// meanwhile. Transactions that are open after 3 s are rolled back, and ReadOnly
// ones on both nodes are ended after 250 ms ([ErrTxExpired]). Give Shutdown a
// context that has not ended, so not the one that a signal has cancelled; Close
// moves nothing.
//
// When the primary is lost instead, LiteFS chooses another one after its lease has
// ended, 10 s by default, and writes wait for it (Config.PrimaryWait). The new primary goes on from its own copy, and what it lacks is
// lost, although it was acknowledged. litefwd reports that: a write that waits for its
// copy returns [ErrHistoryChanged], and each node that has seen what is lost, or may
// be, logs "history changed" and calls Config.OnHistoryChange, once. A node that
// starts afterwards cannot know.
//
// Engine "shared" loses nothing then, and cannot move the role to a node of
// choice ([ErrUnsupported]).
//
// # Errors
//
// SQLite's errors are *[SQLError] with code, extended code and text, on
// whichever node they happened; litefwd's own are *[Error] and one of the Err
// values by errors.Is. A statement that certainly did not run is tried again
// by litefwd itself, until Config.PrimaryWait has passed. One that may have
// run never is: the caller gets [ErrOutcomeUnknown] and can ask
// [Node.Outcome] by the request's id. driver.ErrBadConn, on which database/sql
// runs a statement again, is only returned where nothing can have run.
//
// On LiteFS a commit is a success only when LiteFS's position confirms it;
// otherwise its outcome is unknown too. While this machine's LiteFS does not run,
// statements run on the primary that was known last, Node.Local fails with SQLite's
// SQLITE_CANTOPEN or SQLITE_IOERR, and
// [Node.Status] says why.
//
// A context that ends before the statement was sent, or while it waits in the
// primary's queue, withdraws it. One that ends while the statement runs
// interrupts it, as on plain SQLite: it is rolled back, unless it has finished. Beside
// the statements of others it is not interrupted at once, so that these need not run
// again. On another node than the primary the caller of a write waits 50 ms at most to
// hear which; after that its error is both the context's and ErrOutcomeUnknown.
//
// # Values
//
// All values of the local driver travel exactly, with the declared types of
// their columns; times lose their monotonic clock reading.
//
// # Security
//
// All traffic between nodes is TLS, and both sides prove who they are: by
// certificates, or by a shared secret that never travels. The shared engine
// makes itself a secret that only this user can read. Config.Insecure turns
// both off, on loopback only. LiteFS's own API has no authentication: it must not
// be reachable from elsewhere.
//
// # Limits
//
// One SQLite driver per database, in all processes: drivers store times and
// booleans differently, and a forwarded value is stored by the primary's. Two
// SQLite libraries on one file in one process, such as a plain sql.Open by
// another driver, undo each other's locks. Open the file through litefwd only;
// another process may read it with anything, and writes made outside litefwd on
// the primary's host take part in SQLite's own locking, but not in the queue, and
// are not stopped when the role moves. On LiteFS, any other reader of a replica
// holds up its replication too.
package litefwd
