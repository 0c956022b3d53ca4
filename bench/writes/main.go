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
	"slices"
	"strings"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

func main() {
	var o rig.Options
	rig.Main("writes", obey, func() error {
		o.Flags("measure only the cases whose name has this in it; contention: only the processes on one file")
		flag.Parse()
		return check(o)
	}, func(ctx context.Context) error { return run(ctx, o) })
}

// check refuses options that make no sense.
func check(o rig.Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	if o.Only != "contention" && !slices.ContainsFunc(cases(), func(b benchCase) bool { return strings.Contains(b.name, o.Only) }) {
		return fmt.Errorf("-only: no case has %q in its name", o.Only)
	}
	return o.CheckSVG()
}
