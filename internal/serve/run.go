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
func (s *Server) exec(ctx context.Context, m *wire.Statement) (res forward.Result, err error) {
	st, err := m.Forward()
	if err != nil {
		return res, refused(err, "")
	}
	id := st.ID.String()
	defer s.recovered(ctx, id, func(e error) { err = e })
	target, err := s.opts.Resolve(ctx, string(m.GetDatabase()))
	if err != nil {
		return res, refused(err, id)
	}
	return target.Exec(ctx, st)
}

// query is exec for a statement that may return rows.
func (s *Server) query(ctx context.Context, m *wire.Statement) (rows forward.Rows, err error) {
	st, err := m.Forward()
	if err != nil {
		return nil, refused(err, "")
	}
	id := st.ID.String()
	defer s.recovered(ctx, id, func(e error) { err = e })
	target, err := s.opts.Resolve(ctx, string(m.GetDatabase()))
	if err != nil {
		return nil, refused(err, id)
	}
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
