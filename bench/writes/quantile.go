package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// quantiles sorts all.
func quantiles(all []time.Duration) (p50, p99, p999, most time.Duration) {
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	at := func(permille int) time.Duration { return all[(len(all)-1)*permille/1000] }
	return at(500), at(990), at(999), all[len(all)-1]
}

// median of an odd number of values.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}

// resident is the memory that this process occupies, in bytes (Linux, proc(5)).
func resident() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(fields[1], 10, 64)
	return pages * uint64(os.Getpagesize())
}
