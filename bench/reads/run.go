package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// result is a case with what its runs gave.
type result struct {
	Case  string
	Sides []*sideResult
	Goals []judged
	of    benchCase
}

// judged is a goal, and how near the result is to it.
type judged struct {
	Text string
	Met  bool
}

type sideResult struct {
	Name string
	Runs []outcome
}

// last is the side that the goals are about: litefwd's.
func (r *result) last() *sideResult { return r.Sides[len(r.Sides)-1] }

// ratios are a side's figure over the bare driver's, run by run, the least first.
func (r *result) ratios(s *sideResult, f func(outcome) float64) []float64 {
	ratios := make([]float64, len(s.Runs))
	for i, o := range s.Runs {
		ratios[i] = f(o) / f(r.Sides[0].Runs[i])
	}
	slices.Sort(ratios)
	return ratios
}

func (r *result) ratio(f func(outcome) float64) float64 { return rig.Median(r.ratios(r.last(), f)) }

// span is the ratio in words.
func (r *result) span(f func(outcome) float64) string {
	all := r.ratios(r.last(), f)
	if len(all) == 1 {
		return fmt.Sprintf("%.2f ×", all[0])
	}
	return fmt.Sprintf("%.2f × (%.2f to %.2f in the runs)", rig.Median(all), all[0], all[len(all)-1])
}

// ms is the median of a duration, in milliseconds.
func ms(s *sideResult, f func(outcome) time.Duration) float64 {
	return rig.Median(rig.Each(s.Runs, func(o outcome) float64 { return f(o).Seconds() * 1e3 }))
}

func run(ctx context.Context, o options) error {
	n, takes, err := calibrate(o)
	if err != nil {
		return fmt.Errorf("calibrating the scan: %w", err)
	}
	c, err := rig.StartCluster(ctx, o.Options, schema...)
	if err != nil {
		return err
	}
	s := setup{Cluster: c, commits: o.commits, hot: o.hot, scan: n}
	if o.long {
		err = long(ctx, o, s)
		return errors.Join(err, c.Close())
	}
	results, err := runCases(ctx, o, s)
	if closeErr := c.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := show(o, takes, results); err != nil {
		return err
	}
	if o.SVG != "" {
		if err := plot(o, results); err != nil {
			return err
		}
	}
	return broken(results)
}

func runCases(ctx context.Context, o options, s setup) ([]*result, error) {
	var results []*result
	for _, b := range cases() {
		if !o.only.MatchString(b.name) {
			continue
		}
		r := &result{Case: b.name, of: b}
		for _, sd := range b.sides {
			r.Sides = append(r.Sides, &sideResult{Name: sd.name})
		}
		results = append(results, r)
	}
	for n := range o.Runs {
		for _, r := range results {
			o.Progress(n, r.Case)
			if err := r.runOnce(ctx, o, s, n); err != nil {
				return nil, fmt.Errorf("%s: %w", r.Case, err)
			}
		}
	}
	for _, r := range results {
		for _, g := range r.of.goals {
			text, met := g(r)
			r.Goals = append(r.Goals, judged{text, met})
		}
	}
	return results, nil
}

// runOnce measures each side once.
func (r *result) runOnce(ctx context.Context, o options, s setup, n int) error {
	if r.of.plain {
		pair, err := plain(ctx, o)
		for i, p := range pair {
			r.Sides[i].Runs = append(r.Sides[i].Runs, outcome{Rate: 1 / p.P50.Seconds(), P50: p.P50, P99: p.P99, Allocs: p.Allocs})
		}
		return err
	}
	for i := range r.of.sides {
		if n%2 == 1 {
			i = len(r.of.sides) - 1 - i // in the other order
		}
		sd := r.of.sides[i]
		out, err := sd.measure(ctx, s, o.Each)
		if err != nil {
			return fmt.Errorf("%s: %w", sd.name, err)
		}
		r.Sides[i].Runs = append(r.Sides[i].Runs, out)
	}
	return nil
}

// broken is an error if litefwd has given one: missed goals are none.
func broken(results []*result) error {
	var err error
	for _, r := range results {
		for _, o := range r.last().Runs {
			if o.Errors > 0 {
				err = errors.Join(err, fmt.Errorf("%s: litefwd failed %d times, first: %.300s", r.Case, o.Errors, o.FirstError))
			}
		}
	}
	return err
}
