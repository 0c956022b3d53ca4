package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// show prints the table: a block for each case, a line for each side of it.
func show(o options, scanTakes time.Duration, results []*result) error {
	if o.JSON {
		return json.NewEncoder(os.Stdout).Encode(results)
	}
	fmt.Printf("\n%s, %s, 2 LiteFS nodes, commits by %s on litefwd's side; point reads of %d of %d rows; medians of %d runs of %v; a scan takes %.2f ms of processor time\n\n",
		o.Driver, o.Journal, o.commits, o.hot, rows, o.Runs, o.Each, scanTakes.Seconds()*1e3)
	fmt.Printf("%-22s%10s%9s%9s%9s%8s%10s%11s%11s%10s%10s%9s%8s\n", "", "reads/s", "× bare", "p50 µs", "p99 µs", "allocs",
		"writes/s", "write p50", "write p99", "lag p50", "lag p99", "WAL KB", "errors")
	for _, r := range results {
		fmt.Println(r.Case)
		for _, s := range r.Sides {
			s.show(r)
		}
		missed := false
		for _, g := range r.Goals {
			fmt.Printf("    %s: %s\n", g.Text, rig.Verdict(g.Met))
			missed = missed || !g.Met
		}
		if missed && r.of.limit != "" {
			fmt.Printf("    (%s)\n", r.of.limit)
		}
		for _, s := range r.Sides {
			s.showFailures()
		}
	}
	fmt.Println("\nlag and write are in milliseconds; lag as long as a run means that nothing was replicated while others read.")
	return nil
}

// show prints the side's line; what its case is not about stays empty.
func (s *sideResult) show(r *result) {
	median := func(f func(outcome) float64) float64 { return rig.Median(rig.Each(s.Runs, f)) }
	cell := func(width, digits int, shown bool, v float64) string {
		if !shown {
			return fmt.Sprintf("%*s", width, "")
		}
		return fmt.Sprintf("%*.*f", width, digits, v)
	}
	shows := func(c column) bool { return r.of.shows&c != 0 }
	rate := median(func(o outcome) float64 { return o.Rate })
	reads := rate > 0
	writeRate := median(func(o outcome) float64 { return o.WriteRate })
	wals := median(func(o outcome) float64 { return float64(o.WAL) })
	errors := 0
	for _, o := range s.Runs {
		errors += o.Errors
	}
	fmt.Printf("  %-20s%s%s%s%s%s%s%s%s%s%s%s%8d\n", s.Name,
		cell(10, 0, reads, rate),
		cell(9, 2, reads && s != r.Sides[0] && r.Sides[0].Runs[0].Rate > 0, rig.Median(r.ratios(s, func(o outcome) float64 { return o.Rate }))),
		cell(9, 1, reads, ms(s, func(o outcome) time.Duration { return o.P50 })*1e3),
		cell(9, 1, reads, ms(s, func(o outcome) time.Duration { return o.P99 })*1e3),
		cell(8, 1, reads, median(func(o outcome) float64 { return o.Allocs })),
		cell(10, 1, writeRate > 0, writeRate),
		cell(11, 2, writeRate > 0, ms(s, func(o outcome) time.Duration { return o.WriteP50 })),
		cell(11, 2, writeRate > 0, ms(s, func(o outcome) time.Duration { return o.WriteP99 })),
		cell(10, 1, shows(lag), ms(s, func(o outcome) time.Duration { return o.LagP50 })),
		cell(10, 1, shows(lag), ms(s, func(o outcome) time.Duration { return o.LagP99 })),
		cell(9, 0, shows(wal) && wals > 0, wals/1e3),
		errors)
	if remote := median(func(o outcome) float64 { return o.Remote }); remote >= 0.005 {
		fmt.Printf("    %.0f %% of these reads ran on the primary: this copy was behind the process's own writes\n", remote*100)
	}
}

func (s *sideResult) showFailures() {
	for _, o := range s.Runs {
		if o.Errors > 0 {
			fmt.Printf("    (%s: %.200s)\n", s.Name, o.FirstError)
			return
		}
	}
}
