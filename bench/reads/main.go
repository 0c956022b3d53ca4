// Reads measures litefwd's local reads on two real LiteFS nodes against the bare
// driver on the same mounts, in one run, and prints ratios:
//
//	make bench-reads READS='[-driver sqlite|sqlite3] [-journal WAL|DELETE] [-commits litefwd|bare]'
//
// It needs root, FUSE and Linux, and the litefs program (litefs in PATH, or
// LITEFS_BIN), and takes about five minutes. The figures are medians of -runs runs,
// in each of which the sides of all cases come in turn, since machines drift. The
// goals are the project's own.
//
// The bare driver with 16 goroutines has two rates: SQLite asks the mount for no lock
// that another connection of the process holds, so while the reads overlap without a
// gap they run in memory, at five to ten times its usual rate. On the primary that is
// the rule, on a replica one run in nine. Runs of less than a second mislead.
//
// Each side has processes of its own, which are ended before the next one starts:
// one that reads, with litefwd or the bare driver, and one that commits on the
// primary. The bare side has no litefwd anywhere. On litefwd's side a node of it runs
// on the primary in every case, since a replica's node learns from it how far the
// primary is. That node commits, and on the primary it reads too, as an application
// would; -commits bare makes the commits with the bare driver in another process, so
// that they are not litefwd's own.
//
// lag is the time from a commit's return on the primary until the replica's LiteFS sends
// the event of having applied it; where readers stop replication it is as long as they
// read. A side ends when the replica has everything.
package main

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"time"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

type options struct {
	rig.Options
	commits string
	hot     int
	long    bool
	only    *regexp.Regexp
}

func main() {
	var o options
	rig.Main("reads", obey, func() error {
		o.Flags("measure only the cases whose name this regular expression matches")
		flag.StringVar(&o.commits, "commits", "litefwd", "what commits on the primary on litefwd's side: litefwd or bare (the bare driver, in another process)")
		flag.IntVar(&o.hot, "hot", 1000, fmt.Sprintf("how many of the %d rows point reads choose from, and commits change: after each commit SQLite reads their pages again", rows))
		flag.BoolVar(&o.long, "long", false, fmt.Sprintf("only measure the size of the primary's WAL while it is read, for %v a side", longFor))
		flag.Parse()
		return o.check()
	}, func(ctx context.Context) error { return run(ctx, o) })
}

// check refuses options that make no sense.
func (o *options) check() (err error) {
	if err := o.Check(); err != nil {
		return err
	}
	if o.only, err = regexp.Compile(o.Only); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	chosen := func(name string) bool { return o.only.MatchString(name) }
	switch {
	case o.hot < 1 || o.hot > rows:
		return fmt.Errorf("-hot %d is not from 1 to %d", o.hot, rows)
	case o.commits != "litefwd" && o.commits != "bare":
		return fmt.Errorf("-commits %q is neither litefwd nor bare", o.commits)
	case !slices.ContainsFunc(cases(), func(b benchCase) bool { return chosen(b.name) }):
		return fmt.Errorf("-only: no case has a name like %q", o.Only)
	case o.long && (o.Journal != "WAL" || o.SVG != "" || o.JSON || o.Only != ""):
		return fmt.Errorf("-long is about the WAL only, and prints text")
	case o.SVG != "" && !chosen(plotted):
		return fmt.Errorf("-svg draws the case %q, which -only leaves out", plotted)
	}
	return o.CheckSVG()
}

const longFor = time.Minute
