package main

import (
	"math/bits"
	"time"
)

// histogram counts durations to 3 %: a process that reads a million rows a second
// cannot keep each.
type histogram struct {
	buckets [64 << fraction]int
	n       int
}

const fraction = 5 // bits of a duration below its first one that count

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 1)) << fraction // so that there are as many bits
	e := bits.Len64(v) - 1 - fraction
	h.buckets[e<<fraction|int(v>>e&(1<<fraction-1))]++
	h.n++
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.n += o.n
}

// quantile returns the lower end of the bucket that has it.
func (h *histogram) quantile(permille int) time.Duration {
	left := (h.n - 1) * permille / 1000
	for i, n := range h.buckets {
		if left -= n; left < 0 {
			e := i >> fraction
			return time.Duration((1<<fraction | i&(1<<fraction-1)) << e >> fraction)
		}
	}
	return 0
}
