package link

import (
	"context"
	"database/sql/driver"
	"io"

	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// Query implements forward.Tx. The rows hold ctx: when it ends, so do they.
// Other statements may run before the rows are closed.
func (t *tx) Query(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	reply, err := t.statement(ctx, wire.TxOp_TX_OP_QUERY, st)
	if err != nil && reply.GetHeader() == nil {
		return nil, err
	}
	r := &txRows{tx: t, ctx: ctx, seq: reply.GetSeq()}
	if r.reader, err = wire.NewRowReader(reply.GetHeader()); err != nil {
		return nil, err
	}
	r.take(reply, reply.GetError().Err())
	return r, nil
}

// txRows are rows inside a transaction. Each batch is asked for.
type txRows struct {
	tx     *tx
	ctx    context.Context
	seq    uint64 // of the query
	reader *wire.RowReader
	result forward.Result
	end    error // as in rows
	closed bool  // on the primary
}

var _ forward.Rows = (*txRows)(nil)

func (r *txRows) Columns() []forward.Column { return r.reader.Columns() }
func (r *txRows) Result() forward.Result    { return r.result }

// Next implements forward.Rows.
func (r *txRows) Next(dest []driver.Value) error {
	for {
		err := r.reader.Next(dest)
		if err != io.EOF { //nolint:errorlint // the reader's contract
			if err != nil {
				r.end = err
			}
			return err
		}
		if r.end != nil {
			return r.end
		}
		reply, err := r.tx.ask(r.ctx, &wire.TxRequest{Op: wire.TxOp_TX_OP_FETCH, Seq: r.seq})
		if reply == nil {
			r.end = err
			return err
		}
		r.take(reply, err)
	}
}

// take keeps what a reply has.
func (r *txRows) take(reply *wire.TxReply, err error) {
	if addErr := r.reader.Add(reply.GetRows()); addErr != nil {
		r.end = addErr
	}
	switch {
	case r.end != nil:
	case err != nil:
		r.end, r.closed = err, true
	case reply.GetDone():
		r.end, r.closed = io.EOF, true
		r.result = reply.GetResult().Forward()
	}
}

// Close implements forward.Rows. Rows that were not read to their end are
// closed on the primary, which may be what completes the statement; the
// context may have ended before, so another one bounds that.
func (r *txRows) Close() error {
	if r.closed || r.tx.failed != nil || r.tx.ended {
		return nil
	}
	r.closed = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), closeTimeout)
	defer cancel()
	reply, err := r.tx.ask(ctx, &wire.TxRequest{
		Op: wire.TxOp_TX_OP_CLOSE_ROWS, Seq: r.seq, TimeoutNs: wire.Timeout(ctx),
	})
	r.result = reply.GetResult().Forward()
	if r.end == nil {
		r.end = io.EOF
	}
	return err
}

// closeTimeout bounds Close, which has no context.
const closeTimeout = 10 * cancelGrace
