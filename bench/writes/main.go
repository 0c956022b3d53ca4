// Writes measures litefwd's writes on two real LiteFS nodes against the bare driver
// on the primary's mount, in one run, and prints ratios:
//
//	cd bench/writes && go run . [-driver sqlite|sqlite3] [-journal WAL|DELETE]
//
// It needs root, FUSE and Linux, and the litefs program (litefs in PATH, or
// LITEFS_BIN; "cd e2e/litefs && go build -o /tmp/litefs
// github.com/superfly/litefs/cmd/litefs"), and takes about five minutes. Each
// application is a process of its own. The figures are medians of -runs runs, in each
// of which all cases come in turn, since machines drift; runs below a second mislead.
//
// "× raw" is the rate over that of the first line, in the same run. The goals are the
// project's own. allocs are those of the callers' process, per write.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
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
	flag.StringVar(&o.only, "only", "", "measure only the cases whose name has this in it; contention: only the processes on one file")
	flag.StringVar(&o.svg, "svg", "", "write a plot to this file")
	flag.BoolVar(&o.json, "json", false, "print JSON in place of the table")
	flag.Parse()
	if err := o.check(flag.NArg()); err != nil {
		fmt.Fprintln(os.Stderr, "writes:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "writes:", err)
		os.Exit(1)
	}
}

// check refuses options that make no sense, before anything is measured.
func (o options) check(args int) error {
	switch {
	case args > 0:
		return fmt.Errorf("arguments are flags; -h lists them")
	case o.driver != "sqlite" && o.driver != "sqlite3":
		return fmt.Errorf("-driver %q is neither sqlite nor sqlite3", o.driver)
	case o.journal != "WAL" && o.journal != "DELETE":
		return fmt.Errorf("-journal %q is neither WAL nor DELETE", o.journal)
	case o.runs < 1 || o.runs%2 == 0:
		return fmt.Errorf("-runs %d is not an odd number", o.runs)
	case o.each < 10*time.Millisecond:
		return fmt.Errorf("-each %v is too short", o.each)
	case o.only != "contention" && !slices.ContainsFunc(cases(), func(b benchCase) bool { return strings.Contains(b.name, o.only) }):
		return fmt.Errorf("-only: no case has %q in its name", o.only)
	}
	if o.svg == "" {
		return nil
	}
	f, err := os.Create(o.svg)
	if err != nil {
		return err
	}
	return f.Close()
}
