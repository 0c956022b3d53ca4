package main

import "time"

// order is what the parent tells a worker to do; its answer is a report.
type order struct {
	Do      string // warm (open what load will use), load or plain
	Readers int    // goroutines that read
	Scan    int    // rows of each read; 0: point reads
	Hot     int    // rows that point reads read and writes change
	Writes  int    // per second, by one goroutine
	Fill    int    // warm: writes that are made before, so that the WAL is not empty
	For     time.Duration
	Gate    string // reads pass a gate made by hand; the path of the primary's database
}

// report is what came of an order.
type report struct {
	Reads    int
	Took     time.Duration
	P50, P99 time.Duration // of reads
	Allocs   float64       // per read, of this process
	// Remote are the reads that the node sent to the primary.
	Remote  uint64
	Series  []int // reads in each slice of the time
	Commits []commit
	Plain   []pairSide
	failures
}

// commit is a write that has returned.
type commit struct {
	Took     time.Duration
	Returned time.Duration // when, by rig.Now
	TXID     uint64        // its own, or that of a later one
}

// slice is the resolution of what is drawn over time.
const slice = 50 * time.Millisecond
