package serve

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// The sizes of batches: the first one is small, because most results are and
// because somebody waits for it.
const (
	firstBatch = 32 << 10
	laterBatch = 128 << 10
	// maxLinger is how long rows may be collected while the next ones are slow.
	maxLinger = 5 * time.Millisecond
)

// Query implements wire.ForwardServer.
func (s *Server) Query(stream wire.Forward_QueryServer) error {
	if s.isStopping() {
		return wire.Status(s.closed())
	}
	req, err := stream.Recv()
	if err != nil {
		return nil // the peer went away before it asked
	}
	ctx := stream.Context()
	c := callerFrom(ctx)
	m := req.GetStatement()
	size := proto.Size(m)
	if err := c.admit(size); err != nil {
		return stream.Send(&wire.QueryReply{Error: wire.NewError(err)})
	}
	defer c.done(size)
	ctx, cancel := wire.WithTimeout(ctx, m.GetTimeoutNs())
	defer cancel()
	if req.GetExec() {
		res, err := s.exec(ctx, m, c)
		if err != nil {
			return stream.Send(&wire.QueryReply{Error: wire.NewError(err)})
		}
		return stream.Send(&wire.QueryReply{Done: true, Result: wire.NewResult(res)})
	}
	rows, err := s.query(ctx, m, c)
	if err != nil {
		return stream.Send(&wire.QueryReply{Error: wire.NewError(err)})
	}
	return s.push(ctx, stream, rows)
}

// cutOff describes an error in the middle of the rows. A write's rows come
// after its commit.
func cutOff(err error, committed bool) *wire.Error {
	m := wire.NewError(err)
	if committed && m.GetSql() == nil {
		m.Committed = true
	}
	return m
}

// safePacker packs rows, with the target's panics turned into errors.
type safePacker struct {
	ctx    context.Context // of the statement, for the log
	s      *Server
	rows   forward.Rows
	packer *wire.RowPacker
	header *wire.Header
	// committed: the statement is a write and is committed.
	committed bool
	closed    bool
}

func newSafePacker(ctx context.Context, s *Server, rows forward.Rows, maxRow int) *safePacker {
	p := &safePacker{ctx: ctx, s: s, rows: rows}
	p.packer, p.header = wire.NewRowPacker(rows, maxRow)
	// Rows of a write outside a transaction have their result from the start.
	if res := rows.Result(); res.Changed > 0 || !res.Position.IsZero() {
		p.committed = true
		p.header.Committed = wire.NewResult(res)
	}
	return p
}

func (p *safePacker) batch(target int, full func() bool) (b *wire.RowBatch, err error) {
	defer p.s.recovered(p.ctx, "", func(e error) { b, err = nil, e })
	b, err = p.packer.Batch(target, full)
	return b, err
}

// close closes the rows, once, and returns their result.
func (p *safePacker) close() (res forward.Result, err error) {
	if p.closed {
		return res, nil
	}
	p.closed = true
	defer p.s.recovered(p.ctx, "", func(e error) { err = e })
	err = p.rows.Close()
	return p.rows.Result(), err
}
