// Package fault defines the errors that litefwd itself raises. The root
// package re-exports them; internal packages and the wire format share them,
// so that an error keeps its meaning from whichever node it comes.
package fault

import (
	"errors"
	"fmt"
)

// Kind is one class of litefwd error. A Kind is itself an error, so that
// errors.Is(err, fault.NoPrimary) works for every *Error of that kind.
//
// The numbers travel on the wire: never reuse or reorder them.
type Kind uint8

const (
	// NoPrimary: no node is known to be primary, or it cannot be reached.
	NoPrimary Kind = iota + 1
	// NotPrimary: the node that was asked is not the primary; nothing ran.
	NotPrimary
	// ReplicaBehind: the local copy has not reached a position that the
	// caller must see.
	ReplicaBehind
	// TxExpired: the primary rolled the transaction back (idle or total
	// limit, lost connection, or loss of the role).
	TxExpired
	// OutcomeUnknown: the statement may or may not have been committed.
	OutcomeUnknown
	// Unsupported: the statement cannot be run by litefwd; Msg says why.
	Unsupported
	// TooLarge: a message or a result exceeds its configured limit.
	TooLarge
	// Auth: the peer is not who it must be (secret, certificate, cluster).
	Auth
	// Overloaded: a limit on open transactions, statements or queue length.
	Overloaded
	// HistoryChanged: the database's history was replaced; a position that
	// was waited for no longer exists.
	HistoryChanged
	// Closed: the node is shut down or shutting down.
	Closed
	// Config: a configuration value is missing, unknown or contradictory.
	Config
	// Protocol: a peer sent something that is not part of the protocol.
	Protocol
	// ReadTooLong: a local read held replication up for longer than is allowed.
	ReadTooLong
)

var kindText = map[Kind]string{
	NoPrimary:      "no primary",
	NotPrimary:     "not primary",
	ReplicaBehind:  "replica behind",
	TxExpired:      "transaction expired",
	OutcomeUnknown: "outcome unknown",
	Unsupported:    "unsupported",
	TooLarge:       "message too large",
	Auth:           "authentication refused",
	Overloaded:     "overloaded",
	HistoryChanged: "history changed",
	Closed:         "closed",
	Config:         "configuration",
	Protocol:       "protocol error",
	ReadTooLong:    "read too long",
}

// Error returns the kind's plain name.
func (k Kind) Error() string {
	if s, ok := kindText[k]; ok {
		return s
	}
	return fmt.Sprintf("litefwd error kind %d", uint8(k))
}

// Error is an error of litefwd itself (SQLite's own are *SQLError).
type Error struct {
	Kind Kind
	// Msg says what happened, to what, and what to do.
	Msg string
	// RequestID is the forwarded statement's id in hexadecimal, or "".
	RequestID string
	// NothingRan is set where it is certain that no statement was executed,
	// so that running it again cannot duplicate a write.
	NothingRan bool
	// Committed is set where the statement is certain to be committed and
	// only what comes after it failed (waiting for the local copy).
	Committed bool
	// Err is the cause, or nil. It does not travel between nodes.
	Err error
}

// New returns an error of kind k; the format follows fmt.Errorf, including %w.
func New(k Kind, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: k, Msg: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}

// Refuse is New for a refusal: nothing has run.
func Refuse(k Kind, format string, args ...any) *Error {
	e := New(k, format, args...)
	e.NothingRan = true
	return e
}

// Error implements error.
func (e *Error) Error() string {
	s := "litefwd: " + e.Kind.Error()
	if e.Msg != "" {
		s += ": " + e.Msg
	}
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

// Is reports whether target is this error's Kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// SafeToRetry reports whether it is certain that nothing ran.
func (e *Error) SafeToRetry() bool { return e.NothingRan }

// SafeToRetry reports whether err, or an error it wraps, says that nothing ran.
func SafeToRetry(err error) bool {
	var s interface{ SafeToRetry() bool }
	return errors.As(err, &s) && s.SafeToRetry()
}

// SomethingRan takes the promise that nothing ran out of err, for a text of
// which earlier statements have run.
func SomethingRan(err error) error {
	var e *Error
	if !errors.As(err, &e) || !e.NothingRan {
		return err
	}
	changed := *e
	changed.NothingRan = false
	changed.Msg += "; earlier statements of the text have run"
	return &changed
}
