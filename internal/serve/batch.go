package serve

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// Batch implements wire.ForwardServer.
func (s *Server) Batch(stream wire.Forward_BatchServer) error {
	if s.isStopping() {
		return wire.Status(s.closed())
	}
	req, err := stream.Recv()
	if err != nil {
		return nil // the peer went away before it asked
	}
	ctx := stream.Context()
	c := callerFrom(ctx)
	size := proto.Size(req)
	if err := c.admit(size); err != nil {
		return stream.Send(&wire.BatchReply{Error: wire.NewError(err)})
	}
	defer c.done(size)
	ctx, cancel := wire.WithTimeout(ctx, req.GetTimeoutNs())
	defer cancel()
	res, err := s.batch(ctx, req)
	var failed *fault.BatchError
	switch {
	case errors.As(err, &failed):
		return stream.Send(&wire.BatchReply{Error: wire.NewError(failed.Err), Failed: uint32(failed.Index) + 1})
	case err != nil:
		return stream.Send(&wire.BatchReply{Error: wire.NewError(err)})
	}
	return stream.Send(wire.NewBatchReply(forward.ID(req.GetId()), res, c.maxRow()+wire.MessageSlack))
}

func (s *Server) batch(ctx context.Context, m *wire.BatchRequest) (res forward.BatchResult, err error) {
	b, err := m.Forward()
	if err != nil {
		return res, refused(err, "")
	}
	c, id := callerFrom(ctx), b.ID.String()
	b.From, b.MaxRows = c.name(), int64(c.maxRow())
	target, err := s.target(ctx, m.GetDatabase(), id)
	if err != nil {
		return res, err
	}
	defer s.recovered(ctx, id, func(e error) { err = e })
	return target.Batch(ctx, b)
}
