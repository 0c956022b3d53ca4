package rig

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"
)

// Options are the flags that the benchmarks share.
type Options struct {
	Driver, Journal string
	Runs            int
	Each            time.Duration
	Only, SVG       string
	JSON            bool
}

// Flags defines them; only is the usage of -only.
func (o *Options) Flags(only string) {
	flag.StringVar(&o.Driver, "driver", "sqlite3", "the local driver: sqlite (modernc.org/sqlite) or sqlite3 (mattn/go-sqlite3)")
	flag.StringVar(&o.Journal, "journal", "WAL", "the database's journal mode: WAL or DELETE")
	flag.IntVar(&o.Runs, "runs", 5, "how often; the medians are printed. An odd number")
	flag.DurationVar(&o.Each, "each", 2*time.Second, "how long each case is measured in each run")
	flag.StringVar(&o.Only, "only", "", only)
	flag.StringVar(&o.SVG, "svg", "", "write a plot to this file")
	flag.BoolVar(&o.JSON, "json", false, "print JSON in place of the table")
}

// Check refuses options that make no sense, before anything is measured. What Only
// may be is the benchmark's matter.
func (o Options) Check() error {
	switch {
	case flag.NArg() > 0:
		return errors.New("arguments are flags; -h lists them")
	case o.Driver != "sqlite" && o.Driver != "sqlite3":
		return fmt.Errorf("-driver %q is neither sqlite nor sqlite3", o.Driver)
	case o.Journal != "WAL" && o.Journal != "DELETE":
		return fmt.Errorf("-journal %q is neither WAL nor DELETE", o.Journal)
	case o.Runs < 1 || o.Runs%2 == 0:
		return fmt.Errorf("-runs %d is not an odd number", o.Runs)
	case o.Each < 10*time.Millisecond:
		return fmt.Errorf("-each %v is too short", o.Each)
	}
	return nil
}

// CheckSVG makes the plot's file: a path that cannot be written is found now, not
// after five minutes.
func (o Options) CheckSVG() error {
	if o.SVG == "" {
		return nil
	}
	f, err := os.Create(o.SVG)
	if err != nil {
		return err
	}
	return f.Close()
}

// Progress says on a terminal what is being measured in run, counted from 0.
func (o Options) Progress(run int, name string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[Krun %d of %d: %s", run+1, o.Runs, name)
	}
}
