package serve

import (
	"context"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// rollbackTimeout bounds the rollback of a transaction whose peer is gone.
const rollbackTimeout = 10 * time.Second

// Tx implements wire.ForwardServer.
func (s *Server) Tx(stream wire.Forward_TxServer) error {
	if s.isStopping() {
		return wire.Status(s.closed())
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	t := &txStream{
		s: s, stream: stream, caller: callerFrom(ctx), ctx: ctx,
		requests: make(chan txRequest),
		rows:     map[uint64]*safePacker{},
	}
	s.readers.Go(func() { // ends with the stream
		defer cancel() // a peer that is gone interrupts what runs
		t.read()
	})
	defer t.end()
	return t.run()
}

// txStream is one transaction of a peer.
type txStream struct {
	s        *Server
	stream   wire.Forward_TxServer
	caller   *caller
	ctx      context.Context // of the stream; ends when the peer goes away
	requests chan txRequest
	cancels  cancels

	// The handler's goroutine alone uses these.
	tx      forward.Tx // nil before begin
	counted bool
	rows    map[uint64]*safePacker // open queries, by sequence number
}

// txRequest is a request as it was read.
type txRequest struct {
	*wire.TxRequest
	err error // why it is refused, and the stream with it
}

// read hands requests to the handler's goroutine, and keeps the cancels, which
// must not wait for it.
func (t *txStream) read() {
	for {
		req, err := t.stream.Recv()
		if err != nil {
			return
		}
		in := txRequest{TxRequest: req}
		switch req.GetOp() {
		case wire.TxOp_TX_OP_CANCEL:
			t.cancels.cancel(req.GetSeq())
			continue
		case wire.TxOp_TX_OP_EXEC, wire.TxOp_TX_OP_QUERY:
			// Now: the CANCEL may be the next to be read.
			in.err = t.cancels.expect(req.GetSeq())
		}
		select {
		case t.requests <- in:
		case <-t.ctx.Done():
			return
		}
	}
}

// run answers requests, one after the other, until the transaction's end.
func (t *txStream) run() error {
	for {
		var tick <-chan time.Time
		stopping := t.s.stopping
		if t.s.isStopping() {
			if !t.isOpen() {
				return wire.Status(t.over())
			}
			stopping, tick = nil, time.After(stopPoll) // a limit may end it meanwhile
		}
		select {
		case <-t.ctx.Done():
			return nil
		case <-stopping:
		case <-tick:
		case in := <-t.requests:
			reply, last := t.answer(in)
			t.settle(in)
			reply.Seq = in.GetSeq()
			reply.Open = t.isOpen()
			if err := t.stream.Send(reply); err != nil || last {
				return err
			}
		}
	}
}

// stopPoll is how often a server that stops looks for what is over.
const stopPoll = 50 * time.Millisecond

func (t *txStream) isOpen() bool { return t.tx != nil && t.tx.Open() }

// over is what the peer's next request is told when the server stops and no
// transaction is open.
func (t *txStream) over() error {
	if t.tx == nil {
		return t.s.closed()
	}
	return fault.New(fault.TxExpired, "the transaction is over, and node %q is shutting down", t.s.opts.Name)
}

// settle drops what CANCEL would reach, once the request is answered.
func (t *txStream) settle(in txRequest) {
	switch in.GetOp() {
	case wire.TxOp_TX_OP_EXEC, wire.TxOp_TX_OP_QUERY:
		if in.err == nil && t.rows[in.GetSeq()] == nil {
			t.cancels.forget(in.GetSeq())
		}
	}
}

// answer does what req asks; last ends the stream.
func (t *txStream) answer(in txRequest) (reply *wire.TxReply, last bool) {
	req := in.TxRequest
	if in.err != nil {
		return &wire.TxReply{Error: wire.NewError(in.err)}, true
	}
	if begin := req.GetBegin(); begin != nil || t.tx == nil {
		if err := t.begin(req); err != nil {
			return &wire.TxReply{Error: wire.NewError(err)}, true
		}
	}
	switch req.GetOp() {
	case wire.TxOp_TX_OP_EXEC:
		return t.exec(req), false
	case wire.TxOp_TX_OP_QUERY:
		return t.query(req), false
	case wire.TxOp_TX_OP_FETCH:
		return t.fetch(req), false
	case wire.TxOp_TX_OP_CLOSE_ROWS:
		return t.closeRows(req.GetSeq()), false
	case wire.TxOp_TX_OP_COMMIT:
		reply = t.commit(req)
		return reply, !t.tx.Open()
	case wire.TxOp_TX_OP_ROLLBACK:
		return t.rollback(req), true
	default:
		err := fault.New(fault.Protocol, "unknown transaction request %d", req.GetOp())
		return &wire.TxReply{Error: wire.NewError(err)}, true
	}
}

// begin opens the transaction. Its errors say that nothing ran.
func (t *txStream) begin(req *wire.TxRequest) (err error) {
	m := req.GetBegin()
	if m == nil || t.tx != nil {
		return fault.Refuse(fault.Protocol, "a transaction begins with its first request and with no other")
	}
	opts, err := m.Forward()
	if err != nil {
		return err
	}
	opts.From = t.caller.name()
	id := opts.ID.String()
	if err := t.caller.admitTx(); err != nil {
		return refused(err, id)
	}
	t.counted = true
	defer t.s.recovered(t.ctx, id, func(e error) { err = e })
	target, err := t.s.target(t.ctx, m.GetDatabase(), id)
	if err != nil {
		return err
	}
	ctx, cancel := wire.WithTimeout(t.ctx, max(req.GetTimeoutNs(), req.GetStatement().GetTimeoutNs()))
	defer cancel()
	// The numbered statement is what the peer would cancel.
	defer t.cancels.watch(req.GetSeq(), cancel)()
	tx, err := target.Begin(ctx, opts)
	if err != nil {
		return err
	}
	t.tx = tx
	return nil
}

func (t *txStream) commit(req *wire.TxRequest) *wire.TxReply {
	ctx, cancel := wire.WithTimeout(t.ctx, req.GetTimeoutNs())
	defer cancel()
	res, err := t.guard(func() (forward.Result, error) {
		t.closeAll()
		return t.tx.Commit(ctx)
	})
	return answerOf(res, err)
}

func (t *txStream) rollback(req *wire.TxRequest) *wire.TxReply {
	ctx, cancel := wire.WithTimeout(t.ctx, req.GetTimeoutNs())
	defer cancel()
	res, err := t.guard(func() (forward.Result, error) {
		t.closeAll()
		return forward.Result{}, t.tx.Rollback(ctx)
	})
	return answerOf(res, err)
}

// guard turns a panic of do into an error.
func (t *txStream) guard(do func() (forward.Result, error)) (res forward.Result, err error) {
	defer t.s.recovered(t.ctx, "", func(e error) { err = e })
	return do()
}

func answerOf(res forward.Result, err error) *wire.TxReply {
	if err != nil {
		return &wire.TxReply{Done: true, Error: wire.NewError(err)}
	}
	return &wire.TxReply{Done: true, Result: wire.NewResult(res)}
}

// end leaves nothing open, whatever the stream ended with.
func (t *txStream) end() {
	t.closeAll()
	if t.tx != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), rollbackTimeout)
		defer cancel()
		_, err := t.guard(func() (forward.Result, error) { return forward.Result{}, t.tx.Rollback(ctx) })
		if err != nil {
			t.s.opts.Logger.WarnContext(ctx, "rollback of a transaction whose peer is gone",
				"node", t.caller.meta.Node, "err", err)
		}
	}
	if t.counted {
		t.caller.doneTx()
	}
}
