package main

import (
	"context"
	"fmt"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// settled is when the WAL has to have its size.
const settled = 20 * time.Second

// filled is how many commits are in the WAL before: SQLite makes a checkpoint at 1000
// pages, which take 20 s at this rate, and what is looked for is what comes after.
const filled = 500

// oneCommit is more than a commit adds, by which the one that reaches those pages may
// pass them: four frames.
const oneCommit = 4 * (24 + 4096)

// long measures whether the primary's WAL stops growing while it is read and written.
func long(ctx context.Context, o options, s setup) error {
	s.fill = filled
	for _, b := range cases() {
		if b.name != growing {
			continue
		}
		fmt.Printf("%s, %v each, commits by %s on litefwd's side: size of the primary's WAL\n", b.name, longFor, o.commits)
		for _, sd := range b.sides {
			out, err := sd.measure(ctx, s, longFor)
			if err != nil {
				return fmt.Errorf("%s: %w", sd.name, err)
			}
			showLong(sd.name, out)
			if out.Errors > 0 && sd.name == "litefwd" {
				return fmt.Errorf("litefwd failed %d times, first: %s", out.Errors, out.FirstError)
			}
		}
	}
	return nil
}

func showLong(name string, out outcome) {
	fmt.Printf("\n%s: %.0f reads/s, %.1f commits/s, %d errors %.200s\n", name, out.Rate, out.WriteRate, out.Errors, out.FirstError)
	const step = 5 * time.Second
	for from := time.Duration(0); from < longFor; from += step {
		fmt.Printf("  %2.0f to %2.0f s: at most %.0f KB\n", from.Seconds(), (from + step).Seconds(), float64(most(out.WALSizes, from, from+step))/1e3)
	}
	growth := most(out.WALSizes, settled, longFor) - most(out.WALSizes, 0, settled)
	fmt.Printf("  growth after %v: %.0f KB; goal no more than a commit: %s\n", settled, float64(max(growth, 0))/1e3, rig.Verdict(growth <= oneCommit))
}
