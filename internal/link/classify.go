package link

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// unsent makes the error of a statement that the other node has not got over a
// link that ended, or could not be opened, because of err.
func (p *Peer) unsent(err error) error {
	var own *fault.Error
	switch {
	case p.ctx.Err() != nil:
		return fault.Refuse(fault.Closed, "the connection to %s is closed", p.opts.Addr)
	case errors.As(err, &own) && own.NothingRan:
		return own
	case own != nil:
		// The link or stream ended for a reason that is not about this statement.
		return fault.Refuse(fault.NoPrimary, "%s ended the connection: %w", p.opts.Addr, own)
	default:
		return fault.Refuse(fault.NoPrimary, "no connection to %s: %w", p.opts.Addr, err)
	}
}

// notSent makes the error of a gRPC call of which nothing has left this node, or
// which the other node has refused as a whole.
func (p *Peer) notSent(err error) error {
	if said := wire.FromStatus(err); said != nil {
		return p.unsent(said)
	}
	if why := p.net.err(); why != nil && p.ctx.Err() == nil {
		var own *fault.Error
		if errors.As(why, &own) {
			return why
		}
		return fault.Refuse(fault.NoPrimary, "cannot reach %s: %w", p.opts.Addr, why)
	}
	st := status.Convert(err)
	if st.Code() == codes.Unimplemented {
		return fault.Refuse(fault.Protocol, "%s does not speak litefwd's protocol: %s", p.opts.Addr, st.Message())
	}
	return p.unsent(errors.New(st.Message()))
}

// broken makes the error of a statement that was sent by a gRPC call and got no
// answer.
func (p *Peer) broken(st *wire.Statement, err error) error {
	if said := p.explicit(st, err); said != nil {
		return said
	}
	return p.cut(st, err)
}

// cut makes the error of a statement that was sent and got no answer. err, also
// if the other node has said it, is not about this one statement.
func (p *Peer) cut(st *wire.Statement, err error) error {
	if st.GetReadOnly() {
		return withID(fault.New(fault.NoPrimary, "the connection to %s broke before the answer came: %s",
			p.opts.Addr, text(err)), st.GetId())
	}
	return withID(fault.New(fault.OutcomeUnknown, "the connection to %s broke before the answer came (%s); "+
		"the statement may or may not have been committed", p.opts.Addr, text(err)), st.GetId())
}

// explicit returns what the other node itself said of a call, or that its
// answer cannot be read; nil if the connection just broke.
func (p *Peer) explicit(st *wire.Statement, err error) error {
	if said := wire.FromStatus(err); said != nil {
		return said
	}
	switch s := status.Convert(err); s.Code() {
	case codes.ResourceExhausted:
		// gRPC's limit on what is received, here or there. A request that is
		// too large is refused before it is decoded, but an answer that is
		// too large may be that of a write.
		e := fault.New(fault.TooLarge, "%s (statement on %s, limit %d)", s.Message(), p.opts.Addr, p.opts.MaxMessage)
		if !st.GetReadOnly() {
			e = fault.New(fault.OutcomeUnknown, "the answer of %s is too large: %s", p.opts.Addr, s.Message())
		}
		return withID(e, st.GetId())
	case codes.Unimplemented:
		return withID(fault.Refuse(fault.Protocol, "%s does not know this call: %s", p.opts.Addr, s.Message()), st.GetId())
	}
	return nil
}

// gaveUp makes the error of a statement that was sent and whose context ended
// before the answer.
func gaveUp(st *wire.Statement, cause error) error {
	if st.GetReadOnly() {
		return cause
	}
	return withID(fault.New(fault.OutcomeUnknown,
		"%w before the answer came; the statement may or may not have been committed", cause), st.GetId())
}

// tooLarge refuses a statement that would not fit.
func tooLarge(id []byte, size, limit int) error {
	return withID(fault.Refuse(fault.TooLarge, "the statement with its arguments has %d bytes; the limit is %d",
		size, limit), id)
}

func withID(e *fault.Error, id []byte) *fault.Error {
	if len(id) == len(forward.ID{}) {
		e.RequestID = forward.ID(id).String()
	}
	return e
}

// text is err without gRPC's decoration.
func text(err error) string { return status.Convert(err).Message() }
