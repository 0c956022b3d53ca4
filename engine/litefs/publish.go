package litefs

import (
	"context"
	"errors"
	"log/slog"

	"github.com/litefwd/litefwd/engine"
)

// update changes the facts, and then all that follows from them: the term,
// the databases' histories, the tenure, and the State if it is another.
func (e *Engine) update(change func(f *facts)) {
	e.mu.Lock()
	f := &e.facts
	change(f)
	if at := f.at(); at != f.seen || f.term == 0 && f.connected || f.gap {
		f.seen, f.gap = at, false
		f.term++
		e.resolver.forget()
		for _, d := range e.databases {
			d.roleChanged()
		}
	}
	s := f.judge(func(host string) (string, error) { return e.resolve(host) })
	switch t := e.tenure.Load(); {
	case s.Role != engine.Primary:
		e.tenure.Store(nil)
	case t == nil || t.term != s.Term:
		e.tenure.Store(&tenure{term: s.Term})
	}
	old := e.snap.Load()
	changed := !same(old.state, s)
	if changed {
		e.snap.Store(&snapshot{state: s, changed: make(chan struct{})})
		close(old.changed)
	}
	close(e.stepped)
	e.stepped = make(chan struct{})
	e.mu.Unlock()
	if changed {
		e.log(old.state, s)
	}
}

func same(a, b engine.State) bool {
	return a.Role == b.Role && a.Primary == b.Primary && a.Term == b.Term && sameProblem(a.Problem, b.Problem)
}

// sameProblem compares texts, since Problems are made anew each time.
func sameProblem(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a == b || a.Error() == b.Error()
}

func (e *Engine) log(old, s engine.State) {
	attrs := []slog.Attr{
		slog.String("dir", e.dir), slog.String("role", s.Role.String()), slog.Uint64("term", s.Term),
		slog.String("primary", s.Primary.Name), slog.String("addr", s.Primary.Addr),
	}
	level, msg := slog.LevelDebug, "litefs: role" // the Node tells of roles
	switch {
	case s.Problem == errClosed:
		msg = "litefs: closed"
	case errors.Is(s.Problem, errElection), s.Problem == errResolving, errors.Is(s.Problem, errNotStarted):
		msg = "litefs: " + s.Problem.Error()
	case s.Problem != nil && !sameProblem(old.Problem, s.Problem):
		level, msg = slog.LevelWarn, "litefs: problem"
		attrs = append(attrs, slog.Any("err", s.Problem))
	case s.Problem == nil && old.Role == s.Role && old.Primary == s.Primary && old.Term == s.Term:
		msg = "litefs: problem is over"
	}
	e.opts.Logger.LogAttrs(context.Background(), level, msg, attrs...)
}

// tell logs a change of history. The node reports what it means.
func (e *Engine) tell(db string, c change) {
	if !c.told() {
		return
	}
	e.opts.Logger.LogAttrs(context.Background(), slog.LevelDebug, "litefs: history changed",
		slog.String("db", db), slog.String("why", c.lost.Why),
		slog.String("was", c.lost.Was.String()), slog.String("is", c.lost.Is.String()), slog.Bool("certain", c.lost.Certain))
}
