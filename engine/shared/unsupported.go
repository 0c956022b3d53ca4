//go:build !linux && !darwin && !freebsd

package shared

import (
	"context"
	"runtime"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Engine exists here only so that programs compile; Open refuses.
type Engine struct{ _ struct{} }

var (
	_ engine.Engine   = (*Engine)(nil)
	_ engine.Secreter = (*Engine)(nil)
)

// Open returns an error: this system has no lock that the engine knows.
func Open(string, Options) (*Engine, error) { return nil, errSystem() }

func errSystem() error {
	return fault.Refuse(fault.Unsupported,
		"engine shared runs on Linux, macOS and FreeBSD, not on %s", runtime.GOOS)
}

// Start returns the error that Open does.
func (*Engine) Start(context.Context, engine.Self) error { return errSystem() }

// Watch returns the error that Open does as the Problem.
func (*Engine) Watch() (engine.State, <-chan struct{}) {
	return engine.State{Problem: errSystem()}, nil
}

// Suspect does nothing.
func (*Engine) Suspect() {}

// Database returns the error that Open does.
func (*Engine) Database(string) (engine.Database, error) { return nil, errSystem() }

// Cluster returns "".
func (*Engine) Cluster() string { return "" }

// Secret returns the error that Open does.
func (*Engine) Secret() ([]byte, error) { return nil, errSystem() }

// Close does nothing.
func (*Engine) Close() error { return nil }
