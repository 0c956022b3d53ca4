package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// One caller that writes on a replica, against the same insert on the primary's
// mount by the bare driver: operations in turn, in one run. The goal is at most
// half a millisecond more with AwaitNone.
//
//	go test -run '^$' -bench ForwardedWrite -benchtime 500x .
func BenchmarkForwardedWrite(b *testing.B) {
	for _, journal := range []string{"WAL", "DELETE"} {
		for _, driver := range []string{"sqlite", "sqlite3"} {
			b.Run(journal+"/"+driver, func(b *testing.B) { benchmarkForwarded(b, driver, journal) })
		}
	}
}

func benchmarkForwarded(b *testing.B, driver, journal string) {
	a := startApp(b, driver, journal, litefstest.Options{Nodes: 2, Lease: litefstest.Static}, nil)
	bare := a.open(driver, 0)
	const insert = "INSERT INTO t VALUES (1)"
	ways := []struct {
		unit string
		run  func() error
	}{
		{"bare-ms", func() error { _, err := bare.ExecContext(a.ctx, insert); return err }},
		{"primary-ms", func() error { _, err := a.db(0).ExecContext(a.ctx, insert); return err }},
		{"none-ms", func() error {
			_, err := a.db(1).ExecContext(litefwd.WithAwait(a.ctx, litefwd.AwaitNone), insert)
			return err
		}},
		{"local-ms", func() error {
			_, err := a.db(1).ExecContext(litefwd.WithAwait(a.ctx, litefwd.AwaitLocal), insert)
			return err
		}},
	}
	took := make([][]time.Duration, len(ways))
	for b.Loop() {
		for i, w := range ways {
			began := time.Now()
			a.must(w.unit, w.run())
			took[i] = append(took[i], time.Since(began))
			// The copy is where the primary is before the next one.
			a.must("replicate", a.WaitReplicated(context.WithoutCancel(a.ctx), 0, "app.db"))
		}
	}
	medians := make([]float64, len(ways))
	for i, w := range ways {
		slices.Sort(took[i])
		medians[i] = took[i][len(took[i])/2].Seconds() * 1e3
		b.ReportMetric(medians[i], w.unit)
	}
	b.ReportMetric(medians[2]-medians[0], "none-over-bare-ms")
	b.ReportMetric(0, "ns/op") // of all three, which means nothing
}
