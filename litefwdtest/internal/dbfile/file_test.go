package dbfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// modes are how the primary may keep its file.
var modes = []string{"delete", "truncate", "persist", "wal"}

func eachMode(t *testing.T, run func(t *testing.T, driver, mode string)) {
	eachDriver(t, func(t *testing.T, driver string) {
		for _, mode := range modes {
			t.Run(mode, func(t *testing.T) { run(t, driver, mode) })
		}
	})
}

// TestCopy changes a database in every way that moves pages about, and copies
// it change by change to a second file, on which a connection stays open.
func TestCopy(t *testing.T) {
	eachMode(t, func(t *testing.T, driver, mode string) {
		from, to := newBundle(t, driver), newBundle(t, driver)
		w, r := from.connect(), to.connect()
		check(t, "empty replica", query(t, r, "SELECT count(*) FROM sqlite_schema"), "0")
		check(t, "mode", query(t, w, "PRAGMA journal_mode="+mode), mode)
		steps := []string{
			"CREATE TABLE t (id INTEGER PRIMARY KEY, v)",
			"INSERT INTO t (v) SELECT hex(randomblob(500)) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<150) SELECT * FROM n)",
			"CREATE INDEX tv ON t (v)",
			"ALTER TABLE t ADD COLUMN w DEFAULT 7",
			"DELETE FROM t WHERE id % 3 <> 0",
			"VACUUM",
			"PRAGMA user_version = 5",
			"CREATE VIEW big AS SELECT id FROM t WHERE length(v) > 10",
			"DROP INDEX tv",
			"DELETE FROM t",
			"PRAGMA incremental_vacuum",
			"VACUUM",
		}
		if driver == "sqlite" {
			steps = append(steps,
				"CREATE VIRTUAL TABLE f USING fts5(body)",
				"INSERT INTO f VALUES ('the quick brown fox'), ('lazy dog')",
				"INSERT INTO f(f) VALUES ('optimize')")
		}
		if mode != "wal" {
			steps = append(steps, "PRAGMA page_size = 8192; VACUUM", "INSERT INTO t (v) VALUES (1)")
		}
		var image *Image
		for _, step := range steps {
			exec(t, w, step)
			next := from.capture(image)
			to.apply(image, next)
			image = next
			if got := to.capture(image); !got.Equal(image) || got.Checksum() != image.Checksum() {
				t.Fatalf("after %q the copy differs", step)
			}
			for _, q := range []string{
				"SELECT count(*), coalesce(sum(length(v)), 0) FROM t",
				"SELECT group_concat(name) FROM sqlite_schema",
				"PRAGMA user_version", "PRAGMA page_size",
			} {
				check(t, "after "+step+": "+q, query(t, r, q), query(t, w, q))
			}
		}
		if driver == "sqlite" {
			check(t, "fts", query(t, r, "SELECT rowid FROM f WHERE f MATCH 'lazy'"), "2")
		}
		check(t, "replica's mode", query(t, r, "PRAGMA journal_mode"), "delete")
	})
}

