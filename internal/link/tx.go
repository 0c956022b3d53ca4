package link

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// cancelGrace is how long the answer to a cancelled statement is waited for
// before the whole transaction is given up.
const cancelGrace = time.Second

// Begin implements forward.Target. It does no I/O and cannot fail: the
// transaction begins on the primary with its first statement, and one that is
// never used costs nothing.
func (d *database) Begin(_ context.Context, opts forward.TxOptions) (forward.Tx, error) {
	return &tx{peer: d.peer, database: d.name, opts: opts, open: true}, nil
}

// tx is a transaction on the primary. It has no goroutine: a caller sends its
// request and receives the answer itself.
type tx struct {
	peer     *Peer
	database string
	opts     forward.TxOptions
	stream   wire.Forward_TxClient // nil before the first statement
	cancel   context.CancelFunc    // ends the stream
	limit    int
	seq      uint64
	open     bool
	ended    bool
	failed   error // what every further call but Rollback returns
}

var _ forward.Tx = (*tx)(nil)

// Open implements forward.Tx.
func (t *tx) Open() bool { return t.open }

// Exec implements forward.Tx.
func (t *tx) Exec(ctx context.Context, st forward.Statement) (forward.Result, error) {
	reply, err := t.statement(ctx, wire.TxOp_TX_OP_EXEC, st)
	return reply.GetResult().Forward(), err
}

// Commit implements forward.Tx.
func (t *tx) Commit(ctx context.Context) (forward.Result, error) {
	if t.stream == nil && t.failed == nil && !t.ended {
		t.open, t.ended = false, true
		return forward.Result{}, nil // never begun
	}
	reply, err := t.ask(ctx, &wire.TxRequest{Op: wire.TxOp_TX_OP_COMMIT, TimeoutNs: wire.Timeout(ctx)})
	if !t.open {
		t.finish()
	}
	return reply.GetResult().Forward(), err
}

// Rollback implements forward.Tx. If the primary cannot be told, the end of
// the stream tells it.
func (t *tx) Rollback(ctx context.Context) error {
	if t.stream == nil || t.failed != nil || t.ended {
		t.finish()
		return nil
	}
	_, err := t.ask(ctx, &wire.TxRequest{Op: wire.TxOp_TX_OP_ROLLBACK, TimeoutNs: wire.Timeout(ctx)})
	lost := t.failed != nil
	t.finish()
	if lost {
		return nil
	}
	return err
}

// finish ends the stream, and with it whatever the primary still has open.
func (t *tx) finish() {
	t.open, t.ended = false, true
	if t.cancel != nil {
		t.cancel()
	}
}

// statement runs st by op, with begin if it is the first. What is refused on
// this side leaves the transaction as it was.
func (t *tx) statement(ctx context.Context, op wire.TxOp, st forward.Statement) (*wire.TxReply, error) {
	m, err := wire.NewStatement(ctx, "", st)
	if err != nil {
		return nil, err
	}
	return t.ask(ctx, &wire.TxRequest{Op: op, Statement: m})
}

// connect opens the stream for the first request, to which it adds the begin.
func (t *tx) connect(ctx context.Context, req *wire.TxRequest) error {
	s, err := t.peer.session(ctx)
	if err != nil {
		return err
	}
	t.limit = s.maxMessage
	if size := proto.Size(req); size > t.limit {
		return tooLarge(req.GetStatement().GetId(), size, t.limit)
	}
	// The stream outlives this statement, so it is not bound to its context.
	streamCtx, cancel := context.WithCancel(t.peer.ctx)
	stream, err := t.peer.client.Tx(t.peer.outgoing(streamCtx))
	if err != nil {
		cancel()
		return t.peer.notSent(err)
	}
	t.stream, t.cancel = stream, cancel
	req.Begin = wire.NewBegin(t.database, t.opts)
	return nil
}

// ask sends req and waits for its answer.
func (t *tx) ask(ctx context.Context, req *wire.TxRequest) (*wire.TxReply, error) {
	switch {
	case t.failed != nil:
		return nil, t.failed
	case t.ended:
		return nil, fault.Refuse(fault.TxExpired, "the transaction has ended")
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	if t.stream == nil {
		if err := t.connect(ctx, req); err != nil {
			return nil, err // not begun: another statement may try again
		}
	} else if size := proto.Size(req); size > t.limit {
		return nil, tooLarge(req.GetStatement().GetId(), size, t.limit)
	}
	if req.GetSeq() == 0 {
		t.seq++
		req.Seq = t.seq
	}
	w := t.watch(ctx, req)
	reply, sent, err := t.exchange(w, req)
	w.stop()
	if err != nil {
		return nil, t.lost(ctx, req, sent, err)
	}
	return reply, t.learn(ctx, req, reply)
}

func (t *tx) exchange(w *watch, req *wire.TxRequest) (reply *wire.TxReply, sent bool, err error) {
	if err := t.stream.Send(req); err != nil {
		_, err = t.stream.Recv() // says why
		return nil, false, err
	}
	w.sent()
	reply, err = t.stream.Recv()
	if err == nil && reply.GetSeq() != req.GetSeq() {
		err = wire.Status(fault.New(fault.Protocol, "answer %d to request %d", reply.GetSeq(), req.GetSeq()))
	}
	return reply, true, err
}

// learn takes the transaction's state from an answer and returns its error.
func (t *tx) learn(ctx context.Context, req *wire.TxRequest, reply *wire.TxReply) error {
	t.open = reply.GetOpen()
	err := reply.GetError().Err()
	if err == nil {
		return nil
	}
	if req.GetBegin() != nil && !t.open || isExpired(err) {
		// It never began, or is no more: there is nothing to go on with.
		t.failed = err
		t.finish()
	}
	if ctx.Err() != nil && t.open && !isCommitted(err) {
		return ctx.Err() // the interrupt that was asked for
	}
	return err
}

// watch passes a context's end on to the primary while a request is under way.
type watch struct {
	t    *tx
	seq  uint64
	undo func() bool   // context.AfterFunc's
	done chan struct{} // closed when ended has run

	mu    sync.Mutex // guards the following, and keeps ended from sending while ask does
	left  bool       // the request has left
	over  bool       // the context has ended
	grace *time.Timer
}

func (t *tx) watch(ctx context.Context, req *wire.TxRequest) *watch {
	w := &watch{t: t, seq: req.GetSeq()}
	if ctx.Done() == nil {
		return w
	}
	w.done = make(chan struct{})
	commit := req.GetOp() == wire.TxOp_TX_OP_COMMIT
	w.undo = context.AfterFunc(ctx, func() {
		defer close(w.done)
		w.mu.Lock()
		defer w.mu.Unlock()
		if commit {
			t.cancel() // it cannot be taken back
			return
		}
		w.grace = time.AfterFunc(cancelGrace, t.cancel)
		if w.over = true; w.left {
			w.sendCancel()
		} // else sent does, or grace if the request cannot leave
	})
	return w
}

func (w *watch) sent() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left = true; w.over {
		w.sendCancel()
	}
}

func (w *watch) sendCancel() {
	w.t.stream.Send(&wire.TxRequest{Op: wire.TxOp_TX_OP_CANCEL, Seq: w.seq}) //nolint:errcheck // Recv gets it
}

// stop returns when nothing is sent any more on behalf of the context.
func (w *watch) stop() {
	if w.undo == nil || w.undo() {
		return
	}
	<-w.done
	if w.grace != nil {
		w.grace.Stop()
	}
}
