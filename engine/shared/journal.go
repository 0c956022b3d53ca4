//go:build linux || darwin || freebsd

package shared

// JournalMode implements engine.Journaler: with a rollback journal one
// process's readers would keep the others from writing.
func (*database) JournalMode() string { return "wal" }
