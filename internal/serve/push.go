package serve

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// An expirer is a forward.Rows that tells, to any goroutine, whether a limit
// has ended it while nobody asked for more.
type expirer interface{ Expired() bool }

// pusher sends rows to their end and closes them.
type pusher struct {
	*safePacker
	stream wire.Forward_QueryServer
}

// push sends rows as fast as the peer takes them. A Send that waits for the
// peer's flow control ends with the stream, that is with this call.
func (s *Server) push(ctx context.Context, stream wire.Forward_QueryServer, rows forward.Rows) error {
	c := callerFrom(ctx)
	p := &pusher{newSafePacker(ctx, s, rows, c.maxRow()), stream}
	// The first Send finds room, and most results are one batch.
	if done, err := p.next(firstBatch, p.header); done {
		p.close() //nolint:errcheck // the rows have said it
		return err
	}
	result := make(chan error, 1) // buffered: this call may have ended
	release := c.hold()
	s.readers.Go(func() { // ends with the stream
		defer release()
		defer p.close() //nolint:errcheck // as above
		for {
			if done, err := p.next(laterBatch, nil); done {
				result <- err
				return
			}
		}
	})
	stopping := s.stopping
	var tick <-chan time.Time
	for {
		select {
		case err := <-result:
			return err
		case <-stopping:
			stopping = nil
		case <-tick:
			if e, ok := rows.(expirer); ok && e.Expired() {
				over := fault.New(fault.TxExpired, "the rows have expired, and node %q is shutting down", s.opts.Name)
				over.Committed = p.committed
				s.abandoned.Store(true)
				return wire.Status(over)
			}
		}
		tick = time.After(stopPoll)
	}
}

// next sends one batch; done says that it was the last, or could not be sent.
func (p *pusher) next(target int, header *wire.Header) (done bool, err error) {
	began := time.Now()
	batch, err := p.batch(target, func() bool { return time.Since(began) > maxLinger })
	reply := &wire.QueryReply{Header: header, Rows: batch}
	if s, ok := p.rows.(forward.Seer); ok && header != nil {
		reply.Result = wire.NewResult(forward.Result{Position: s.Seen()})
	}
	switch {
	case errors.Is(err, io.EOF):
		res := p.rows.Result()
		if seen := reply.GetResult().Forward().Position; res.Position.IsZero() {
			res.Position = seen
		}
		reply.Done, reply.Result = true, wire.NewResult(res)
	case err != nil:
		reply.Error = cutOff(err, p.committed)
		if errors.Is(err, fault.TxExpired) {
			p.s.abandoned.Store(true) // he who let rows expire may not read this either
		}
	}
	sendErr := p.stream.Send(reply)
	return sendErr != nil || err != nil, sendErr
}
