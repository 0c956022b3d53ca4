package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// contention is processes of one machine that write one plain file as fast as they
// can, synchronous=FULL.
type contention struct{ Shared, Bare side }

// side is what they did in one of the two ways, run by run.
type side struct {
	Rate       []float64       // all processes' writes per second
	P999       []time.Duration // the slowest process's
	Spread     []float64       // the fastest process over the slowest, at least
	Errors     int
	FirstError string
}

func (s *side) add(reports []report) {
	rate, slowest, fastest, p999 := 0.0, math.Inf(1), 0.0, time.Duration(0)
	for _, r := range reports {
		rate += r.rate()
		slowest = min(slowest, max(1, float64(r.Writes))/r.Took.Seconds()) // one that wrote nothing took too long for one
		fastest = max(fastest, r.rate())
		p999 = max(p999, r.P999)
		s.Errors += r.Errors
		if s.FirstError == "" {
			s.FirstError = r.FirstError
		}
	}
	s.Rate, s.P999, s.Spread = append(s.Rate, rate), append(s.P999, p999), append(s.Spread, fastest/slowest)
}

const contenders = 8

func contend(ctx context.Context, o rig.Options) (*contention, error) {
	c := &contention{}
	for range o.Runs {
		for _, bare := range []bool{true, false} {
			reports, err := contendOnce(ctx, o, bare)
			if err != nil {
				return nil, err
			}
			if bare {
				c.Bare.add(reports)
			} else {
				c.Shared.add(reports)
			}
		}
	}
	return c, nil
}

func contendOnce(ctx context.Context, o rig.Options, bare bool) (reports []report, err error) {
	dir, err := os.MkdirTemp("", "litefwd-writes-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "app.db")
	dsn := rig.BareDSN(o.Driver, path, "journal_mode(WAL) synchronous(FULL)")
	var workers []*process
	defer func() {
		for _, w := range workers {
			err = errors.Join(err, w.Stop())
		}
	}()
	do := order{Do: "bare", Callers: 1, For: 2 * o.Each}
	if bare {
		if err := rig.Prepare(o.Driver, path, "PRAGMA journal_mode=WAL", schema); err != nil {
			return nil, err
		}
	}
	for i := range contenders {
		cfg := rig.WorkerConfig{Driver: o.Driver, DSN: dsn}
		if !bare {
			do.Do = "write"
			cfg.Node = &rig.NodeConfig{Path: path, Engine: "shared", Driver: o.Driver,
				DriverDSN: rig.BareDSN(o.Driver, "{path}", "journal_mode(WAL) synchronous(FULL)"),
				Listen:    "127.0.0.1:0", Name: fmt.Sprint("process", i)}
			if i == 0 {
				cfg.Schema = schema
			}
		}
		w, err := rig.Start[order, report](ctx, cfg)
		if err != nil {
			return nil, err
		}
		workers = append(workers, w)
	}
	// The first writes are over before all begin: a process whose first one waits for
	// the others' would have its time when theirs is over, and nobody is in its way.
	for _, w := range workers {
		switch r, err := w.Do(order{Do: do.Do, Callers: 1}); {
		case err != nil:
			return nil, err
		case r.Errors > 0:
			return nil, errors.New(r.FirstError)
		}
	}
	do.Begin = time.Now().Add(50 * time.Millisecond)
	for _, w := range workers {
		if err := w.Give(do); err != nil {
			return nil, err
		}
	}
	for _, w := range workers {
		r, err := w.Answer()
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// show prints the comparison.
func (c *contention) show() {
	seconds := time.Duration.Seconds
	ratios := make([]float64, len(c.Shared.Rate))
	for i := range ratios {
		ratios[i] = c.Shared.Rate[i] / c.Bare.Rate[i]
	}
	p999 := rig.Median(rig.Each(c.Shared.P999, seconds)) * 1e3
	fmt.Printf("\n%d processes on one file, engine shared, synchronous=FULL, against the bare driver with busy_timeout\n", contenders)
	fmt.Printf("  writes/s            %.0f, bare %.0f: %.2f ×; goal ≥ 1: %s\n",
		rig.Median(c.Shared.Rate), rig.Median(c.Bare.Rate), rig.Median(ratios), rig.Verdict(rig.Median(ratios) >= 1))
	fmt.Printf("  p99.9               %.1f ms, bare %.0f ms; goal ≤ 20: %s\n", p999, rig.Median(rig.Each(c.Bare.P999, seconds))*1e3, rig.Verdict(p999 <= 20))
	fmt.Printf("  fastest / slowest   %.2f, bare %.2f; goal ≤ 2: %s\n", rig.Median(c.Shared.Spread), rig.Median(c.Bare.Spread), rig.Verdict(rig.Median(c.Shared.Spread) <= 2))
	fmt.Printf("  errors              %d, bare %d; goal 0: %s %.200s\n", c.Shared.Errors, c.Bare.Errors, rig.Verdict(c.Shared.Errors == 0), c.Shared.FirstError)
}
