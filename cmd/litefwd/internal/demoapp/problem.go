package demoapp

import (
	"errors"
	"net/http"

	"github.com/litefwd/litefwd"
)

// badRequest is an error of the HTTP client's making.
type badRequest struct{ error }

// rolledBack is an error inside a transaction that was not committed.
type rolledBack struct{ error }

func (e rolledBack) Unwrap() error { return e.error }

// problem says what to answer for err.
//
//	error                            status  what became of the write
//	the request makes no sense       400     not applied
//	safe to retry (no primary, …)    503     not applied
//	rolled back before COMMIT        500     not applied
//	SQLite's own (constraint, full)  500     not applied
//	anything else                    504     unknown
func problem(err error) (status int, body *Problem) {
	var (
		bad  badRequest
		back rolledBack
		own  *litefwd.SQLError
	)
	body = &Problem{Text: err.Error(), Fate: NotApplied}
	switch {
	case errors.As(err, &bad):
		return http.StatusBadRequest, body
	case litefwd.SafeToRetry(err):
		return http.StatusServiceUnavailable, body
	case errors.As(err, &back), errors.As(err, &own):
		return http.StatusInternalServerError, body
	}
	body.Fate = Unknown
	return http.StatusGatewayTimeout, body
}
