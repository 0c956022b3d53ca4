package wire

import (
	"context"
	"errors"
	"math"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/litefwd/litefwd/internal/fault"
)

// maxText bounds an error's text: many must fit into a message, and a status
// into the header size that HTTP/2 peers accept.
const (
	maxText       = 8 << 10
	maxStatusText = 2 << 10
)

const (
	causeNone     = 0
	causeCanceled = 1
	causeDeadline = 2
)

// NewError converts err, which must not be nil.
func NewError(err error) *Error {
	m := &Error{}
	var own *fault.Error
	var sql *fault.SQLError
	switch {
	case errors.As(err, &own):
		m.Kind, m.Msg = uint32(own.Kind), []byte(own.Msg)
		m.RequestId, m.NothingRan, m.Committed = own.RequestID, own.NothingRan, own.Committed
	case errors.As(err, &sql):
		m.Msg, m.NothingRan = []byte(sql.Msg), sql.NothingRan
		m.Sql = &SQLCode{Code: int32(sql.Code), Extended: int32(sql.ExtendedCode)}
		if a, ok := fault.AftermathOf(sql); ok {
			m.Sql.Counters = &Counters{LastInsertId: a.LastInsertID, Changes: a.Changes, Position: newPosition(a.Position)}
		}
	default:
		m.Msg = []byte(err.Error())
	}
	switch {
	case errors.Is(err, context.Canceled):
		m.Cause = causeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		m.Cause = causeDeadline
	}
	m.Msg = m.Msg[:min(len(m.Msg), maxText)]
	return m
}

// Err is the inverse of NewError; a nil message is a nil error.
func (m *Error) Err() error {
	if m == nil {
		return nil
	}
	var cause error
	switch m.GetCause() {
	case causeCanceled:
		cause = context.Canceled
	case causeDeadline:
		cause = context.DeadlineExceeded
	}
	msg := string(m.GetMsg())
	switch {
	case m.GetSql() != nil:
		var err error = &fault.SQLError{
			Code: int(m.Sql.GetCode()), ExtendedCode: int(m.Sql.GetExtended()), Msg: msg, Err: cause,
			NothingRan: m.GetNothingRan(),
		}
		if c := m.Sql.GetCounters(); c != nil {
			err = fault.WithAftermath(err, fault.Aftermath{
				LastInsertID: c.GetLastInsertId(), Changes: c.GetChanges(), Position: c.GetPosition().forward(),
			})
		}
		return err
	case m.GetKind() != 0:
		return &fault.Error{
			// A later version may have more kinds; its number is kept.
			Kind: fault.Kind(min(m.GetKind(), math.MaxUint8)), Msg: msg, RequestID: m.GetRequestId(),
			NothingRan: m.GetNothingRan(), Committed: m.GetCommitted(), Err: cause,
		}
	case cause != nil && msg == cause.Error():
		return cause
	default:
		return &textError{text: msg, cause: cause}
	}
}

// textError is an error of the primary's driver that has neither a SQLite
// code nor a kind.
type textError struct {
	text  string
	cause error
}

func (e *textError) Error() string { return e.text }
func (e *textError) Unwrap() error { return e.cause }

// Status converts err, which must not be nil, to the gRPC error that refuses
// or ends a whole call.
func Status(err error) error {
	m := NewError(err)
	m.Msg = m.Msg[:min(len(m.Msg), maxStatusText)]
	code := codes.Unknown
	switch fault.Kind(m.Kind) {
	case fault.Auth:
		code = codes.PermissionDenied
	case fault.Protocol:
		code = codes.FailedPrecondition
	case fault.Overloaded, fault.TooLarge:
		code = codes.ResourceExhausted
	case fault.Closed, fault.NoPrimary, fault.NotPrimary:
		code = codes.Unavailable
	}
	st, detailErr := status.New(code, err.Error()[:min(len(err.Error()), maxStatusText)]).WithDetails(m)
	if detailErr != nil { // only for code OK
		return status.Error(codes.Internal, err.Error())
	}
	return st.Err()
}

// FromStatus returns the error that a peer put into a gRPC error with
// [Status], or nil if err is gRPC's own.
func FromStatus(err error) error {
	for _, d := range status.Convert(err).Details() {
		if m, ok := d.(*Error); ok {
			return m.Err()
		}
	}
	return nil
}
