package litefwd

import (
	"github.com/litefwd/litefwd/internal/fault"
)

// Errors of litefwd itself. Test for them with errors.Is; the error that is
// returned is an *Error, whose text says what happened and what to do.
var (
	// ErrNoPrimary: no primary is known or reachable within Config.PrimaryWait.
	// Nothing ran.
	ErrNoPrimary error = fault.NoPrimary
	// ErrNotPrimary: a node that is not the primary was asked to write and
	// refused. litefwd retries it by itself; it reaches a caller only inside
	// another error or from a node that was shut down.
	ErrNotPrimary error = fault.NotPrimary
	// ErrReplicaBehind: the local copy has not caught up with a write of this
	// process. With Config.Strict it comes from the write itself, which is
	// committed all the same (Error.Committed).
	ErrReplicaBehind error = fault.ReplicaBehind
	// ErrTxExpired: the primary rolled the transaction back. Run it again.
	ErrTxExpired error = fault.TxExpired
	// ErrOutcomeUnknown: the write may or may not have been committed.
	// Error.RequestID identifies it; ask [Node.Outcome].
	ErrOutcomeUnknown error = fault.OutcomeUnknown
	// ErrUnsupported: the statement cannot be run by litefwd; nothing ran.
	ErrUnsupported error = fault.Unsupported
	// ErrTooLarge: a statement, row or collected result exceeds its limit.
	ErrTooLarge error = fault.TooLarge
	// ErrAuth: the other node has another secret, certificate or cluster.
	ErrAuth error = fault.Auth
	// ErrOverloaded: a limit on concurrent work was reached; nothing ran.
	ErrOverloaded error = fault.Overloaded
	// ErrHistoryChanged: a failover replaced the history that was waited for.
	ErrHistoryChanged error = fault.HistoryChanged
	// ErrClosed: the node was closed.
	ErrClosed error = fault.Closed
	// ErrConfig: a Config field or DSN key is unknown, missing or contradictory.
	ErrConfig error = fault.Config
	// ErrReadTooLong: a local read or a read-only transaction took longer than
	// Config.MaxLocalRead and was interrupted.
	ErrReadTooLong error = fault.ReadTooLong
	// ErrProtocol: the other node does not speak this version's protocol.
	ErrProtocol error = fault.Protocol
)

// Error is an error of litefwd itself. Its fields:
//
//	Kind       one of the Err values above, for errors.Is
//	Msg        what happened, to what, and what to do
//	RequestID  of a forwarded write, for Node.Outcome; "" if there is none
//	NothingRan it is certain that nothing was executed
//	Committed  it is certain that the write is committed
//
// Its method SafeToRetry returns NothingRan. That is about the one statement:
// after ErrTxExpired the whole transaction is run again.
type Error = fault.Error

// SQLError is an error of SQLite. Its fields:
//
//	Code         the primary result code, such as 19 (SQLITE_CONSTRAINT)
//	ExtendedCode such as 2067 (SQLITE_CONSTRAINT_UNIQUE)
//	Msg          the local driver's text
//
// errors.Is(err, &SQLError{Code: 19}) compares the code, and the extended one
// if it is set. Codes and text are the same on whichever node the statement
// ran. When it ran on this node, Unwrap returns the local driver's own error;
// for a forwarded statement it returns what Config.MapError made of it.
type SQLError = fault.SQLError

// SafeToRetry reports whether err says that nothing ran, so that the same
// statement can be run again without risk of doing it twice.
func SafeToRetry(err error) bool { return fault.SafeToRetry(err) }

// configError names the key that is wrong.
func configError(key, format string, args ...any) error {
	e := fault.New(fault.Config, format, args...)
	e.Msg = key + ": " + e.Msg
	return e
}

// firstError returns the first error that is not nil, as it is: errors.Join
// would wrap even a single one.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
