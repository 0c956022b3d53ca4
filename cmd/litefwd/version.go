package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

func runVersion(_ context.Context, args []string, std streams) int {
	if len(args) > 0 && args[0] != "-h" {
		fmt.Fprintf(std.err, "litefwd version: unexpected argument %q\n", args[0])
		return exitUsage
	}
	fmt.Fprintf(std.out, "litefwd %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}

// version is what the Go command recorded: a tag for "go install …@version",
// "(devel)" or a pseudo-version for a build in a checkout.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
