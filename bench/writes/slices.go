package main

import (
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// sliceCount is how many slices the time of a case has that is measured beside the raw
// one.
const sliceCount = 10

// measure runs the case for that long, and the raw one as long beside it, if it is to
// be.
func (b benchCase) measure(c *cluster, raw benchCase, each time.Duration) (r, beside report, err error) {
	b.do.For = each
	if !b.beside {
		r, err = b.at(c).Do(b.do)
		return r, beside, err
	}
	for _, one := range []*benchCase{&b, &raw} {
		one.do.For, one.do.Times = each/sliceCount, true
	}
	for range sliceCount {
		// Neither always comes first: a map has no order.
		for of, into := range map[*benchCase]*report{&raw: &beside, &b: &r} {
			slice, err := of.at(c).Do(of.do)
			if err != nil {
				return r, beside, err
			}
			into.add(slice)
		}
	}
	return r, beside, nil
}

// add makes r the report of both together.
func (r *report) add(more report) {
	r.Times = append(r.Times, more.Times...)
	r.P50, r.P99, r.P999, r.Max = rig.Quantiles(r.Times)
	if writes := r.Writes + more.Writes; writes > 0 {
		r.Allocs = (r.Allocs*float64(r.Writes) + more.Allocs*float64(more.Writes)) / float64(writes)
	}
	r.Writes += more.Writes
	r.Took += more.Took
	r.Errors += more.Errors
	if r.FirstError == "" {
		r.FirstError = more.FirstError
	}
}
