package conformance

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"
)

// local is a SQLite driver that the suite runs on. Nothing here is about
// power cuts, so the DSNs do without fsync.
type local struct {
	driver string
	dsn    func(path string) string
	// require are the features that this driver is known to have.
	require []string
}

var locals = []local{
	{"sqlite", func(path string) string {
		return "file:" + path + "?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)&_pragma=synchronous(off)"
	}, []string{fts5, rtree, json1, maths}},
	{"sqlite3", func(path string) string {
		return "file:" + path + "?_journal_mode=WAL&_busy_timeout=5000&_synchronous=OFF"
	}, []string{rtree, json1}},
}

func onEach(t *testing.T, test func(t *testing.T, l local)) {
	for _, l := range locals {
		t.Run(l.driver, func(t *testing.T) { test(t, l) })
	}
}

// tempDir is t.TempDir in memory, where the system has such a place: the suite
// makes thousands of files, and spends most of its time on that on a disk.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "litefwd-conformance-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

type bareSession struct{ db *sql.DB }

func (s bareSession) DB() *sql.DB { return s.db }

// open opens the local driver alone.
func (l local) open(t *testing.T) Session {
	t.Helper()
	path := filepath.Join(tempDir(t), "app.db")
	db, err := sql.Open(l.driver, l.dsn((&url.URL{Path: path}).EscapedPath()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return bareSession{db}
}

// The bare driver against itself: a case that fails here is not deterministic,
// or its expectations are wrong.
func TestBare(t *testing.T) {
	onEach(t, func(t *testing.T, l local) {
		Run(t, Config{
			Driver:   l.driver,
			Bare:     l.open,
			Ways:     []Way{{Name: "again", Open: l.open}},
			Require:  l.require,
			Parallel: true,
		})
	})
}
