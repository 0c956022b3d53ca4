package fault

import (
	"errors"
	"reflect"

	"github.com/litefwd/litefwd/engine"
)

// SQLError is an error of SQLite itself, the same whichever node it comes from.
type SQLError struct {
	// Code is the primary result code (https://www.sqlite.org/rescode.html).
	Code int
	// ExtendedCode is the extended result code; its low byte is Code. It has
	// the name that mattn/go-sqlite3 gives it, by which gorm looks for it.
	ExtendedCode int
	// Msg is the local driver's own text for the error.
	Msg string
	// Err is the local driver's own error when it happened on this node, what
	// Config.MapError made of a forwarded one, or nil.
	Err error

	// NothingRan: it is certain that nothing was executed, as the statement has
	// waited for its turn in vain (SQLITE_BUSY).
	NothingRan bool

	// after is what holds after the failure, or nil. Not part of what the error
	// means.
	after *Aftermath
}

// SafeToRetry reports whether the same statement can be run again without risk of
// doing it twice.
func (e *SQLError) SafeToRetry() bool { return e.NothingRan }

// Aftermath is what a statement that failed has left.
type Aftermath struct {
	// LastInsertID and Changes are what last_insert_rowid() and changes() of the
	// caller's connection are: SQLite sets both even then.
	LastInsertID, Changes int64
	// Position includes what was committed of the text all the same (earlier
	// statements, rows that OR FAIL keeps); zero if nothing was.
	Position engine.Position
}

// WithAftermath returns err with a, if it is a *SQLError.
func WithAftermath(err error, a Aftermath) error {
	e, ok := err.(*SQLError) //nolint:errorlint // a copy would lose what wraps it
	if !ok {
		return err
	}
	with := *e
	with.after = &a
	return &with
}

// AftermathOf returns what WithAftermath has added to err or to what it wraps.
func AftermathOf(err error) (a Aftermath, ok bool) {
	var e *SQLError
	if !errors.As(err, &e) || e.after == nil {
		return a, false
	}
	return *e.after, true
}

// Error returns the driver's text unchanged.
func (e *SQLError) Error() string { return e.Msg }

// Unwrap returns the local driver's own error, or nil.
func (e *SQLError) Unwrap() error { return e.Err }

// Is makes two SQLErrors equal when their extended codes are, so that a
// caller can write errors.Is(err, &SQLError{Code: 19, ExtendedCode: 2067}). With
// ExtendedCode zero in target only Code is compared.
func (e *SQLError) Is(target error) bool {
	t, ok := target.(*SQLError)
	return ok && t.Code == e.Code && (t.ExtendedCode == 0 || t.ExtendedCode == e.ExtendedCode)
}

// SQLite result codes that litefwd itself acts on.
const (
	CodeError     = 1
	CodeBusy      = 5
	CodeNoMem     = 7
	CodeReadOnly  = 8
	CodeInterrupt = 9
	CodeIOErr     = 10
	CodeFull      = 13
	CodeCorrupt   = 11
	CodeCantOpen  = 14
	CodeProtocol  = 15
	CodeNotADB    = 26
)

// OfStorage reports whether err is a failure of SQLite that comes from what is
// below it: a file that was replaced or cannot be reached, a mount that is dead.
func OfStorage(err error) bool {
	switch Code(err) {
	case CodeIOErr, CodeCorrupt, CodeCantOpen, CodeProtocol, CodeNotADB:
		return true
	}
	return false
}

// Busy is what a caller gets who waited too long for the write lock.
func Busy(msg string) *SQLError {
	return &SQLError{Code: CodeBusy, ExtendedCode: CodeBusy, Msg: msg}
}

// FromDriver turns an error of the local driver into a *SQLError that unwraps
// to it. An error that carries no SQLite code is returned as it is; so are nil
// and errors that already are, or wrap, a *SQLError or an *Error.
//
// Two shapes are known: a method Code() int that returns the extended code
// (modernc.org/sqlite), and a struct with integer fields Code and ExtendedCode
// (mattn/go-sqlite3). Neither package is imported.
func FromDriver(err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	var done *SQLError
	if errors.As(err, &own) || errors.As(err, &done) {
		return err
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if ext, ok := extendedCode(e); ok {
			return &SQLError{Code: ext & 0xff, ExtendedCode: ext, Msg: err.Error(), Err: err}
		}
	}
	return err
}

func extendedCode(err error) (int, bool) {
	if c, ok := err.(interface{ Code() int }); ok {
		return c.Code(), c.Code() != 0
	}
	v := reflect.ValueOf(err)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return 0, false
	}
	code, ext := v.FieldByName("Code"), v.FieldByName("ExtendedCode")
	if !code.IsValid() || !code.CanInt() || !ext.IsValid() || !ext.CanInt() {
		return 0, false
	}
	if ext.Int() != 0 {
		return int(ext.Int()), true
	}
	return int(code.Int()), code.Int() != 0
}

// Code returns the primary SQLite result code in err's chain, or 0.
func Code(err error) int {
	if err == nil {
		return 0
	}
	var e *SQLError
	if errors.As(FromDriver(err), &e) {
		return e.Code
	}
	return 0
}
