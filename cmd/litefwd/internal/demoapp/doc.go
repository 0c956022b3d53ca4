// Package demoapp is the small application that "litefwd demo" runs three
// times: lines of a book, found by full-text search, over HTTP.
//
// It is written as an application that uses litefwd is written: everything in
// app.go and schema.go knows only a *sql.DB, and does not know, or ask, which
// process is the primary. open.go is the one place that names litefwd to open
// it, problem.go the one that reads its errors.
package demoapp
