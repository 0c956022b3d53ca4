package litefwd

import (
	"context"
	"time"
)

type awaitKey struct{}

// WithAwait returns a context whose writes return as a says, instead of as
// Config.Await says. For a transaction, BeginTx's context counts.
func WithAwait(ctx context.Context, a Await) context.Context {
	return context.WithValue(ctx, awaitKey{}, a)
}

type txLimitsKey struct{}

type txLimits struct{ idle, total time.Duration }

// WithTxLimits returns a context for BeginTx whose transaction is rolled back
// when it rests for longer than idle, or lasts longer than total. The
// primary's own limits hold too; zero leaves one as it is.
func WithTxLimits(ctx context.Context, idle, total time.Duration) context.Context {
	return context.WithValue(ctx, txLimitsKey{}, txLimits{idle, total})
}

func txLimitsFrom(ctx context.Context) txLimits {
	l, _ := ctx.Value(txLimitsKey{}).(txLimits)
	return l
}
