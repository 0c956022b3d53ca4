package shared

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// The defaults of [Options].
const (
	DefaultRetry      = 25 * time.Millisecond
	DefaultHeartbeat  = 500 * time.Millisecond
	DefaultStaleAfter = 3 * time.Second
)

// After Suspect the lock is tried this often for this long: a killed process
// releases its lock within a few milliseconds of its connections.
const (
	burstInterval = time.Millisecond
	burstLength   = 100 * time.Millisecond
)

// addressWait is how long Start waits for the address of a primary that
// already holds the lock; publishing it takes far less than a millisecond.
const addressWait = 250 * time.Millisecond

// Options adjusts an [Engine]. The zero value is the default.
type Options struct {
	// Logger hears of role changes (Info) and of trouble (Warn). Default:
	// discard.
	Logger *slog.Logger
	// Retry is how often a node that is not primary looks at the lock; a
	// fifth of it is jitter. Default 25 ms. It bounds how long a takeover
	// takes that nobody suspected.
	Retry time.Duration
	// Heartbeat is how often the primary shows that it is alive and checks
	// that it still is primary. Default 500 ms. All processes of a directory
	// should use the same.
	Heartbeat time.Duration
	// StaleAfter is how long the primary may show no sign of life before
	// that is reported. Default 3 s; at least two heartbeats.
	StaleAfter time.Duration
}

func (o Options) normalize() (Options, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"Retry", o.Retry}, {"Heartbeat", o.Heartbeat}, {"StaleAfter", o.StaleAfter}} {
		if f.value < 0 {
			return o, fault.New(fault.Config, "shared.Options.%s is %s; it must not be negative", f.name, f.value)
		}
	}
	o.Retry = cmp.Or(o.Retry, DefaultRetry)
	o.Heartbeat = cmp.Or(o.Heartbeat, DefaultHeartbeat)
	o.StaleAfter = cmp.Or(o.StaleAfter, max(DefaultStaleAfter, 2*o.Heartbeat))
	if o.StaleAfter < 2*o.Heartbeat {
		return o, fault.New(fault.Config,
			"shared.Options.StaleAfter is %s; it must be at least two heartbeats of %s", o.StaleAfter, o.Heartbeat)
	}
	return o, nil
}
