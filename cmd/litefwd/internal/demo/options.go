package demo

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

// The engines that the demo can show.
const (
	engineShared = "shared"
	engineLiteFS = "litefs"
)

// liteFSLines is how many lines are written with engine litefs, whose commits
// take several times as long, unless their number is given.
const liteFSLines = 2000

// minLines leaves room for a kill in the middle and a restart after it.
const minLines = 100

// Options say what the demo does.
type Options struct {
	// Lines is how many lines of the book are written; 0 is all, with engine
	// litefs liteFSLines.
	Lines int
	// Engine is engineShared or engineLiteFS, LiteFS the program for the latter;
	// "" for the one in the environment or in PATH.
	Engine, LiteFS string
	// Search is what is searched for at the end.
	Search string
	// Asked is set when Search was named, so that nobody is asked for it.
	Asked bool
	// Writers is how many writes each node is given at the same time.
	Writers int
	// Keep keeps the directory with the database and the nodes' logs.
	Keep bool
	// JSON prints the result as JSON; progress goes to standard error.
	JSON bool
	// NoKill and NoRestart leave out the failover, or the return of the
	// process that was killed.
	NoKill, NoRestart bool
	// Timeout bounds the whole demo, without the questions at its end.
	Timeout time.Duration
}

// ErrUsage is returned by ParseOptions after it has told the user what is
// wrong with the arguments.
var ErrUsage = errors.New("usage")

// Summary is the one line that "litefwd help" shows.
const Summary = "three processes, one database: write to all, kill the primary, count"

const usage = `litefwd demo: ` + Summary

const details = `
Starts three processes of a small HTTP application that share one SQLite
database in a temporary directory, writes a book to all three at once, kills
the primary with SIGKILL in the middle, and counts every line at the end.
Nothing is left behind.

With -engine litefs each process has a LiteFS of its own below it, as on a
server of its own, and so a copy of its own of the database; they share a
lease. First the primary role is moved to another server ("litefwd promote"),
then the primary server is killed, its process and its LiteFS, and the rows are
counted on each server's own copy. It needs Linux, FUSE and the litefs program.

The exit code is 0 if no line was lost or duplicated, all nodes agree and the
database is sound; 1 if not; 2 for wrong arguments; 130 when it was interrupted.

Flags:
`

// ParseOptions reads the arguments after "demo". For -h it prints the help to
// stdout and returns flag.ErrHelp.
func ParseOptions(args []string, stdout, stderr io.Writer) (Options, error) {
	var o Options
	flags := flag.NewFlagSet("litefwd demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed below, once
	flags.Usage = func() {}
	flags.IntVar(&o.Lines, "lines", 0, "write only the first `N` lines of the book (default all, with -engine litefs 2000)")
	flags.StringVar(&o.Engine, "engine", engineShared, "`NAME` of the engine: shared (one machine) or litefs (three servers)")
	flags.StringVar(&o.LiteFS, "litefs", "", "`PATH` of the litefs program, for -engine litefs (default: LITEFS_BIN, or litefs in PATH)")
	flags.StringVar(&o.Search, "search", "light", "search for `WORDS` at the end, and do not ask")
	flags.IntVar(&o.Writers, "writers", 4, "writes that each node is given at the same time")
	flags.BoolVar(&o.Keep, "keep", false, "keep the directory with the database and the nodes' logs")
	flags.BoolVar(&o.JSON, "json", false, "print the result as JSON, progress to standard error")
	flags.BoolVar(&o.NoKill, "no-kill", false, "do not kill the primary")
	flags.BoolVar(&o.NoRestart, "no-restart", false, "do not start the killed process again")
	flags.DurationVar(&o.Timeout, "timeout", 2*time.Minute, "give up after this `time`")

	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage, "\n", details)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return o, err
	}
	if err == nil {
		err = o.check(flags.Args())
	}
	if err != nil {
		fmt.Fprintf(stderr, "litefwd demo: %v\nRun \"litefwd demo -h\" for the flags.\n", err)
		return o, ErrUsage
	}
	if o.Lines == 0 && o.Engine == engineLiteFS {
		o.Lines = liteFSLines
	}
	flags.Visit(func(f *flag.Flag) { o.Asked = o.Asked || f.Name == "search" })
	return o, nil
}

func (o *Options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.Engine != engineShared && o.Engine != engineLiteFS:
		return fmt.Errorf("-engine %q is neither %q nor %q", o.Engine, engineShared, engineLiteFS)
	case o.LiteFS != "" && o.Engine != engineLiteFS:
		return errors.New("-litefs is for -engine litefs")
	case o.Lines != 0 && o.Lines < minLines:
		return fmt.Errorf("-lines %d is too few to kill a process in the middle of; use %d or more", o.Lines, minLines)
	case o.Writers < 1 || o.Writers > 256:
		return fmt.Errorf("-writers %d is not between 1 and 256", o.Writers)
	case o.Timeout <= 0:
		return fmt.Errorf("-timeout %v is not positive", o.Timeout)
	}
	return nil
}
