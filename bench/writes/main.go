// Writes measures litefwd's writes on two real LiteFS nodes against the bare driver
// on the primary's mount, in one run, and prints ratios:
//
//	cd bench/writes && go run . [-driver sqlite|sqlite3] [-journal WAL|DELETE]
//
// It needs root, FUSE and Linux, and takes about four minutes. Each application is a
// process of its own. The figures are medians of -runs runs, in each of which all
// cases come in turn, since machines drift.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	if text := os.Getenv(workerEnv); text != "" {
		signal.Ignore(os.Interrupt)
		if err := runWorker(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.StringVar(&o.driver, "driver", "sqlite3", "the local driver: sqlite (modernc.org/sqlite) or sqlite3 (mattn/go-sqlite3)")
	flag.StringVar(&o.journal, "journal", "WAL", "the database's journal mode: WAL or DELETE")
	flag.IntVar(&o.runs, "runs", 5, "how often; the medians are printed. An odd number")
	flag.DurationVar(&o.each, "each", 2*time.Second, "how long each case is measured in each run")
	flag.StringVar(&o.only, "only", "", "measure only the cases whose name has this in it")
	flag.StringVar(&o.svg, "svg", "", "write a plot to this file")
	flag.BoolVar(&o.json, "json", false, "print JSON in place of the table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "writes:", err)
		os.Exit(1)
	}
}
