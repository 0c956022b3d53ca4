package rig

import "time"

// Interleave runs operations in turn as long as next says so, and returns how long
// each took each time. The machines that benchmarks run on are noisy and drift: what
// is compared has to run at the same time.
func Interleave(next func() bool, ops ...func() error) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(ops))
	for i := 0; next(); i++ {
		for j := range ops {
			// Each leads equally often: the first pays for cold caches.
			k := (i + j) % len(ops)
			start := time.Now()
			if err := ops[k](); err != nil {
				return nil, err
			}
			times[k] = append(times[k], time.Since(start))
		}
	}
	return times, nil
}
