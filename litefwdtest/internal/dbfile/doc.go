// Package dbfile reads and writes one SQLite database file below SQLite, while
// the process's own SQLite library has the file open: what LiteFS does from
// outside through FUSE, done from inside one process.
//
// Two rules make that safe:
//
//   - The file is only touched while a control connection, made by the user's
//     own driver, holds SQLite's lock on it: BEGIN IMMEDIATE to read (no other
//     connection can commit), BEGIN EXCLUSIVE to write (no other connection
//     can read either). The control connection itself changes nothing, so that
//     its ROLLBACK does not touch the file.
//   - There is one descriptor of our own, and it stays open until every SQLite
//     handle of the process on the file is closed. POSIX locks belong to the
//     process and fall when any descriptor of the file is closed
//     (https://www.sqlite.org/howtocorrupt.html, section 2.2).
//
// BEGIN EXCLUSIVE excludes readers only with a rollback journal. Therefore only
// files in that form are written; one in WAL mode is read by laying the WAL's
// frames over it, and converted by [File.Recover] before it is written.
package dbfile
