package link

import (
	"bytes"
	"context"
	"errors"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// lost makes the error of a request whose stream broke, and fails the
// transaction: the primary rolls it back when it notices.
func (t *tx) lost(ctx context.Context, req *wire.TxRequest, sent bool, err error) error {
	wasOpen := t.open
	t.finish()
	if said := wire.FromStatus(err); said != nil {
		t.failed = said
		return said
	}
	if !sent && req.GetBegin() != nil {
		if ctx.Err() != nil {
			t.failed = fault.Refuse(fault.TxExpired, "%w before the transaction began", ctx.Err())
			return ctx.Err()
		}
		t.failed = t.peer.notSent(err)
		return t.failed
	}
	why := text(err)
	if ctx.Err() != nil {
		why = "the statement's context ended"
	}
	expired := withID(fault.New(fault.TxExpired, "the connection of the transaction on %s is gone (%s); "+
		"the primary rolls it back", t.peer.opts.Addr, why), t.opts.ID[:])
	expired.Err = ctx.Err()
	t.failed = expired
	if sent && t.mayHaveCommitted(req, wasOpen) {
		id := t.opts.ID[:]
		if st := req.GetStatement(); st != nil && !wasOpen {
			id = st.GetId()
		}
		e := withID(fault.New(fault.OutcomeUnknown, "the connection to %s broke before COMMIT was answered (%s); "+
			"the transaction may or may not be committed", t.peer.opts.Addr, why), id)
		e.Err = ctx.Err()
		t.failed = e
	}
	return t.failed
}

// mayHaveCommitted reports whether req can have made something permanent.
func (t *tx) mayHaveCommitted(req *wire.TxRequest, wasOpen bool) bool {
	if t.opts.ReadOnly {
		return false
	}
	switch req.GetOp() {
	case wire.TxOp_TX_OP_COMMIT:
		return true
	case wire.TxOp_TX_OP_EXEC, wire.TxOp_TX_OP_QUERY:
		st := req.GetStatement()
		if st.GetReadOnly() {
			return false
		}
		// Without an open transaction a statement commits by itself.
		return !wasOpen && req.GetBegin() == nil || mentionsEnd(st.GetSql())
	default:
		return false
	}
}

// mentionsEnd reports whether text could contain COMMIT, END or RELEASE. It is
// asked only about lost statements; to say yes once too often is safe.
func mentionsEnd(sql []byte) bool {
	upper := bytes.ToUpper(sql)
	for _, word := range []string{"COMMIT", "END", "RELEASE"} {
		if bytes.Contains(upper, []byte(word)) {
			return true
		}
	}
	return false
}

func isExpired(err error) bool { return errors.Is(err, fault.TxExpired) }

func isCommitted(err error) bool {
	var e *fault.Error
	return errors.As(err, &e) && (e.Committed || e.Kind == fault.OutcomeUnknown)
}
