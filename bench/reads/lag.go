package main

import (
	"sort"
	"time"
)

// lags returns how much later than its return each commit was seen on the replica.
func lags(commits []commit, seen []sighting) []time.Duration {
	all := make([]time.Duration, len(commits))
	for i, c := range commits {
		all[i] = max(visible(c, seen)-c.Returned, 0) // it may be there before the commit returns
	}
	return all
}

// visible is when the replica was seen to have it.
func visible(c commit, seen []sighting) time.Duration {
	// TXIDs only grow: the lease is static.
	i := sort.Search(len(seen), func(i int) bool { return seen[i].txid >= c.TXID })
	if i == len(seen) {
		return seen[len(seen)-1].at // not so: a side ends when all was seen
	}
	return seen[i].at
}

// lagSeries is how far behind the replica was, at the most, in each slice of the time
// since began: the age of the oldest commit that it did not have.
func lagSeries(commits []commit, seen []sighting, began time.Duration, slices int) []time.Duration {
	most := make([]time.Duration, slices)
	for _, c := range commits {
		until := visible(c, seen)
		for i := max(int((c.Returned-began)/slice), 0); i < slices; i++ {
			sliceEnd := began + time.Duration(i+1)*slice
			most[i] = max(most[i], min(until, sliceEnd)-c.Returned)
			if until <= sliceEnd {
				break
			}
		}
	}
	return most
}
