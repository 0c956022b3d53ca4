package main

import (
	"slices"
	"testing"
	"time"
)

func TestLag(t *testing.T) {
	const ms = time.Millisecond
	commits := []commit{{Returned: 110 * ms, TXID: 2}, {Returned: 130 * ms, TXID: 3}, {Returned: 190 * ms, TXID: 4}}
	seen := []sighting{{90 * ms, 1}, {112 * ms, 2}, {220 * ms, 4}}
	if got, want := lags(commits, seen), []time.Duration{2 * ms, 90 * ms, 30 * ms}; !slices.Equal(got, want) {
		t.Errorf("lags are %v, not %v", got, want)
	}
	// Slices of 50 ms since 100 ms: in the first the commit of 130 is 20 old at its
	// end, in the third it is seen when it is 90 old.
	if got, want := lagSeries(commits, seen, 100*ms, 4), []time.Duration{20 * ms, 70 * ms, 90 * ms, 0}; !slices.Equal(got, want) {
		t.Errorf("the series is %v, not %v", got, want)
	}
}
