package rig

import (
	"slices"
	"time"
)

// Quantiles sorts all.
func Quantiles(all []time.Duration) (p50, p99, p999, most time.Duration) {
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	at := func(permille int) time.Duration { return all[(len(all)-1)*permille/1000] }
	return at(500), at(990), at(999), all[len(all)-1]
}

// Median of an odd number of values.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// Each applies f to each.
func Each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

// Verdict says whether a goal is met.
func Verdict(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}
