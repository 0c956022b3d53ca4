// Package demo is "litefwd demo": three processes on this machine share one
// database, a book is written to all three line by line, and in the middle of
// it the primary is killed. Then every line is looked for in every process.
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
package demo
