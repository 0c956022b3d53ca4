package wire

import (
	"context"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// NewStatement converts st for the database named; the caller's remaining
// time is taken from ctx. The session is left out inside a transaction, for
// which database is "".
//
// An argument that cannot travel is an error of kind fault.Unsupported.
func NewStatement(ctx context.Context, database string, st forward.Statement) (*Statement, error) {
	args, err := packArgs(st.Args)
	if err != nil {
		err.(*fault.Error).RequestID = st.ID.String()
		return nil, err
	}
	m := &Statement{
		Id: st.ID[:], Sql: []byte(st.SQL), Args: args,
		TimeoutNs: Timeout(ctx), ReadOnly: st.ReadOnly,
	}
	if database != "" {
		m.Database = []byte(database)
		m.Session = newSession(st.Session)
	}
	return m, nil
}

// Forward is the inverse of NewStatement. A text that travels by its number is left
// out, see Texts.
func (m *Statement) Forward() (st forward.Statement, err error) {
	if st.ID, err = NewID(m.GetId()); err != nil {
		return st, err
	}
	if st.Args, err = unpackArgs(m.GetArgs()); err != nil {
		return st, err
	}
	st.SQL = string(m.GetSql())
	st.Session = m.GetSession().forward()
	st.ReadOnly = m.GetReadOnly()
	return st, nil
}

// NewID checks and converts a request id.
func NewID(b []byte) (id forward.ID, err error) {
	if len(b) != len(id) {
		return id, fault.Refuse(fault.Protocol, "request id has %d bytes, want %d", len(b), len(id))
	}
	return forward.ID(b), nil
}

// maxMargin bounds the share of a deadline that is kept for the way back.
const maxMargin = 100 * time.Millisecond

// Timeout returns what a timeout_ns field gets of ctx's deadline: at least 1
// if there is a deadline, 0 if there is none.
//
// It is a tenth less than what is left, so that the primary gives up first and
// its answer, which says what became of the statement, comes in time. Else
// every deadline that passes would be an unknown outcome.
func Timeout(ctx context.Context) int64 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	left := time.Until(deadline)
	return max(1, int64(left-min(left/10, maxMargin)))
}

// WithTimeout is the inverse of [Timeout].
func WithTimeout(ctx context.Context, ns int64) (context.Context, context.CancelFunc) {
	if ns <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(ns))
}

func newSession(s forward.Session) *Session {
	if len(s.Pragmas) == 0 && s.LastInsertID == 0 && s.Changes == 0 {
		return nil
	}
	m := &Session{LastInsertId: s.LastInsertID, Changes: s.Changes}
	for name, value := range s.Pragmas {
		m.Pragmas = append(m.Pragmas, &Pragma{Name: []byte(name), Value: []byte(value)})
	}
	return m
}

func (m *Session) forward() forward.Session {
	s := forward.Session{LastInsertID: m.GetLastInsertId(), Changes: m.GetChanges()}
	if len(m.GetPragmas()) > 0 {
		s.Pragmas = make(map[string]string, len(m.GetPragmas()))
		for _, p := range m.GetPragmas() {
			s.Pragmas[string(p.GetName())] = string(p.GetValue())
		}
	}
	return s
}

// NewBegin converts a transaction's options.
func NewBegin(database string, o forward.TxOptions) *Begin {
	return &Begin{
		Id: o.ID[:], Database: []byte(database), Session: newSession(o.Session),
		ReadOnly: o.ReadOnly, Mode: o.Mode,
		IdleLimitNs: int64(o.IdleLimit), TotalLimitNs: int64(o.TotalLimit),
	}
}

// Forward is the inverse of NewBegin.
func (m *Begin) Forward() (o forward.TxOptions, err error) {
	if o.ID, err = NewID(m.GetId()); err != nil {
		return o, err
	}
	o.Session = m.GetSession().forward()
	o.ReadOnly, o.Mode = m.GetReadOnly(), m.GetMode()
	o.IdleLimit = max(0, time.Duration(m.GetIdleLimitNs()))
	o.TotalLimit = max(0, time.Duration(m.GetTotalLimitNs()))
	return o, nil
}

// NewResult converts a result.
func NewResult(r forward.Result) *Result {
	return &Result{
		LastInsertId: r.LastInsertID, RowsAffected: r.RowsAffected, Changed: r.Changed,
		Position: newPosition(r.Position),
	}
}

// Forward is the inverse of NewResult; a nil message is the zero Result.
func (m *Result) Forward() forward.Result {
	return forward.Result{
		LastInsertID: m.GetLastInsertId(), RowsAffected: m.GetRowsAffected(), Changed: m.GetChanged(),
		Position: m.GetPosition().forward(),
	}
}
