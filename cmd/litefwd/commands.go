package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demo"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/promote"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports the end by SIGINT
)

// streams are the program's standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of the tool's commands.
type command struct {
	name    string
	summary string // "" hides it from the help
	run     func(ctx context.Context, args []string, std streams) int
}

// nodeCommand is what "litefwd demo" starts itself with.
const nodeCommand = "demo-node"

// commands returns the commands in the order of the help.
func commands() []command {
	return []command{
		{"demo", demo.Summary, runDemo},
		{"promote", promote.Summary, runPromote},
		{"version", "the version of this program", runVersion},
		{"help", "this text", runHelp},
		{nodeCommand, "", runNode},
	}
}

// run runs the command that args name and returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	if len(args) == 0 {
		return runHelp(ctx, nil, std)
	}
	name := args[0]
	switch name {
	case "-h", "-help", "--help":
		name = "help"
	case "-v", "-version", "--version":
		name = "version"
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, args[1:], std)
		}
	}
	fmt.Fprintf(std.err, "litefwd: there is no command %q%s\nRun \"litefwd help\" for the commands.\n", name, hint(name))
	return exitUsage
}

func runHelp(ctx context.Context, args []string, std streams) int {
	if len(args) > 0 && args[0] != "help" && !strings.HasPrefix(args[0], "-") {
		return run(ctx, []string{args[0], "-h"}, std)
	}
	fmt.Fprint(std.out, "litefwd: write to any node of a replicated SQLite database\n\nCommands:\n")
	for _, c := range commands() {
		if c.summary != "" {
			fmt.Fprintf(std.out, "  %-9s %s\n", c.name, c.summary)
		}
	}
	fmt.Fprint(std.out, "\n\"litefwd demo -h\" shows the flags of a command.\nTry: litefwd demo\n")
	return exitOK
}

func runDemo(ctx context.Context, args []string, std streams) int {
	options, err := demo.ParseOptions(args, std.out, std.err)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	exe, err := os.Executable()
	if err == nil {
		err = demo.Run(ctx, options, exe, []string{nodeCommand}, std.in, std.out, std.err)
	}
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil && !errors.Is(err, demo.ErrWrong) && !errors.Is(err, demo.ErrLeft):
		fmt.Fprintln(std.err, "litefwd demo: interrupted; all processes are ended")
		return exitInterrupted
	}
	fmt.Fprintf(std.err, "litefwd demo: %v\n", err)
	return exitFailed
}

func runPromote(ctx context.Context, args []string, std streams) int {
	options, err := promote.ParseOptions(args, std.out, std.err)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	outcome, err := promote.Run(ctx, options, std.out, std.err)
	switch {
	case err != nil: // nobody reads the output
		fmt.Fprintf(std.err, "litefwd promote: %v\n", err)
		return exitFailed
	case outcome.OK():
		return exitOK
	case ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFailed
}

func runNode(_ context.Context, args []string, std streams) int {
	return demoapp.Main(args, demoapp.Open, std.in, std.out, std.err)
}
