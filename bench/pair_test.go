// Package bench measures litefwd against a baseline in the same run.
//
// The machines that benchmarks run on are noisy and drift, so the two sides
// are interleaved, operation by operation, and what is reported is the ratio
// of their medians ("ratio", 1.00 = as fast as the baseline).
package bench

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// side is one of the operations that are compared.
type side struct {
	name string
	op   func() error
}

// interleave runs the sides in turn and reports each one's median and 99th
// percentile in microseconds, and the others' medians as ratios to the first,
// which is the baseline.
func interleave(b *testing.B, sides ...side) {
	b.Helper()
	ops := make([]func() error, len(sides))
	for i, s := range sides {
		ops[i] = func() error {
			err := s.op()
			if err != nil {
				err = fmt.Errorf("%s: %w", s.name, err)
			}
			return err
		}
	}
	times, err := rig.Interleave(b.Loop, ops...)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(0, "ns/op") // the sum of the sides says nothing
	var baseline float64
	for i, s := range sides {
		slices.Sort(times[i])
		p50 := percentile(times[i], 50)
		b.ReportMetric(p50, s.name+"-p50-µs")
		b.ReportMetric(percentile(times[i], 99), s.name+"-p99-µs")
		if i == 0 {
			baseline = p50
		} else {
			b.ReportMetric(p50/baseline, s.name+"-ratio")
		}
	}
}

func percentile(sorted []time.Duration, p int) float64 {
	return float64(sorted[(len(sorted)-1)*p/100].Nanoseconds()) / 1000
}