// TestRandomTransactions checks that changes, one by one, give the same image
// and the same checksum as the whole, and that the copies are equal bytes.
func TestRandomTransactions(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		for _, mode := range []string{"delete", "wal"} {
			t.Run(mode, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(1, 2))
				from, to := newBundle(t, driver), newBundle(t, driver)
				w := from.connect()
				query(t, w, "PRAGMA journal_mode="+mode)
				exec(t, w, "PRAGMA synchronous=off; PRAGMA wal_autocheckpoint=30")
				exec(t, w, "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)")
				var image, copied *Image
				for i := range 200 { // transactions
					for range rnd.IntN(4) {
						switch rnd.IntN(4) {
						case 0, 1:
							exec(t, w, "INSERT INTO t (v) VALUES (zeroblob(?))", int64(rnd.IntN(9000)))
						case 2:
							exec(t, w, "UPDATE t SET v = randomblob(?) WHERE id % 7 = ?", int64(rnd.IntN(3000)), int64(rnd.IntN(7)))
						case 3:
							exec(t, w, "DELETE FROM t WHERE id % 11 = ?", int64(rnd.IntN(11)))
						}
					}
					if i%50 == 49 {
						exec(t, w, "VACUUM")
					}
					next := from.capture(image)
					if change := Diff(image, next); change != nil {
						whole, err := newImage(nil, join(next), nil)
						if err != nil {
							t.Fatal(err)
						}
						if s := image.With(change); s.Checksum() != whole.Checksum() || !s.Equal(whole) {
							t.Fatalf("step %d: image by changes is not the image", i)
						}
						to.apply(copied, image.With(change))
						copied = image.With(change)
					}
					image = next
				}
				if got := to.capture(nil); !got.Equal(image) {
					t.Fatal("copies differ")
				}
			})
		}
	})
}

func join(m *Image) []byte {
	var all []byte
	for _, p := range m.pages {
		all = append(all, p...)
	}
	return all
}

// TestCaptureIsQuiet: looking at the file changes none of its bytes, and no
// change is an equal image.
func TestCaptureIsQuiet(t *testing.T) {
	eachMode(t, func(t *testing.T, driver, mode string) {
		b := newBundle(t, driver)
		w := b.connect()
		if m := b.capture(nil); m != nil {
			t.Fatal("an empty file has an image")
		}
		query(t, w, "PRAGMA journal_mode="+mode)
		exec(t, w, "CREATE TABLE t (v); INSERT INTO t VALUES (1)")
		m := b.capture(nil)
		before := read(t, b)
		exec(t, w, "UPDATE t SET v = 2 WHERE v = 3")
		exec(t, w, "BEGIN IMMEDIATE; COMMIT")
		if again := b.capture(m); Diff(m, again) != nil {
			t.Fatal("no change made a change")
		}
		if !bytes.Equal(before, read(t, b)) {
			t.Fatal("capture wrote to the file")
		}
	})
}

func read(t *testing.T, b *bundle) []byte {
	t.Helper()
	size, err := b.file.size()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, size)
	if _, err := b.file.raw.ReadAt(buf, 0); err != nil {
		t.Fatal(err)
	}
	return buf
}

// TestCaptureWithReaders: neither a reader nor a checkpoint that it makes
// incomplete keeps a WAL primary's commit from being seen.
func TestCaptureWithReaders(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		from, to := newBundle(t, driver), newBundle(t, driver)
		w, r := from.connect(), from.connect()
		query(t, w, "PRAGMA journal_mode=wal")
		exec(t, w, "CREATE TABLE t (v); INSERT INTO t VALUES (1)")
		exec(t, r, "BEGIN")
		check(t, "snapshot", query(t, r, "SELECT count(*) FROM t"), "1")
		exec(t, w, "INSERT INTO t VALUES (2)")
		query(t, w, "PRAGMA wal_checkpoint(PASSIVE)")
		exec(t, w, "INSERT INTO t VALUES (3)")
		to.apply(nil, from.capture(nil))
		check(t, "copy", query(t, to.connect(), "SELECT count(*) FROM t"), "3")
		check(t, "snapshot", query(t, r, "SELECT count(*) FROM t"), "1")
		exec(t, r, "COMMIT")
	})
}

