package writer

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

const benchInsert = "INSERT INTO t (a, b) VALUES (?, ?)"

// BenchmarkInsert times one autocommit INSERT on a bare connection (also with
// an explicit BEGIN IMMEDIATE and COMMIT) and through a Writer, with and
// without a context that can end. They take turns, each on a database of its
// own, so that whatever else the machine does falls on all alike; the medians
// are reported.
func BenchmarkInsert(b *testing.B) {
	for _, d := range testDrivers {
		for _, sync := range []string{"OFF", "NORMAL", "FULL"} {
			b.Run(d.name+"/"+sync, func(b *testing.B) { benchmarkInsert(b, d, sync) })
		}
	}
}

func benchmarkInsert(b *testing.B, d testDriver, sync string) {
	kinds := []struct {
		name  string
		run   func()
		times []time.Duration
	}{
		{name: "bare", run: bareInsert(b, d, sync, context.Background(), false)},
		{name: "begin", run: bareInsert(b, d, sync, context.Background(), true)},
		{name: "bare-cancel", run: bareInsert(b, d, sync, b.Context(), false)},
		{name: "writer", run: writerInsert(b, d, sync, context.Background())},
		{name: "writer-cancel", run: writerInsert(b, d, sync, b.Context())},
	}
	for b.Loop() {
		for _, i := range rand.Perm(len(kinds)) {
			start := time.Now()
			kinds[i].run()
			kinds[i].times = append(kinds[i].times, time.Since(start))
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, k := range kinds {
		slices.Sort(k.times)
		b.ReportMetric(float64(k.times[len(k.times)/2])/1000, k.name+"-µs")
	}
}

func bareInsert(b *testing.B, d testDriver, sync string, ctx context.Context, begin bool) func() {
	c := connectBare(b, d.connector(b, filepath.Join(b.TempDir(), "bench.db"), "journal_mode=WAL", "synchronous="+sync))
	b.Cleanup(func() { c.Close() })
	run := func(sql string, args ...any) {
		if _, err := c.Exec(ctx, sql, sqldriver.Args(args...)); err != nil {
			b.Fatal(err)
		}
	}
	run("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
	return func() {
		if begin {
			run("BEGIN IMMEDIATE")
			defer run("COMMIT")
		}
		run(benchInsert, int64(7), "some text of a usual length")
	}
}

func writerInsert(b *testing.B, d testDriver, sync string, ctx context.Context) func() {
	connector := d.connector(b, filepath.Join(b.TempDir(), "bench.db"), "journal_mode=WAL", "synchronous="+sync)
	w := Open(Options{Connector: connector, Database: &testEngine{}, Classifier: sqlclass.New()})
	b.Cleanup(func() { w.Close() })
	var sess forward.Session
	run := func(sql string, args ...any) {
		res, err := w.Exec(ctx, in(sess, stmt(sql, args...)))
		if err != nil {
			b.Fatal(err)
		}
		sess.LastInsertID = res.LastInsertID
	}
	run("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)")
	return func() { run(benchInsert, int64(7), "some text of a usual length") }
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
