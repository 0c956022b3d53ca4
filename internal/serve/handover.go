package serve

import (
	"context"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// Handover is a primary that has stopped writing for the sake of a successor.
// Its methods are called by one goroutine.
type Handover interface {
	// Positions returns the last position of each database, by name. The
	// successor's copies must reach them before it may take the role.
	Positions() map[string]engine.Position
	// Sent is called when the successor is about to ask the engine to move
	// the role, which it does only once Sent has returned nil: from then on
	// the role may move at any moment. After an error it does not ask.
	Sent() error
	// End is called once, last of all, with how it ended.
	End(HandoverOutcome)
}

// HandoverOutcome is how a Handover ended.
type HandoverOutcome uint8

const (
	// HandoverCancelled: the role was not asked for, and will not be. This
	// node may write again at once.
	HandoverCancelled HandoverOutcome = iota
	// HandoverMoved: the successor says that it is primary.
	HandoverMoved
	// HandoverNotMoved: the successor asked for the role, and says that it
	// stays where it was.
	HandoverNotMoved
	// HandoverUnknown: Sent was called, and then the successor was lost. The
	// role may still move.
	HandoverUnknown
)

// String returns the outcome in a word or two.
func (o HandoverOutcome) String() string {
	switch o {
	case HandoverCancelled:
		return "cancelled"
	case HandoverMoved:
		return "moved"
	case HandoverNotMoved:
		return "not moved"
	default:
		return "unknown"
	}
}

// Handover implements wire.ForwardServer.
func (s *Server) Handover(stream wire.Forward_HandoverServer) error {
	if s.isStopping() {
		return wire.Status(s.closed())
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	h := &handoverStream{s: s, stream: stream, ctx: ctx, requests: make(chan *wire.HandoverRequest)}
	s.readers.Go(func() { // ends with the stream
		defer cancel() // a successor that is gone, or says no more, ends the hook's call
		h.read()
	})
	return h.run()
}

// handoverStream is one Handover call of a peer.
type handoverStream struct {
	s        *Server
	stream   wire.Forward_HandoverServer
	ctx      context.Context // of the stream; ends when the peer goes away
	requests chan *wire.HandoverRequest
}

func (h *handoverStream) read() {
	for {
		req, err := h.stream.Recv()
		if err != nil {
			return
		}
		select {
		case h.requests <- req:
		case <-h.ctx.Done():
			return
		}
	}
}

// run goes through the requests. What it returns ends the stream.
func (h *handoverStream) run() error {
	req, err := h.next()
	if req == nil {
		return err
	}
	begin := req.GetBegin()
	if begin == nil {
		return wire.Status(fault.Refuse(fault.Protocol, "a handover begins with begin"))
	}
	if h.s.opts.Handover == nil {
		return wire.Status(fault.Refuse(fault.Unsupported, "node %q cannot hand the primary role over", h.s.opts.Name))
	}
	if !h.s.handover.CompareAndSwap(false, true) {
		return wire.Status(fault.Refuse(fault.Overloaded, "node %q is handing the primary role over already", h.s.opts.Name))
	}
	defer h.s.handover.Store(false)
	hand, err := h.begin(begin)
	if err != nil {
		return h.stream.Send(&wire.HandoverReply{Error: wire.NewError(err)})
	}
	outcome := HandoverCancelled
	defer func() {
		h.guard(func() error { hand.End(outcome); return nil }) //nolint:errcheck // it is logged
	}()
	outcome, err = h.proceed(hand)
	return err
}

// begin calls the hook.
func (h *handoverStream) begin(m *wire.HandoverBegin) (hand Handover, err error) {
	err = h.guard(func() (err error) {
		patience := max(0, time.Duration(m.GetTimeoutNs()))
		hand, err = h.s.opts.Handover(h.ctx, callerFrom(h.ctx).info(), patience)
		return err
	})
	return hand, err
}

// proceed takes the successor from the positions to done.
func (h *handoverStream) proceed(hand Handover) (HandoverOutcome, error) {
	reply := &wire.HandoverReply{}
	err := h.guard(func() (err error) {
		reply.Positions, err = wire.NewPositions(hand.Positions())
		return err
	})
	if err != nil {
		reply = &wire.HandoverReply{Error: wire.NewError(err)}
	}
	if sendErr := h.stream.Send(reply); err != nil || sendErr != nil {
		return HandoverCancelled, sendErr
	}
	req, err := h.next()
	switch {
	case req == nil:
		return HandoverCancelled, err
	case req.GetDone() != nil:
		return HandoverCancelled, nil
	case !req.GetSent():
		return HandoverCancelled, wire.Status(fault.New(fault.Protocol, "a handover goes on with sent, or with done"))
	}
	if err := h.guard(hand.Sent); err != nil {
		return HandoverCancelled, h.stream.Send(&wire.HandoverReply{Error: wire.NewError(err)})
	}
	if err := h.stream.Send(&wire.HandoverReply{Noted: true}); err != nil {
		return HandoverUnknown, err
	}
	req, err = h.next()
	switch {
	case req == nil:
		return HandoverUnknown, err
	case req.GetDone() == nil:
		return HandoverUnknown, wire.Status(fault.New(fault.Protocol, "a handover ends with done"))
	case req.GetDone().GetMoved():
		return HandoverMoved, nil
	default:
		return HandoverNotMoved, nil
	}
}

// next waits for a request, at most HandoverLimit. It returns nil, and what
// ends the stream, if none comes.
func (h *handoverStream) next() (*wire.HandoverRequest, error) {
	timer := time.NewTimer(h.s.opts.HandoverLimit)
	defer timer.Stop()
	select {
	case req := <-h.requests:
		return req, nil
	case <-h.ctx.Done():
		return nil, nil
	case <-timer.C:
		return nil, wire.Status(fault.New(fault.Protocol, "node %q did not go on with the handover within %v",
			callerFrom(h.ctx).meta.Node, h.s.opts.HandoverLimit))
	}
}

// guard turns a panic of do into an error.
func (h *handoverStream) guard(do func() error) (err error) {
	defer h.s.recovered(h.ctx, "", func(e error) { err = e })
	return do()
}

// Promote implements wire.ForwardServer.
func (s *Server) Promote(ctx context.Context, req *wire.PromoteRequest) (*wire.PromoteReply, error) {
	if s.isStopping() {
		return nil, wire.Status(s.closed())
	}
	if s.opts.Promote == nil {
		return nil, wire.Status(fault.Refuse(fault.Unsupported, "node %q cannot become primary when asked to", s.opts.Name))
	}
	ctx, cancel := wire.WithTimeout(ctx, req.GetTimeoutNs())
	defer cancel()
	if err := s.opts.Promote(ctx); err != nil {
		return &wire.PromoteReply{Error: wire.NewError(err)}, nil
	}
	return &wire.PromoteReply{}, nil
}
