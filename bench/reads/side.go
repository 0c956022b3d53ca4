package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// process is a worker of this benchmark.
type process = rig.Process[order, report]

// task is a process and what it does.
type task struct {
	cfg rig.WorkerConfig
	do  order
}

// side is one way of doing what a case is about.
type side struct {
	name  string
	tasks func(s setup) []task
}

// setup is what sides need to know.
type setup struct {
	*rig.Cluster
	commits string // litefwd or bare
	hot     int    // rows that point reads and commits choose from
	scan    int    // rows of a scan
	fill    int    // writes before the commits
}

// outcome is what a side gave in one run.
type outcome struct {
	Rate           float64       // reads per second
	P50, P99       time.Duration // of reads
	Allocs         float64
	Remote         float64         `json:",omitempty"` // the part of the reads that ran on the primary
	WriteRate      float64         `json:",omitempty"`
	WriteP50       time.Duration   `json:",omitempty"`
	WriteP99       time.Duration   `json:",omitempty"`
	LagP50, LagP99 time.Duration   // of commits on the primary
	WAL            int64           // the largest size of the primary's
	Series         []int           `json:",omitempty"` // reads in each slice
	Lag            []time.Duration `json:",omitempty"` // the most in each slice
	WALSizes       []walSize       `json:"-"`
	failures
}

// catchUp is how long a replica may take to get what it lacks when nobody reads.
const catchUp = 30 * time.Second

// measure runs the processes of a side for a time, and waits until the replica has
// what they wrote.
func (sd side) measure(ctx context.Context, s setup, d time.Duration) (_ outcome, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d+2*catchUp, fmt.Errorf("it has not ended in %v", d+2*catchUp))
	defer cancel()
	pos, err := rig.OpenPosition(s.Path(replica))
	if err != nil {
		return outcome{}, err
	}
	defer func() { err = errors.Join(err, pos.Close()) }()
	tasks := sd.tasks(s)
	workers := make([]*process, 0, len(tasks))
	defer func() {
		for _, w := range workers {
			err = errors.Join(err, w.Stop())
		}
	}()
	for i, t := range tasks {
		w, err := rig.Start[order, report](ctx, t.cfg)
		if err != nil {
			return outcome{}, err
		}
		workers = append(workers, w)
		tasks[i].do.Do, tasks[i].do.For, tasks[i].do.Hot = "load", d, s.hot
		warm := tasks[i].do
		warm.Do = "warm"
		if _, err := w.Do(warm); err != nil {
			return outcome{}, err
		}
		// Nothing is replicated while the next process opens the database. LiteFS
		// rewrites a replica's wal-index with each transaction, and SQLite's first
		// connection truncates it: a process in which both meet dies of SIGBUS, as
		// one in 200 did, with the bare driver, at 400 commits/s.
		if err := s.WaitReplicated(ctx, primary, rig.Database); err != nil {
			return outcome{}, err
		}
	}
	loading, loaded := context.WithCancel(ctx)
	wal := watchWAL(loading, s.Cluster)
	defer loaded()
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	looking, err := watch(watching, s.URL(replica), pos.TXID)
	if err != nil {
		return outcome{}, err
	}
	defer func() { unwatch(); looking.wait() }()
	began := rig.Now()
	for i, w := range workers {
		if err := w.Give(tasks[i].do); err != nil {
			return outcome{}, err
		}
	}
	reports := make([]report, len(workers))
	for i, w := range workers {
		if reports[i], err = w.Answer(); err != nil {
			return outcome{}, err
		}
	}
	loaded()
	end, err := s.Pos(ctx, primary, rig.Database)
	if err != nil {
		return outcome{}, err
	}
	seen, err := looking.reached(ctx, end.TXID)
	if err != nil {
		return outcome{}, fmt.Errorf("waiting until the replica has transaction %d of the primary: %w", end.TXID, err)
	}
	return newOutcome(reports, seen, <-wal, began, d), nil
}

func newOutcome(reports []report, seen []sighting, sizes []walSize, began, d time.Duration) (o outcome) {
	o.WALSizes, o.WAL = sizes, most(sizes, 0, math.MaxInt64)
	for _, r := range reports {
		o.add(r.failures)
		if len(r.Series) > 0 {
			o.Rate, o.P50, o.P99 = float64(r.Reads)/r.Took.Seconds(), r.P50, r.P99
			o.Allocs, o.Remote, o.Series = r.Allocs, float64(r.Remote)/float64(max(r.Reads, 1)), r.Series
		}
		if len(r.Commits) > 0 {
			o.WriteRate = float64(len(r.Commits)) / r.Took.Seconds()
			o.WriteP50, o.WriteP99, _, _ = rig.Quantiles(rig.Each(r.Commits, func(c commit) time.Duration { return c.Took }))
			o.LagP50, o.LagP99, _, _ = rig.Quantiles(lags(r.Commits, seen))
			o.Lag = lagSeries(r.Commits, seen, began, int((d+slice-1)/slice))
		}
	}
	return o
}
