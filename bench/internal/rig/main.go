package rig

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main is the benchmark's main: in a worker it obeys until the parent is done, else
// it runs until Ctrl-C. options reads the flags.
func Main[Order, Report any](name string, obey func(*Worker, Order) (Report, error), options func() error, run func(context.Context) error) {
	if text := os.Getenv(workerEnv); text != "" {
		signal.Ignore(os.Interrupt) // the parent's matter
		endIf(serve(text, obey), name+" (worker)", 1)
		return
	}
	endIf(options(), name, 2)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err) // what follows from it is of less interest
	}
	endIf(err, name, 1)
}

// endIf ends the program if err is an error.
func endIf(err error, name string, code int) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(code)
	}
}
