package main

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

func show(o rig.Options, results []*result, contended *contention, flooded *flood) error {
	if o.JSON {
		return json.NewEncoder(os.Stdout).Encode(struct {
			LiteFS []*result
			Shared *contention
			Flood  *flood
		}{results, contended, flooded})
	}
	fmt.Printf("\n%s, %s, 2 LiteFS nodes; medians of %d runs of %v; replication lag p50 %.2f ms\n\n",
		o.Driver, o.Journal, o.Runs, o.Each, rig.Median(rig.Each(results[0].Lag, time.Duration.Seconds))*1e3)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "case\twrites/s\t× raw\tp50 ms\tp99 ms\tp99.9 ms\tallocs\terrors\tgoal")
	var limits []string
	for _, r := range results {
		ms := func(f func(report) time.Duration) float64 {
			return rig.Median(rig.Each(r.Reports, func(p report) float64 { return f(p).Seconds() * 1e3 }))
		}
		goal, failures, first := "", 0, ""
		if r.goal != nil {
			text, met := r.goal(r)
			goal = text + ": " + rig.Verdict(met)
			if !met && r.limit != "" {
				limits = append(limits, r.Case+": "+r.limit)
			}
		}
		for _, p := range r.Reports {
			failures += p.Errors
			if first == "" {
				first = p.FirstError
			}
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%d\t%s\n", r.Case,
			rig.Median(rig.Each(r.Reports, report.rate)), r.ratio(),
			ms(func(p report) time.Duration { return p.P50 }), ms(func(p report) time.Duration { return p.P99 }),
			ms(func(p report) time.Duration { return p.P999 }),
			rig.Median(rig.Each(r.Reports, func(p report) float64 { return p.Allocs })), failures, goal)
		if first != "" {
			fmt.Fprintf(w, "  (%.200s)\n", first)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, l := range limits {
		fmt.Printf("\n%s.\n", l)
	}
	if flooded != nil {
		flooded.show()
	}
	if contended != nil {
		contended.show()
	}
	return nil
}
