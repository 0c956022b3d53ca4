package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// benchCase is something that is measured in several ways, the first of which is what
// the others are compared with.
type benchCase struct {
	name  string
	sides []side
	plain bool // it is not on LiteFS, and its sides are a pair
	shows column
	goals []goal
	limit string // what is in the way where a goal is missed
}

// column is what a case is about, besides reads and writes.
type column int

const (
	lag column = 1 << iota // of the commits on the primary
	wal                    // the file's size
)

// The numbers of nodes.
const (
	primary = 0
	replica = 1
)

const (
	commitRate  = 50 // per second, on the primary
	forwardRate = 20 // per second, on the replica
	plotted     = "replica, 16 goroutines, point reads, 50 tx/s"
	growing     = "primary, 1 goroutine, point reads, 50 tx/s"
)

const (
	pointLimit = "where readers overlap without a gap the bare driver never lets go of its locks and does 200,000/s and more, " +
		"with nothing replicated: then the ratio is 0.5 to 1. Else each commit takes 6 to 7 ms of the reads' time: the gate is shut " +
		"for half of it, and the commit and its copying use as much of the processors"
	scanLimit = "at the limit on two shared cores (profile: docs/ARCHITECTURE.md): a gate made by hand, which does nothing else, comes " +
		"as far. LiteFS has its locks for 2.7 ms a transaction, with two fsyncs, and the commits and their copying use the processors " +
		"as long. The bare driver's scans have all that, as nothing is replicated"
	plainLimit = "at the limit: 0.45 µs for a statement to be routed and its rows to be passed on, whatever the read takes"
)

func cases() []benchCase {
	scans := func(s setup) order { return order{Readers: 8, Scan: s.scan} }
	points := func(n int) func(setup) order { return func(setup) order { return order{Readers: n} } }
	return []benchCase{
		{
			name:  "replica, 1 goroutine, point reads, idle primary",
			sides: both(replica, points(1), 0),
			goals: []goal{rateGoal(40)},
		}, {
			name:  plotted,
			sides: both(replica, points(16), commitRate),
			shows: lag,
			goals: []goal{rateGoal(8), lagGoal(20 * time.Millisecond)},
			limit: pointLimit,
		}, {
			name:  "replica, 8 goroutines, 2 ms scans, 50 tx/s",
			sides: slices.Insert(both(replica, scans, commitRate), 1, side{"bare, a gate by hand", gatedSide(scans, commitRate)}),
			shows: lag,
			goals: []goal{rateGoal(0.7), lagGoal(60 * time.Millisecond)},
			limit: scanLimit,
		}, {
			name:  "replica, 20 forwarded writes/s, Await: local, while 16 goroutines read",
			sides: []side{{"litefwd", forwarding}},
			goals: []goal{writeGoal(30 * time.Millisecond)},
		}, {
			name:  growing,
			sides: both(primary, points(1), commitRate),
			shows: wal,
			goals: []goal{rateGoal(10)},
		}, {
			name: "primary, commits while 16 goroutines read, 50 tx/s",
			sides: []side{
				{"bare, no readers", bareSide(primary, points(0), commitRate)},
				{"bare", bareSide(primary, points(16), commitRate)},
				{"litefwd, no readers", litefwdSide(primary, points(0), commitRate)},
				{"litefwd", litefwdSide(primary, points(16), commitRate)},
			},
			shows: wal,
		}, {
			name:  "plain file, engine shared, point reads",
			plain: true,
			sides: []side{{name: "bare"}, {name: "litefwd"}},
			goals: []goal{timeGoal(1.1), allocsGoal(2)},
			limit: plainLimit,
		},
	}
}

// both compares litefwd's readers on a node with the bare driver's.
func both(at int, read func(setup) order, rate int) []side {
	return []side{{"bare", bareSide(at, read, rate)}, {"litefwd", litefwdSide(at, read, rate)}}
}

func bareSide(at int, read func(setup) order, rate int) func(setup) []task {
	return func(s setup) (tasks []task) {
		if rate > 0 {
			tasks = append(tasks, task{s.Bare(primary), order{Writes: rate, Fill: s.fill}})
		}
		if do := read(s); do.Readers > 0 {
			tasks = append(tasks, task{s.Bare(at), do})
		}
		return tasks
	}
}

// gatedSide is the bare driver with a handGate.
func gatedSide(read func(setup) order, rate int) func(setup) []task {
	return func(s setup) []task {
		tasks := bareSide(replica, read, rate)(s)
		tasks[len(tasks)-1].do.Gate = s.Path(primary)
		return tasks
	}
}

func litefwdSide(at int, read func(setup) order, rate int) func(setup) []task {
	return func(s setup) []task {
		node := task{cfg: s.Litefwd(primary)}
		do := read(s)
		if at == primary {
			node.do = do
		}
		var more []task
		if s.commits == "litefwd" {
			node.do.Writes, node.do.Fill = rate, s.fill
		} else if rate > 0 {
			more = append(more, task{s.Bare(primary), order{Writes: rate, Fill: s.fill}})
		}
		if at == replica {
			more = append(more, task{s.Litefwd(replica), do})
		}
		return append([]task{node}, more...)
	}
}

// forwarding is an application on the replica that reads, and writes now and then.
func forwarding(s setup) []task {
	return []task{{cfg: s.Litefwd(primary)}, {s.Litefwd(replica), order{Readers: 16, Writes: forwardRate}}}
}

// goal says how near a result comes to it.
type goal func(r *result) (text string, met bool)

func rateGoal(times float64) goal {
	return func(r *result) (string, bool) {
		rate := func(o outcome) float64 { return o.Rate }
		return fmt.Sprintf("%s the reads of bare; goal ≥ %g", r.span(rate), times), r.ratio(rate) >= times
	}
}

func timeGoal(times float64) goal {
	return func(r *result) (string, bool) {
		p50 := func(o outcome) float64 { return o.P50.Seconds() }
		return fmt.Sprintf("p50 %s bare's; goal ≤ %g", r.span(p50), times), r.ratio(p50) <= times
	}
}

func lagGoal(most time.Duration) goal {
	return func(r *result) (string, bool) {
		m := ms(r.last(), func(o outcome) time.Duration { return o.LagP99 })
		return fmt.Sprintf("lag p99 %.1f ms; goal ≤ %d", m, most.Milliseconds()), m <= most.Seconds()*1e3
	}
}

func writeGoal(most time.Duration) goal {
	return func(r *result) (string, bool) {
		m := ms(r.last(), func(o outcome) time.Duration { return o.WriteP99 })
		return fmt.Sprintf("write p99 %.1f ms; goal ≤ %d", m, most.Milliseconds()), m <= most.Seconds()*1e3
	}
}

func allocsGoal(more float64) goal {
	return func(r *result) (string, bool) {
		allocs := func(o outcome) float64 { return o.Allocs }
		m := rig.Median(rig.Each(r.last().Runs, allocs)) - rig.Median(rig.Each(r.Sides[0].Runs, allocs))
		return fmt.Sprintf("%+.1f allocations per read; goal ≤ +%g", m, more), m < more+0.5 // others in the process allocate too
	}
}
