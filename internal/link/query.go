package link

import (
	"context"
	"database/sql/driver"
	"io"

	"google.golang.org/grpc"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// Query implements forward.Target. The rows hold ctx: when it ends, so do they.
func (d *database) Query(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	m, _, _, err := d.prepare(ctx, st)
	if err != nil {
		return nil, err
	}
	streamCtx, cancel := streamContext(ctx)
	stream, reply, err := d.ask(ctx, streamCtx, &wire.QueryRequest{Statement: m})
	if err != nil {
		cancel()
		return nil, err
	}
	r := &rows{peer: d.peer, ctx: ctx, cancel: cancel, stream: stream, statement: m}
	if r.reader, err = wire.NewRowReader(reply.GetHeader()); err != nil {
		cancel()
		return nil, err
	}
	if c := reply.GetHeader().GetCommitted(); c != nil {
		r.committed, r.result = true, c.Forward()
	} else {
		r.seen = reply.GetResult().Forward().Position
	}
	r.take(reply)
	return r, nil
}

// streamContext returns the context for a stream that ends with ctx, but does
// not show ctx's deadline: gRPC would pass it on, and the other node's gRPC
// would break the stream when it passes, an instant before ctx ends, which
// looks like a lost connection. The deadline travels in the statement.
func streamContext(ctx context.Context) (context.Context, context.CancelFunc) {
	streamCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	return streamCtx, func() { stop(); cancel() }
}

// ask sends a request on a stream of its own and waits for the first answer,
// which is not an error if err is nil. streamCtx comes from streamContext(ctx).
func (d *database) ask(ctx, streamCtx context.Context, req *wire.QueryRequest) (wire.Forward_QueryClient, *wire.QueryReply, error) {
	stream, err := d.peer.client.Query(d.peer.outgoing(streamCtx))
	if err != nil {
		return nil, nil, d.refusedStream(ctx, err)
	}
	reply, err := sendOne(ctx, d.peer, stream, req.GetStatement(), req)
	if err != nil {
		return nil, nil, err
	}
	// An error after rows belongs to the rows.
	if reply.GetError() != nil && reply.GetHeader() == nil {
		return nil, nil, reply.GetError().Err()
	}
	return stream, reply, nil
}

// refusedStream is the error of a call whose stream could not be opened.
func (d *database) refusedStream(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return d.peer.notSent(err)
}

// sendOne sends the one request of a stream and waits for the first answer. m is
// what the request is to run, for errors.
func sendOne[Request, Reply any](ctx context.Context, p *Peer, stream grpc.BidiStreamingClient[Request, Reply], m *wire.Statement, req *Request) (*Reply, error) {
	err := stream.Send(req)
	if err == io.EOF { //nolint:errorlint // gRPC's contract: the stream was refused; Recv says why
		_, err = stream.Recv()
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, p.notSent(err)
	}
	stream.CloseSend() //nolint:errcheck // always nil
	reply, err := stream.Recv()
	switch {
	case err == nil:
		return reply, nil
	case ctx.Err() != nil:
		return nil, gaveUp(m, ctx.Err())
	}
	return nil, p.broken(m, err)
}

// rows are the rows of a query outside a transaction.
type rows struct {
	peer      *Peer
	ctx       context.Context // the query's: it ends the rows as well
	cancel    context.CancelFunc
	stream    wire.Forward_QueryClient
	statement *wire.Statement
	reader    *wire.RowReader
	committed bool            // the statement is a write; it is done
	seen      engine.Position // not older than what a read shows
	result    forward.Result
	end       error // what comes after the rows that are here: io.EOF or an error; nil: more rows
}

var _ forward.Rows = (*rows)(nil)

func (r *rows) Columns() []forward.Column { return r.reader.Columns() }
func (r *rows) Result() forward.Result    { return r.result }

// Seen implements forward.Seer.
func (r *rows) Seen() engine.Position { return r.seen }

// Next implements forward.Rows.
func (r *rows) Next(dest []driver.Value) error {
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
		reply, err := r.stream.Recv()
		if err != nil {
			r.end = r.cutOff(err)
			r.cancel()
			return r.end
		}
		r.take(reply)
	}
}

// take keeps what a reply has.
func (r *rows) take(reply *wire.QueryReply) {
	if err := r.reader.Add(reply.GetRows()); err != nil {
		r.end = err
	}
	switch {
	case r.end != nil:
	case reply.GetError() != nil:
		r.end = reply.GetError().Err()
	case reply.GetDone():
		r.result, r.end = reply.GetResult().Forward(), io.EOF
		if !r.committed {
			r.result.Position = engine.Position{} // it is what a read has seen
		}
	default:
		return
	}
	r.cancel() // frees the stream; nothing more comes
}

// cutOff makes the error of rows that end too early.
func (r *rows) cutOff(err error) error {
	var e *fault.Error
	switch said := wire.FromStatus(err); {
	case said != nil:
		return said
	case r.ctx.Err() != nil && !r.committed:
		return r.ctx.Err()
	case r.ctx.Err() != nil:
		e = fault.New(fault.NoPrimary, "%w; the statement is committed, but not all of its rows were read", r.ctx.Err())
	default:
		e = fault.New(fault.NoPrimary, "the connection to %s broke in the middle of the rows: %s", r.peer.opts.Addr, text(err))
		if tooLarge := r.peer.explicit(&wire.Statement{ReadOnly: true}, err); tooLarge != nil {
			e = fault.New(fault.TooLarge, "%s", text(err))
		}
	}
	e.Committed = r.committed
	return withID(e, r.statement.GetId())
}

// Close implements forward.Rows. Rows that are left are not sent any more.
func (r *rows) Close() error {
	r.cancel()
	return nil
}
