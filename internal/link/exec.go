package link

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// aloneAbove is the size from which a statement gets a stream of its own, so
// that those of others do not wait behind it.
const aloneAbove = 128 << 10

// database implements forward.Target for one database of a peer.
type database struct {
	peer *Peer
	name string
}

var _ forward.Target = (*database)(nil)

// call is one statement on a session. The session's mutex guards
// statement, seq and state.
type call struct {
	statement *wire.Statement // nil: nobody waits any more
	size      int
	seq       uint64
	state     callState
	done      chan outcome // holds one: who finishes the call never waits
}

type outcome struct {
	reply *wire.ExecReply
	err   error
}

type callState uint8

const (
	callQueued  callState = iota // nothing has left
	callLeaving                  // in a frame for which Write has not returned
	callSent
)

// finish is called once, by whoever takes the call out of the session.
func (c *call) finish(reply *wire.ExecReply, err error) { c.done <- outcome{reply, err} }

func (o outcome) result() (forward.Result, error) {
	if o.err != nil {
		return forward.Result{}, o.err
	}
	if err := o.reply.GetError().Err(); err != nil {
		return forward.Result{}, err
	}
	return o.reply.GetResult().Forward(), nil
}

// Exec implements forward.Target.
func (d *database) Exec(ctx context.Context, st forward.Statement) (forward.Result, error) {
	m, size, s, err := d.prepare(ctx, st)
	if err != nil {
		return forward.Result{}, err
	}
	if size > aloneAbove {
		return d.execAlone(ctx, m)
	}
	c := &call{statement: m, size: size, done: make(chan outcome, 1)}
	s.submit(c)
	select {
	case o := <-c.done:
		return o.result()
	case <-ctx.Done():
		return s.giveUp(c, ctx.Err())
	}
}

// prepare converts st, finds the session, and checks that the statement fits.
func (d *database) prepare(ctx context.Context, st forward.Statement) (m *wire.Statement, size int, s *session, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, nil, err
	}
	if m, err = wire.NewStatement(ctx, d.name, st); err != nil {
		return nil, 0, nil, err
	}
	if s, err = d.peer.session(ctx); err != nil {
		return nil, 0, nil, err
	}
	m.TimeoutNs = wire.Timeout(ctx) // connecting may have taken its time
	if size = proto.Size(m); size > s.maxMessage {
		return nil, 0, nil, tooLarge(m.GetId(), size, s.maxMessage)
	}
	return m, size, s, nil
}

// giveUp takes c back if nothing of it has left, and else tells the other node
// that nobody waits for it any more.
func (s *session) giveUp(c *call, cause error) (forward.Result, error) {
	s.mu.Lock()
	withdrawn := false
	for i, queued := range s.queue {
		if queued == c {
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
			withdrawn = true
			break
		}
	}
	// It stays until its answer comes: it fills the connection, see submit.
	open := s.calls[c.seq] == c
	if open {
		s.cancels = append(s.cancels, c.seq)
	}
	s.mu.Unlock()
	switch {
	case withdrawn:
		return forward.Result{}, cause
	case open:
		s.kick()
		return s.lastWord(c, cause)
	default: // finished meanwhile
		return (<-c.done).result()
	}
}

// patience is how long the other node has, when it hears that nobody waits any more,
// to say what became of a statement: mostly that it was withdrawn from the queue, or
// that it is committed.
const patience = 50 * time.Millisecond

// lastWord waits for that.
func (s *session) lastWord(c *call, cause error) (forward.Result, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case o := <-c.done:
		res, err := o.result()
		var sql *fault.SQLError
		if errors.As(err, &sql) && errors.Is(err, context.Canceled) { // by this node, for cause
			ended := *sql
			ended.Err = cause
			err = &ended
		}
		return res, err
	case <-timer.C:
	}
	s.mu.Lock()
	st := c.statement
	c.statement = nil
	s.mu.Unlock()
	return forward.Result{}, gaveUp(st, cause)
}

// execAlone runs a large statement on a stream of its own.
func (d *database) execAlone(ctx context.Context, m *wire.Statement) (forward.Result, error) {
	streamCtx, cancel := streamContext(ctx)
	defer cancel()
	_, reply, err := d.ask(ctx, streamCtx, &wire.QueryRequest{Statement: m, Exec: true})
	if err != nil {
		return forward.Result{}, err
	}
	return reply.GetResult().Forward(), nil
}
