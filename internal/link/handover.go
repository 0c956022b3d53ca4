package link

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// doneWait bounds the wait for the other node to have taken Done in.
const doneWait = 5 * time.Second

// Handover is the other node, the present primary, which has stopped writing so
// that this node can take the role over. Close it. It is used by one goroutine
// at a time; Close may be called by any.
//
//	h, err := peer.Handover(ctx, patience)   the primary does not write any more
//	…                                        this node's copies reach h.Positions()
//	err = h.Sent(ctx)                        only if that is nil:
//	…                                        the engine is asked to move the role
//	err = h.Done(moved)
//
// The other node writes again at once if the Handover ends before Sent, and
// does not wait for ever for it.
type Handover struct {
	peer      *Peer
	stream    wire.Forward_HandoverClient
	cancel    context.CancelFunc // ends the stream
	positions map[string]engine.Position
	failed    error // what Sent and Done return, as the stream is over, or nil
}

// Handover asks the other node, the present primary, to stop writing for this
// one. Writes that run there get patience to finish and are then ended; ctx
// ends the wait, and with it the handover. ctx does not matter afterwards.
//
// Errors are the other node's refusal (fault.NotPrimary, fault.Unsupported,
// fault.Overloaded if another handover is under way), fault.Protocol from a
// node of a version that knows no handover, those of Hello, or ctx's. The other
// node writes as before then.
func (p *Peer) Handover(ctx context.Context, patience time.Duration) (*Handover, error) {
	if _, err := p.session(ctx); err != nil {
		return nil, err
	}
	// The stream outlives this call, so it is not bound to its context.
	streamCtx, cancel := context.WithCancel(p.ctx)
	stream, err := p.client.Handover(p.outgoing(streamCtx))
	if err != nil {
		cancel()
		return nil, p.control(ctx, err)
	}
	h := &Handover{peer: p, stream: stream, cancel: cancel}
	begin := &wire.HandoverBegin{TimeoutNs: int64(max(0, patience))}
	reply, err := h.ask(ctx, &wire.HandoverRequest{Begin: begin})
	if err == nil {
		h.positions, err = reply.Forward()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return h, nil
}

// Positions returns the last position of each of the other node's databases,
// by name: nothing is committed after them.
func (h *Handover) Positions() map[string]engine.Position { return h.positions }

// Sent tells the other node that this one is about to ask the engine to move
// the role. Only if it returns nil may that be done: the other node does not
// write, and will not before it knows that the role has stayed. After an error
// (the other node's own, fault.NoPrimary if the connection broke, or ctx's) the
// Handover is over.
func (h *Handover) Sent(ctx context.Context) error {
	if h.failed != nil {
		return h.failed
	}
	reply, err := h.ask(ctx, &wire.HandoverRequest{Sent: true})
	if err == nil && !reply.GetNoted() {
		err = fault.New(fault.Protocol, "%s did not answer that the role is about to be moved", h.peer.opts.Addr)
	}
	if err != nil {
		h.failed = err
		h.cancel()
	}
	return err
}

// Done ends the Handover and says whether this node is primary now; otherwise
// the role is where it was, as it always is without Sent. It waits, at most 5 s, until the other node has
// acted on it. An error says that the other node may not know, so that it has
// to find out from its engine; there is nothing to be done about it here.
func (h *Handover) Done(moved bool) error {
	if h.failed != nil {
		return h.failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), doneWait)
	defer cancel()
	_, err := h.ask(ctx, &wire.HandoverRequest{Done: &wire.HandoverDone{Moved: moved}})
	h.cancel()
	h.failed = fault.Refuse(fault.Closed, "the handover is over")
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = fault.New(fault.Protocol, "%s goes on after the end of a handover", h.peer.opts.Addr)
	}
	return err
}

// Close ends the Handover, unless Done has, without a word: the other node
// writes again, or, if Sent was called, has to find out from its engine where
// the role is. It does not wait. It may be called again; the error is always nil.
func (h *Handover) Close() error {
	h.cancel()
	return nil
}

// ask sends req and waits for the reply to it. After done that is io.EOF.
func (h *Handover) ask(ctx context.Context, req *wire.HandoverRequest) (*wire.HandoverReply, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, h.cancel)
	err := h.stream.Send(req)
	if err == nil && req.GetDone() != nil {
		err = h.stream.CloseSend()
	}
	var reply *wire.HandoverReply
	if err == nil || errors.Is(err, io.EOF) { // gRPC's contract: Recv says why
		reply, err = h.stream.Recv()
	}
	inTime := stop()
	switch {
	case err == nil && !inTime: // the stream is broken off, though it had answered
		return nil, ctx.Err()
	case err == nil:
		return reply, reply.GetError().Err()
	case errors.Is(err, io.EOF) && req.GetDone() != nil:
		return nil, io.EOF
	case errors.Is(err, io.EOF):
		return nil, fault.New(fault.NoPrimary, "%s ended the handover", h.peer.opts.Addr)
	default:
		return nil, h.peer.control(ctx, err)
	}
}

// Promote asks the other node to make itself primary and waits until it is.
// Errors are the other node's (fault.Unsupported, why it cannot be primary),
// those of Hello, ctx's, after which it may still become primary, and
// fault.OutcomeUnknown if the connection broke meanwhile.
func (p *Peer) Promote(ctx context.Context) error {
	if _, err := p.session(ctx); err != nil {
		return err
	}
	r, err := p.client.Promote(p.outgoing(ctx), &wire.PromoteRequest{TimeoutNs: wire.Timeout(ctx)})
	if err == nil {
		return r.GetError().Err()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if said := p.explicit(&wire.Statement{}, err); said != nil {
		return said
	}
	return fault.New(fault.OutcomeUnknown, "the connection to %s broke before it said whether it is primary: %s",
		p.opts.Addr, text(err))
}
