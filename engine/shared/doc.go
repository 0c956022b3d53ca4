// Package shared is the engine for several processes on one machine that open
// the same SQLite WAL files of one directory. Nothing moves the data: every
// process reads the one WAL, so every position is reached at once. What the
// engine adds is one primary, its address, and a fence.
//
// # State
//
// The state lives in <dir>/.litefwd (mode 0700):
//
//	lock     24 bytes: "litefwd1", epoch, heartbeat (big-endian uint64s).
//	         The primary holds a kernel lock on it. Never unlinked by litefwd.
//	primary  {"epoch","name","addr","pid","started"}, replaced by rename.
//	secret   64 hexadecimal digits, mode 0600: who can read it may join.
//	cluster  32 hexadecimal digits: which nodes belong together.
//
// The lock is an open-file-description lock on Linux and flock elsewhere:
// both belong to an open file, not to a process, so that they fall neither
// when another descriptor of the file is closed, as POSIX locks do, nor
// before the last copy of the descriptor is gone. The kernel drops them when
// the process ends, however it ends. Whoever gets the lock increments the
// epoch, publishes its address, and is primary. A file named primary counts
// only while its epoch is the lock file's, so nothing stale is ever believed.
//
// # The fence
//
// The lock alone is not enough: it can be lost without its holder noticing
// (the lock file is deleted or replaced, the directory is moved away, stray
// code closes the descriptor). So [engine.Database.Fence], called while the
// caller holds the database's write lock, reads the epoch from the lock file
// it has open and asks whether that is still the file at its path.
//
// Why that is sound. Let O be the old primary and N the new one.
//
//   - N becomes primary only after its epoch is in the file at the lock
//     file's path, and begins its transactions after that.
//   - A transaction of O that passed its check did so before N's epoch was
//     there, holding SQLite's write lock, and keeps that lock until it ends.
//     Each transaction of N begins by taking that lock: it comes after O's
//     and sees all of it.
//   - A transaction of O that takes the write lock after one of N's reads
//     N's epoch, or finds that the path leads elsewhere, and is refused.
//
// So the writes of all primaries are serialised in the order of their epochs
// and no write decides on a state that another primary then changes. A torn
// read of the epoch is harmless: bytes that equal the old epoch's are bytes
// that were not written yet, so the write had not returned and N was not yet
// primary; anything else is refused. The epoch is in the lock file rather
// than in the database, so that no schema tool can drop it. It is not synced
// to disk: no primary outlives the crash of its machine.
//
// The argument needs a caller that calls Fence after BEGIN IMMEDIATE, not
// before and not in a deferred transaction that has not written yet, and a
// new primary that reads what it decides on inside such a transaction. Once
// per transaction is enough.
//
// # Signs of life
//
// The primary increments the heartbeat every [Options.Heartbeat]. A stopped
// or hung primary keeps its lock, so no other process can take over; there
// is no time limit after which a lock is taken away, because a process that
// continues must not find two primaries. Watchers report it in
// [engine.State.Problem] after [Options.StaleAfter] of their own running
// time, whatever the wall clock does.
//
// # Limits
//
// One kernel and a local filesystem: WAL needs shared memory, so network and
// FUSE filesystems are refused. One SQLite library per process and file.
// Replacing a database file under running processes is as unsafe as with
// SQLite alone. Deleting .litefwd is survived: its processes meet again in a
// new one, with the same secret and cluster; replacing the directory itself
// needs a restart, because open connections still lead to the old files.
package shared
