package serve

import (
	"errors"
	"io"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// maxOpenRows bounds the queries that one transaction has open.
const maxOpenRows = 256

// statement admits and decodes the statement of req.
func (t *txStream) statement(req *wire.TxRequest) (st forward.Statement, size int, err error) {
	size = proto.Size(req.GetStatement())
	if err := t.caller.admit(size); err != nil {
		return st, 0, err
	}
	if st, err = req.GetStatement().Forward(); err != nil {
		t.caller.done(size)
		return st, 0, refused(err, "")
	}
	return st, size, nil
}

func (t *txStream) exec(req *wire.TxRequest) *wire.TxReply {
	st, size, err := t.statement(req)
	if err != nil {
		return answerOf(forward.Result{}, err)
	}
	defer t.caller.done(size)
	ctx, cancel := wire.WithTimeout(t.ctx, req.GetStatement().GetTimeoutNs())
	defer cancel()
	defer t.cancels.watch(req.GetSeq(), cancel)()
	return answerOf(t.guard(func() (forward.Result, error) { return t.tx.Exec(ctx, st) }))
}

// query opens rows and returns the first of them.
func (t *txStream) query(req *wire.TxRequest) *wire.TxReply {
	if len(t.rows) >= maxOpenRows {
		err := fault.Refuse(fault.Overloaded, "the transaction has %d queries open, which is the limit", maxOpenRows)
		return answerOf(forward.Result{}, err)
	}
	st, size, err := t.statement(req)
	if err != nil {
		return answerOf(forward.Result{}, err)
	}
	defer t.caller.done(size)
	// The context lives as long as the rows; forget ends it.
	ctx, cancel := wire.WithTimeout(t.ctx, req.GetStatement().GetTimeoutNs())
	seq := req.GetSeq()
	t.cancels.watch(seq, cancel)
	var packer *safePacker
	_, err = t.guard(func() (res forward.Result, err error) {
		rows, err := t.tx.Query(ctx, st)
		if err == nil {
			packer = newSafePacker(ctx, t.s, rows, t.caller.maxRow())
		}
		return res, err
	})
	if err != nil {
		t.forget(seq)
		return answerOf(forward.Result{}, err)
	}
	packer.header.Committed = nil // not before the transaction is
	t.rows[seq] = packer
	reply := t.more(seq, packer, firstBatch)
	reply.Header = packer.header
	return reply
}

func (t *txStream) fetch(req *wire.TxRequest) *wire.TxReply {
	packer := t.rows[req.GetSeq()]
	if packer == nil {
		err := fault.New(fault.Protocol, "query %d is not open", req.GetSeq())
		return answerOf(forward.Result{}, err)
	}
	return t.more(req.GetSeq(), packer, laterBatch)
}

// more answers with the next rows and closes them at their end.
func (t *txStream) more(seq uint64, packer *safePacker, target int) *wire.TxReply {
	batch, err := packer.batch(target, nil)
	if err == nil {
		return &wire.TxReply{Rows: batch}
	}
	var reply *wire.TxReply
	if errors.Is(err, io.EOF) {
		reply = t.closeRows(seq)
	} else {
		t.closeRows(seq)
		reply = answerOf(forward.Result{}, err)
	}
	reply.Rows = batch
	return reply
}

// closeRows ends a query; on one that is not open it does nothing.
func (t *txStream) closeRows(seq uint64) *wire.TxReply {
	packer := t.rows[seq]
	if packer == nil {
		return &wire.TxReply{Done: true}
	}
	res, err := packer.close()
	t.forget(seq)
	return answerOf(res, err)
}

func (t *txStream) closeAll() {
	for seq := range t.rows {
		t.closeRows(seq)
	}
}

// forget ends the context of a query and drops it.
func (t *txStream) forget(seq uint64) {
	t.cancels.forget(seq)
	delete(t.rows, seq)
}
