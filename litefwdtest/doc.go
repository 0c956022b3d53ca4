// Package litefwdtest runs a cluster of litefwd nodes in one process, for
// tests of applications that use litefwd.
//
//	func TestCheckout(t *testing.T) {
//		c := litefwdtest.New(t, 3)
//		app := NewApp(c.DB(1)) // node 1 is a replica; node 0 is primary
//		...
//	}
//
// Each node has its own directory and its own files. The cluster copies every
// transaction of the primary to the others, as LiteFS does, with LiteFS's
// positions (TXID, checksum), and gives the test the control of what LiteFS,
// Consul and the network decide otherwise:
//
//	time      Lag, Pause, Resume, Settle
//	roles     Promote (nothing is lost), Failover (what the winner lacks is
//	          lost), Usurp (two believe to be primary), Notice, NoPrimary
//	network   Partition, Isolate, Stall, DropReply, Heal
//	processes Crash, Restart
//	moments   AtFence (before a COMMIT), AtCommit (after it)
//
// Nothing happens by itself: a broken primary stays primary until the test
// says otherwise. What has to be waited for is waited for by signals, with a
// context of the caller's.
//
// # Recipes
//
// Reading one's own write although the copy is late: Lag the node or Pause
// it, write and read through its DB; see the example of New. What its Local
// shows meanwhile is what the copy really has.
//
// The primary is lost in the middle of a request: let AtFence or AtCommit call
// NoPrimary or Failover, then run the request. Before the COMMIT, litefwd
// knows that nothing ran and runs the statement again on the next primary.
// After it, the outcome is unknown, truly: failover to another node discards
// the write, to the same one keeps it.
//
// The reply is lost: DropReply, then write. The write is committed, and its
// error is litefwd.ErrOutcomeUnknown; ask Node.Outcome.
//
// A reader that stops replication: keep a transaction open on Node.Local and
// see Settle time out, naming what it waits for.
//
// # How it differs from LiteFS
//
// Files of replicas always have a rollback journal, also when the primary's is
// a WAL (WithWAL). Therefore a connector must not set the journal mode, and a
// former primary's file must be converted: that waits until the connections
// which were opened while it was primary are closed, and new ones wait for it.
//
// A write that is not litefwd's meets no SQLITE_READONLY on a replica, as
// LiteFS would raise: it lands in the file and fails the test at its end.
// Writes on the primary that are not litefwd's are replicated with the next
// one that is, or by Capture.
//
// One process's crash is imitated by closing it: what was committed stays,
// also without an fsync. Every commit reads the whole file, so keep databases
// small (512 MiB is refused). There is no HALT lock, no .primary file, no HTTP
// API, no retention but the last some thousand transactions, and dropping a
// database by deleting its file is not supported. For those, test with LiteFS.
//
// A database file must be opened with one SQLite library only, the nodes' own,
// and with nothing else: closing any other descriptor of it would drop the
// process's locks.
package litefwdtest
