// Package litefs is the engine for servers whose databases LiteFS replicates
// (https://github.com/superfly/litefs, as of v0.5.14). LiteFS elects the
// primary and moves the data; the engine watches both and adds what LiteFS
// does not tell: the address of the primary's litefwd port, when SQLite
// connections have to be thrown away, and what became of a commit.
//
// # Who is primary
//
// Only LiteFS's own word counts: the events of its HTTP API. What the State is
// then, with the reason in [engine.State.Problem]:
//
//	events say primary                      | Primary
//	the same, but .primary is there         | Unknown (after a second: wrong litefs_url?)
//	the same, on a node without a port      | Replica of the node beside it
//	events name another node                | Replica
//	events name nobody, or this very node   | Unknown: an election
//	no events, .primary is there            | Replica of that node; it may be stale
//	no events, no .primary, or this node    | Unknown: never Primary
//	the mount is dead or missing            | Unknown, or Replica as far as events tell
//
// [engine.State.Term] counts the changes of (primary?, hostname) that this
// node has seen. LiteFS has no epoch, and terms of two nodes cannot be
// compared: what keeps an old primary from writing is LiteFS, which refuses
// its writes. The fence keeps a transaction from running in another term than
// it was meant for.
//
// A frozen LiteFS is noticed on both sides: the local one does not answer
// GET /info, which is asked every two seconds; of the primary's no heartbeat
// arrives, so that .lag exceeds five seconds. LiteFS itself never acts on it.
//
// # Addresses
//
// LiteFS tells its nodes' hostnames (lease.hostname), which may be any string,
// and never their addresses. See [Options]: PeerAddr, Peers, a hostname that
// is host:port, Fly.io's private names, and hostname:Port, in this order.
//
// # Positions and histories
//
// A position is LiteFS's (TXID, checksum). It is read from the file <db>-pos
// and followed by the events, which LiteFS sends after it has set the
// position. Ids of one history are consecutive, but after a failover an id can
// be used again, and a replica that was ahead gets a snapshot written over its
// database while SQLite connections have it open; they may then show pages of
// both. So each database has a number, [engine.Replicated].History, which is
// raised, and tells connections of before from connections of after:
//
//   - at any change of the role, and when LiteFS's events are received again;
//   - when the position goes back, is another at the same id, or skips one;
//   - at the first event on a replica after it was given its primary: it may
//     be a snapshot that ends one transaction further;
//   - when the database is dropped, or the mount is found dead;
//   - when SQLite fails in a way that connections do not recover from.
//
// Standing tells from the events of the last transactions, and from the terms in
// which they came, whether a position is part of the copy's history; Breaks, where
// the copy was replaced by one that lacks what it had, or may. When the events are
// received again the term is another: the primary may have changed, and changed
// back.
//
// Snapshot finds the same by reading -pos inside the reader's transaction, when
// the event is still on its way.
//
// # Commits
//
// SQLite's success is no proof on LiteFS: in WAL mode it makes the commit
// where a lock is released, which SQLite does not check, and exits if the
// lease was lost. Committed reads -pos through the descriptor that was open
// before, and makes sure that this node has been primary since Fence. Replication
// is asynchronous: a commit that is confirmed here is lost if the primary is
// lost before it has been sent.
//
// # Limits
//
// On the primary in WAL mode a reader can see a commit a moment before LiteFS
// has its position, so Snapshot may return the position before it. What
// LiteFS's POST /import puts in place of a database looks like one transaction.
// Files named -journal, -wal, -shm, -pos and -lock are LiteFS's own.
//
// Reads of a frozen mount hang in the kernel. The engine keeps them apart from
// what must go on, and Close leaves behind a goroutine that is held there.
package litefs
