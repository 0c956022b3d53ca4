package writer

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// BenchmarkInsert compares one autocommit INSERT on a bare connection with one
// through a Writer, alone and from several callers. Run it with -count=10, so
// that the kinds alternate.
func BenchmarkInsert(b *testing.B) {
	for _, d := range testDrivers {
		for _, sync := range []string{"OFF", "NORMAL", "FULL"} {
			for _, kind := range []string{"bare", "bare-begin", "writer", "writer-cancel"} {
				b.Run(d.name+"/"+sync+"/"+kind, func(b *testing.B) {
					benchmarkInsert(b, d, sync, kind)
				})
			}
		}
	}
}

const benchInsert = "INSERT INTO t (a, b) VALUES (?, ?)"

func benchmarkInsert(b *testing.B, d testDriver, sync, kind string) {
	path := filepath.Join(b.TempDir(), "bench.db")
	connector := d.connector(b, path, "journal_mode=WAL", "synchronous="+sync)
	args := sqldriver.Args(int64(7), "some text of a usual length")
	ctx := context.Background()
	if kind == "bare" || kind == "bare-begin" {
		c := connectBare(b, connector)
		defer c.Close()
		run := func(sql string) {
			if _, err := c.Exec(ctx, sql, nil); err != nil {
				b.Fatal(err)
			}
		}
		run("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
		b.ReportAllocs()
		for b.Loop() {
			if kind == "bare-begin" {
				run("BEGIN IMMEDIATE")
			}
			if _, err := c.Exec(ctx, benchInsert, args); err != nil {
				b.Fatal(err)
			}
			if kind == "bare-begin" {
				run("COMMIT")
			}
		}
		return
	}
	w := Open(Options{Connector: connector, Database: &testEngine{}, Classifier: sqlclass.New()})
	defer w.Close()
	if _, err := w.Exec(ctx, stmt("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")); err != nil {
		b.Fatal(err)
	}
	if kind == "writer-cancel" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	var sess forward.Session
	b.ReportAllocs()
	for b.Loop() {
		st := forward.Statement{ID: forward.NewID(), SQL: benchInsert, Args: args, Session: sess}
		res, err := w.Exec(ctx, st)
		if err != nil {
			b.Fatal(err)
		}
		sess.LastInsertID = res.LastInsertID
	}
}

// BenchmarkTwoSessions is the Writer's worst case for last_insert_rowid(): each
// statement comes from another session than the one before.
func BenchmarkTwoSessions(b *testing.B) {
	for _, d := range testDrivers {
		b.Run(d.name, func(b *testing.B) {
			connector := d.connector(b, filepath.Join(b.TempDir(), "bench.db"), "journal_mode=WAL", "synchronous=NORMAL")
			w := Open(Options{Connector: connector, Database: &testEngine{}, Classifier: sqlclass.New()})
			defer w.Close()
			ctx := context.Background()
			if _, err := w.Exec(ctx, stmt("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")); err != nil {
				b.Fatal(err)
			}
			var sess [2]forward.Session
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				s := &sess[n%2]
				n++
				res, err := w.Exec(ctx, in(*s, stmt(benchInsert, int64(7), "some text of a usual length")))
				if err != nil {
					b.Fatal(err)
				}
				s.LastInsertID = res.LastInsertID
			}
		})
	}
}

// BenchmarkTx is a transaction of ten statements.
func BenchmarkTx(b *testing.B) {
	for _, d := range testDrivers {
		b.Run(d.name, func(b *testing.B) {
			connector := d.connector(b, filepath.Join(b.TempDir(), "bench.db"), "journal_mode=WAL", "synchronous=NORMAL")
			w := Open(Options{Connector: connector, Database: &testEngine{}, Classifier: sqlclass.New()})
			defer w.Close()
			ctx := context.Background()
			if _, err := w.Exec(ctx, stmt("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				tx, err := w.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
				if err != nil {
					b.Fatal(err)
				}
				for range 10 {
					if _, err := tx.Exec(ctx, stmt(benchInsert, int64(7), "some text of a usual length")); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := tx.Commit(ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
