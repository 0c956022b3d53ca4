package litefstest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pollEvery is how often LiteFS, which signals little, is asked again.
const pollEvery = 5 * time.Millisecond

// stopError, returned by try, ends a Wait: trying again is useless.
type stopError struct{ error }

func (e stopError) Unwrap() error { return e.error }

// Wait calls try until it returns nil or ctx ends: for what LiteFS does not
// signal. Its error says what was waited for and why the last try failed.
func Wait(ctx context.Context, what string, try func(ctx context.Context) error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	begun := time.Now()
	last := errors.New("not tried")
	for {
		if ctx.Err() == nil {
			err := try(ctx)
			if err == nil {
				return nil
			}
			if ctx.Err() == nil {
				last = err // else it may be ctx's
			}
			if _, ok := errors.AsType[stopError](err); ok {
				return fmt.Errorf("waiting for %s: %w", what, err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v for %s: %w; last: %w", time.Since(begun).Round(time.Millisecond), what, context.Cause(ctx), last)
		case <-ticker.C:
		}
	}
}

// bounded runs f, which touches a mount, and does not wait for it longer than
// ctx allows: a frozen LiteFS lets it hang until that is thawed or killed.
func bounded[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1) // so that f's goroutine ends when f does
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var zero T
		return zero, fmt.Errorf("the mount does not answer: %w", context.Cause(ctx))
	}
}
