// Package writer is the primary's side of litefwd: it runs every write of one
// database, whichever node it comes from, and the reads that other nodes
// forward. [Writer] implements forward.Target.
//
// # One slot
//
// SQLite has one writer at a time, so the Writer has one slot and one
// connection that writes. No two callers meet in SQLite's busy handler. Who waits
// for the slot gets it first come first served; nodes take turns, and so do
// autocommit statements and those who want the slot for themselves, so that nobody
// starves. A wait is bounded (BusyTimeout and the caller's context) and ends as
// SQLite's does: SQLITE_BUSY, "database is locked". A goroutine that holds a
// transaction and waits for another write therefore gets BUSY rather than a
// deadlock.
//
// # What an autocommit statement goes through
//
//	BEGIN IMMEDIATE; Database.Fence; the statement; COMMIT; Database.Committed
//
// # Sharing a commit
//
// A commit costs far more than a statement, so those that wait share one: whoever
// has the slot takes along what has come meanwhile. While it commits the next ones
// gather; a lone statement goes at once. The files: queue.go (who is next), turn.go
// (what the slot's holder does), group.go (one transaction), member.go (one
// statement of it), sharing.go (which may).
//
// Nobody notices. A statement shares only if SQLite's program for it cannot end the
// transaction nor leave a deferred foreign key violated (sqlclass.Sharing), and if
// it is one statement under the connector's own PRAGMAs; all else runs alone. What
// is known of a text holds for one schema_version, which is looked at in each
// transaction. What a failure leaves behind is undone by a savepoint where SQLite
// does not see to it. If the transaction is lost all the same (a full disk, an
// interrupt, a panic in a user's function) nothing of it was committed: the one
// that did it runs alone, and the others again without it. A COMMIT that fails is
// OutcomeUnknown to each, unless it was certainly rolled back.
//
// A statement that takes long while others share its transaction is interrupted
// (MaxGroupTime), and its text runs alone from then on.
//
// # Texts of several statements
//
// Each of them has a transaction of its own, so that it behaves
// as it does on SQLite: what ran before an error stays, OR FAIL keeps its
// earlier rows, OR ROLLBACK loses only its own. BEGIN … COMMIT inside one text
// spans the statements between; a text that leaves a transaction open is
// rolled back and refused.
//
// # Whose connection it seems to be
//
// All callers share one connection, and none must notice. Before a statement
// runs, the connection takes on what the caller's session changed (PRAGMAs
// such as foreign_keys), its last_insert_rowid() and, where it matters, its
// changes(); see settings.go and rowid.go. So Result has the caller's own
// counters whatever the text was, and those of the session where it set none.
// total_changes() is refused.
//
// Temp objects can be made in an interactive transaction, which has the
// connection to itself; it is given up afterwards. See temp.go.
//
// # Limits
//
// An interactive transaction ends when no statement runs in it for IdleLimit,
// or TotalLimit after it began, whichever is first. An autocommit statement
// whose caller has gone is finished, and interrupted TotalLimit later.
//
// # Handing the role over
//
// Engines that replicate asynchronously lose what is committed while the role
// moves. So [Writer.Pause] stops writing before: when it has returned nil,
// nothing of this Writer commits until [Writer.Resume], which the caller calls
// if the role stays. [Writer.HoldLock] keeps writers out meanwhile that do not
// go through litefwd.
//
// # What a Writer remembers
//
// The outcomes of the last statements by their ids: a statement that is
// delivered twice runs once, and a caller that lost the reply can ask. The
// memory is this process's own, so there is one Writer per database and term.
package writer
