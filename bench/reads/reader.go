package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"
)

// reader is one goroutine's reads.
type reader struct {
	stmt   *sql.Stmt
	scan   int      // rows, 0 for point reads
	found  int      // what a scan has to give
	hot    int      // rows that point reads choose from
	texts  []string // what point reads have to give
	random *rand.Rand
	gate   *handGate // or nil

	times  histogram
	series []int
	failures
}

func newReader(stmt *sql.Stmt, o order, seed uint64) *reader {
	return &reader{
		stmt: stmt, scan: o.Scan, found: matches(o.Scan), hot: o.Hot, texts: texts(), random: rand.New(rand.NewPCG(seed, 1)),
		series: make([]int, (o.For+slice-1)/slice),
	}
}

// run reads until end.
func (r *reader) run(began, end time.Time) {
	for t := time.Now(); t.Before(end) && !r.tooMany(); {
		err := r.read()
		now := time.Now()
		if err != nil {
			r.failed(err)
		} else {
			r.times.add(now.Sub(t))
			// The last read ends late, and counts where the time ends.
			r.series[min(int(now.Sub(began)/slice), len(r.series)-1)]++
		}
		t = now
	}
}

func (r *reader) read() error {
	if r.gate != nil {
		r.gate.RLock()
		defer r.gate.RUnlock()
	}
	if r.scan > 0 {
		var found int
		if err := r.stmt.QueryRow(r.scan).Scan(&found); err != nil {
			return err
		}
		if found != r.found {
			return fmt.Errorf("WRONG RESULT: a scan gives %d, not %d", found, r.found)
		}
		return nil
	}
	id := r.random.IntN(r.hot) + 1
	var v string
	if err := r.stmt.QueryRow(id).Scan(&v); err != nil {
		return err
	}
	if v != r.texts[id] {
		return fmt.Errorf("WRONG RESULT: row %d is %.200q", id, v)
	}
	return nil
}

// gather reports what all readers did.
func gather(r *report, readers []*reader) {
	if len(readers) == 0 {
		return
	}
	var times histogram
	r.Series = make([]int, len(readers[0].series))
	for _, one := range readers {
		times.merge(&one.times)
		for i, n := range one.series {
			r.Series[i] += n
		}
		r.add(one.failures)
	}
	r.Reads, r.P50, r.P99 = times.n, times.quantile(500), times.quantile(990)
}
