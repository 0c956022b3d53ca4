// Package demo is "litefwd demo": three processes share one database, a book is
// written to all three line by line, and in the middle of it the primary is
// killed. Then every line is looked for in every process.
//
// What a line's fate can be, and how it is counted:
//
//	the answer to the write            then                      fate
//	acknowledged                       -                         acknowledged
//	certainly not applied              sent again, to any node   (not yet settled)
//	none, or "outcome unknown"         found at the end          unknown, found
//	                                   not found: sent again     unknown, sent again
//
// A line that was acknowledged, or whose fate was resolved, and that is not in
// the database is lost; a line that is there twice is duplicated. The table
// has no unique key on the line's number, so nothing hides a second copy.
//
// # With engine litefs
//
// Each process stands for a server: it has a LiteFS of its own and so a copy of
// its own, and the kill takes both. Here an acknowledgement says that the copy
// of the node that gave it has the line (Config.Strict): if that is not so in
// time, the outcome is unknown. LiteFS replicates after the commit and elects
// whoever is first, so two kinds of acknowledged lines may be gone with the
// killed server: those that no survivor's copy had, which only that server
// itself can have acknowledged, and those that a survivor's copy had, but not
// the copy of the one that got the lease.
//
// Which these are is not left to trust: after the primary's death, and before
// another one has the lease, the survivors' copies are read (see
// ledger.writeOff). What the winner's copy had must be there at the end, and so
// must all that was acknowledged otherwise; only the rest is counted as gone.
package demo
