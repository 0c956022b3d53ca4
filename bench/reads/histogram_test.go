package main

import (
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	for _, d := range []time.Duration{1, 2, 31, 32, 33, 1000, 170 * time.Microsecond, 20 * time.Millisecond, time.Minute} {
		var h histogram
		h.add(d)
		if got := h.quantile(500); got > d || got < d-d/32 {
			t.Errorf("%v is taken for %v", d, got)
		}
	}
	var h, all histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	all.merge(&h)
	if got := all.quantile(990); got < 950*time.Microsecond || got > 990*time.Microsecond {
		t.Errorf("p99 is %v", got)
	}
}
