package link

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// Batch implements forward.Target, by one call of its own.
func (d *database) Batch(ctx context.Context, b forward.Batch) (forward.BatchResult, error) {
	if err := ctx.Err(); err != nil {
		return forward.BatchResult{}, err
	}
	m, err := wire.NewBatchRequest(ctx, d.name, b)
	if err != nil {
		return forward.BatchResult{}, err
	}
	s, err := d.peer.session(ctx)
	if err != nil {
		return forward.BatchResult{}, err
	}
	m.TimeoutNs = wire.Timeout(ctx) // connecting may have taken its time
	if size := proto.Size(m); size > s.maxMessage {
		return forward.BatchResult{}, tooLarge(m.GetId(), size, s.maxMessage)
	}
	streamCtx, cancel := streamContext(ctx)
	defer cancel()
	stream, err := d.peer.client.Batch(d.peer.outgoing(streamCtx))
	if err != nil {
		return forward.BatchResult{}, d.refusedStream(ctx, err)
	}
	reply, err := sendOne(ctx, d.peer, stream, &wire.Statement{Id: m.GetId()}, m)
	if err != nil {
		return forward.BatchResult{}, err
	}
	return reply.Forward()
}
