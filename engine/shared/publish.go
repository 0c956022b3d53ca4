//go:build linux || darwin || freebsd

package shared

import (
	"context"
	"log/slog"

	"github.com/litefwd/litefwd/engine"
)

// publish makes s the State if it differs from the present one. It is called
// by whoever owns the node at the moment, never by two at once.
func (e *Engine) publish(s engine.State) {
	old := e.snap.Load()
	if old.state.Role == s.Role && old.state.Primary == s.Primary && old.state.Term == s.Term &&
		sameProblem(old.state.Problem, s.Problem) {
		return
	}
	e.snap.Store(&snapshot{state: s, changed: make(chan struct{})})
	close(old.changed)
	e.log(old.state, s)
}

// sameProblem compares texts, since most Problems are made anew each turn.
func sameProblem(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a == b || a.Error() == b.Error()
}

func (e *Engine) log(old, s engine.State) {
	attrs := []slog.Attr{
		slog.String("node", e.node.self.Name), slog.String("dir", e.place.dir),
		slog.String("role", s.Role.String()), slog.Uint64("term", s.Term),
		slog.String("primary", s.Primary.Name), slog.String("addr", s.Primary.Addr),
	}
	level, msg := slog.LevelDebug, "shared: role" // the Node tells of roles
	switch {
	case s.Problem == errClosed, s.Problem == errUnpublished:
		level, msg = slog.LevelDebug, "shared: "+s.Problem.Error()
	case s.Problem != nil && !sameProblem(old.Problem, s.Problem):
		level, msg = slog.LevelWarn, "shared: problem"
		attrs = append(attrs, slog.Any("err", s.Problem))
	case s.Problem == nil && old.Role == s.Role && old.Primary == s.Primary && old.Term == s.Term:
		msg = "shared: problem is over"
	}
	e.opts.Logger.LogAttrs(context.Background(), level, msg, attrs...)
}
