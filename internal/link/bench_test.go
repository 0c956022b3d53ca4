package link_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/forward"
)

// The Erlang distribution call that elixir_litefs uses takes 94 µs p50 on this
// kind of machine (docs: design); a bare Exec over the link is to match that.
func BenchmarkExec(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			p := newPair(b, pairOptions{})
			st := forward.Statement{
				ID: forward.NewID(), SQL: "INSERT INTO message (room, author, body) VALUES (?, ?, ?)",
				Args: []driver.NamedValue{{Ordinal: 1, Value: int64(42)}, {Ordinal: 2, Value: "somebody"}, {Ordinal: 3, Value: "a line of text of usual length"}},
			}
			ctx := context.Background()
			if _, err := p.db.Exec(ctx, st); err != nil { // connects
				b.Fatal(err)
			}
			var mu sync.Mutex
			var all []time.Duration
			work := make(chan struct{}, callers) // one per statement to run
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					var mine []time.Duration
					for range work {
						began := time.Now()
						if _, err := p.db.Exec(ctx, st); err != nil {
							b.Error(err)
							break
						}
						mine = append(mine, time.Since(began))
					}
					mu.Lock()
					all = append(all, mine...)
					mu.Unlock()
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			report(b, all)
		})
	}
}

func BenchmarkExecInline(b *testing.B) {
	p := newPair(b, pairOptions{})
	st := forward.Statement{ID: forward.NewID(), SQL: "INSERT INTO t VALUES (1)"}
	ctx := context.Background()
	if _, err := p.db.Exec(ctx, st); err != nil {
		b.Fatal(err)
	}
	var all []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		if _, err := p.db.Exec(ctx, st); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(began))
	}
	report(b, all)
}

func BenchmarkQueryOneRow(b *testing.B) {
	p := newPair(b, pairOptions{})
	ctx := context.Background()
	var all []time.Duration
	dest := make([]driver.Value, 1)
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		rows, err := p.db.Query(ctx, forward.Statement{ID: forward.NewID(), SQL: "SELECT 1"})
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next(dest) == nil {
		}
		rows.Close()
		all = append(all, time.Since(began))
	}
	report(b, all)
}

func BenchmarkTxOneStatement(b *testing.B) {
	p := newPair(b, pairOptions{})
	ctx := context.Background()
	var all []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
		if _, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID(), SQL: "INSERT"}); err != nil {
			b.Fatal(err)
		}
		if _, err := tx.Commit(ctx); err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(began))
	}
	report(b, all)
}

func report(b *testing.B, all []time.Duration) {
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Nanoseconds())/1e3, "p99-µs")
}
