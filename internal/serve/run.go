package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// recovered is deferred around what runs for a caller: it turns a panic into
// an error for that caller alone, and logs it. Whether the statement ran is
// not known then.
func (s *Server) recovered(ctx context.Context, id string, set func(error)) {
	v := recover()
	if v == nil {
		return
	}
	s.opts.Logger.ErrorContext(ctx, "panic while running a forwarded statement",
		"req_id", id, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	e := fault.New(fault.OutcomeUnknown, "node %q panicked: %v", s.opts.Name, v)
	e.RequestID = id
	set(e)
}

// exec runs m outside a transaction.
func (s *Server) exec(ctx context.Context, m *wire.Statement, from *caller) (res forward.Result, err error) {
	st, target, err := s.resolve(ctx, m, "", from)
	if err != nil {
		return res, err
	}
	defer s.recovered(ctx, st.ID.String(), func(e error) { err = e })
	return target.Exec(ctx, st)
}

// submit is exec for a caller that does not wait; done is called once.
func (s *Server) submit(ctx context.Context, m *wire.Statement, sql string, from *caller, done func(forward.Result, error)) {
	st, target, err := s.resolve(ctx, m, sql, from)
	if err != nil {
		done(forward.Result{}, err)
		return
	}
	if t, ok := target.(forward.Submitter); ok {
		t.Submit(ctx, st, done)
		return
	}
	go func() { // ends with the statement
		var res forward.Result
		var err error
		defer func() { done(res, err) }()
		defer s.recovered(ctx, st.ID.String(), func(e error) { err = e })
		res, err = target.Exec(ctx, st)
	}()
}

// resolve decodes m, whose text is sql if it has come by its number, and finds what
// runs it.
func (s *Server) resolve(ctx context.Context, m *wire.Statement, sql string, from *caller) (st forward.Statement, target forward.Target, err error) {
	if st, err = m.Forward(); err != nil {
		return st, nil, refused(err, "")
	}
	if m.GetText() != 0 {
		st.SQL = sql
	}
	st.From = from.name()
	target, err = s.target(ctx, m.GetDatabase(), st.ID.String())
	return st, target, err
}

// target finds what runs the statement id.
func (s *Server) target(ctx context.Context, database []byte, id string) (t forward.Target, err error) {
	defer s.recovered(ctx, id, func(e error) { err = e })
	if t, err = s.opts.Resolve(ctx, string(database)); err != nil {
		return nil, refused(err, id)
	}
	return t, nil
}

// query is exec for a statement that may return rows.
func (s *Server) query(ctx context.Context, m *wire.Statement, from *caller) (rows forward.Rows, err error) {
	st, target, err := s.resolve(ctx, m, "", from)
	if err != nil {
		return nil, err
	}
	defer s.recovered(ctx, st.ID.String(), func(e error) { err = e })
	return target.Query(ctx, st)
}

// refused marks an error from before a statement ran as such. An error that
// is neither ours nor SQLite's becomes one of ours, or the caller would have to
// take it for a failure of unknown outcome.
func refused(err error, id string) error {
	var own *fault.Error
	var sql *fault.SQLError
	var e fault.Error
	switch {
	case errors.As(err, &own):
		e = *own
	case errors.As(err, &sql):
		return err
	default:
		e = *fault.New(fault.NoPrimary, "%w", err)
	}
	e.NothingRan = true
	e.RequestID = cmp.Or(e.RequestID, id)
	return &e
}