// TestReaderHoldsUpApply: an open read transaction, unclosed rows and an open
// BEGIN IMMEDIATE keep Apply waiting, and its caller can give up.
func TestReaderHoldsUpApply(t *testing.T) {
	holds := map[string]func(*testing.T, *sqldriver.Conn) (release func()){
		"transaction": func(t *testing.T, c *sqldriver.Conn) func() {
			exec(t, c, "BEGIN")
			query(t, c, "SELECT count(*) FROM t")
			return func() { exec(t, c, "ROLLBACK") }
		},
		"rows": func(t *testing.T, c *sqldriver.Conn) func() {
			rows, err := c.Query(context.Background(), "SELECT v FROM t", nil)
			if err != nil {
				t.Fatal(err)
			}
			return func() { rows.Close() }
		},
		"writer": func(t *testing.T, c *sqldriver.Conn) func() {
			exec(t, c, "BEGIN IMMEDIATE")
			return func() { exec(t, c, "ROLLBACK") }
		},
	}
	eachDriver(t, func(t *testing.T, driver string) {
		for name, hold := range holds {
			t.Run(name, func(t *testing.T) {
				from, to := newBundle(t, driver), newBundle(t, driver)
				w, r := from.connect(), to.connect()
				exec(t, w, "CREATE TABLE t (v); INSERT INTO t VALUES (1), (2)")
				first := from.capture(nil)
				to.apply(nil, first)
				release := hold(t, r)
				exec(t, w, "INSERT INTO t VALUES (3)")
				second := from.capture(first)

				ctx, cancel := context.WithTimeout(t.Context(), firstWait*20)
				defer cancel()
				err := to.file.Apply(ctx, first, second, false, func() { t.Error("published") })
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("held up: got %v", err)
				}
				release()
				to.apply(first, second)
				check(t, "caught up", query(t, r, "SELECT count(*) FROM t"), "3")
			})
		}
	})
}

// TestKeepCounter: without a new change counter a connection goes on
// answering from its cache; with one it notices.
func TestKeepCounter(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		from, to := newBundle(t, driver), newBundle(t, driver)
		w, r := from.connect(), to.connect()
		exec(t, w, "CREATE TABLE t (v); INSERT INTO t VALUES ('a')")
		a := from.capture(nil)
		to.apply(nil, a)
		check(t, "first", query(t, r, "SELECT v FROM t"), "a")
		exec(t, w, "UPDATE t SET v = 'b'")
		b := from.capture(a)
		if err := to.file.Apply(t.Context(), a, b, true, func() {}); err != nil {
			t.Fatal(err)
		}
		check(t, "cached", query(t, r, "SELECT v FROM t"), "a")
		check(t, "fresh", query(t, to.connect(), "SELECT v FROM t"), "b")
		to.apply(b, a)
		to.apply(a, b)
		check(t, "noticed", query(t, r, "SELECT v FROM t"), "b")
	})
}

// TestRecoverFromWAL: a file in WAL mode is refused by Apply; Recover waits
// until all others are closed.
func TestRecoverFromWAL(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		b := newBundle(t, driver)
		other, err := sqldriver.Connect(t.Context(), b.conn)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.file.SetWAL(t.Context()); err != nil {
			t.Fatal(err)
		}
		exec(t, other, "CREATE TABLE t (v); INSERT INTO t VALUES (1)")
		m := b.capture(nil)
		if err := b.file.Apply(t.Context(), m, nil, false, func() {}); !errors.Is(err, ErrWAL) {
			t.Fatalf("apply: got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), firstWait*20)
		defer cancel()
		if _, err := b.file.Recover(ctx, m); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("with an open connection: got %v", err)
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := b.file.Recover(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if Diff(m, got) != nil {
			t.Fatal("recovery changed the contents")
		}
		if _, err := os.Stat(b.file.Path() + "-wal"); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the WAL is still there: %v", err)
		}
		b.apply(m, nil)
		check(t, "emptied", query(t, b.connect(), "SELECT count(*) FROM sqlite_schema"), "0")
	})
}

// TestWALConnectorIsRefused: it would turn replicas into WAL too.
func TestWALConnectorIsRefused(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		path := t.TempDir() + "/app.db"
		dsn := fmt.Sprintf("file:%s?_journal_mode=WAL&_pragma=journal_mode(WAL)", path)
		if _, err := Open(t.Context(), path, connector{d: driverOf(t, driver), dsn: dsn}); err == nil {
			t.Fatal("accepted")
		}
	})
}
