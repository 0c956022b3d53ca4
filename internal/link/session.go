package link

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

const (
	// maxFrame bounds the statements that share a frame, in bytes.
	maxFrame = 256 << 10
	// inlineBytes is how much may be under way for a caller to send its own
	// statement, which saves waking the sender. gRPC lets at least 64 KiB per
	// stream wait, so that the caller cannot be held up.
	inlineBytes = 32 << 10
)

// session is one Link stream. It ends when the stream does and is not used
// again.
type session struct {
	peer       *Peer
	stream     wire.Forward_LinkClient
	cancel     context.CancelFunc
	conn       *watchedConn
	maxMessage int           // what both nodes accept
	wake       chan struct{} // for the sender; holds one, so that wake-ups coalesce
	done       chan struct{} // closed when the session has ended

	mu      sync.Mutex // guards the following
	queue   []*call    // not yet in a frame
	cancels []uint64
	ping    uint64
	sending bool             // a goroutine is in stream.Send
	calls   map[uint64]*call // in a frame and not answered, waited for or not
	bytes   int              // of the calls in calls
	seq     uint64
	closing error // why nothing more is taken, or nil
	err     error // why the session has ended, or nil
}

// newSession opens the stream and waits until the other node has accepted it.
// Its errors say that nothing ran.
func newSession(p *Peer) (*session, error) {
	ctx, cancel := context.WithCancel(p.ctx)
	timer := time.AfterFunc(p.opts.ConnectTimeout, cancel)
	stream, err := p.client.Link(p.outgoing(ctx))
	var meta wire.Meta
	if err == nil {
		md, headerErr := stream.Header()
		if meta, err = wire.MetaFrom(md), headerErr; err == nil && meta.Version == 0 {
			_, err = stream.Recv() // ended without a header: this says why
		}
	}
	if !timer.Stop() && p.ctx.Err() == nil {
		// Whatever an earlier attempt ended with, this one has no answer.
		err = fault.Refuse(fault.NoPrimary, "no answer from %s within %v", p.opts.Addr, p.opts.ConnectTimeout)
	}
	if err != nil {
		cancel()
		var own *fault.Error
		if errors.As(err, &own) {
			return nil, err
		}
		return nil, p.notSent(err)
	}
	s := &session{
		peer: p, stream: stream, cancel: cancel, conn: p.net.last.Load(), maxMessage: p.opts.MaxMessage,
		wake: make(chan struct{}, 1), done: make(chan struct{}), calls: map[uint64]*call{},
	}
	if meta.MaxMessage > 0 {
		s.maxMessage = min(s.maxMessage, meta.MaxMessage)
	}
	return s, nil
}

// start starts the goroutines, which end with the stream.
func (s *session) start() {
	s.peer.goroutines.Go(s.receive)
	s.peer.goroutines.Go(s.sender)
	o := s.peer.opts
	s.peer.goroutines.Go(func() { s.conn.watch(s.done, o.PingEvery, o.PingTimeout, s.askAlive) })
}

// submit sends c, now or with the next frame. If the session has ended, c is
// finished at once.
func (s *session) submit(c *call) {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		c.finish(nil, s.peer.notSent(s.err))
		return
	}
	if s.closing != nil {
		s.mu.Unlock()
		c.finish(nil, s.closing)
		return
	}
	s.queue = append(s.queue, c)
	if s.sending || len(s.queue) > 1 || s.bytes+c.size > inlineBytes {
		s.mu.Unlock()
		s.kick()
		return
	}
	s.sendLocked()
	more := len(s.queue) > 0 || len(s.cancels) > 0 || s.ping != 0
	s.mu.Unlock()
	if more {
		s.kick() // others' statements are not this caller's to wait for
	}
}

func (s *session) kick() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sender sends what the callers do not send themselves.
func (s *session) sender() {
	for {
		select {
		case <-s.wake:
		case <-s.done:
			return
		}
		s.mu.Lock()
		for !s.sending && s.err == nil && (len(s.queue) > 0 || len(s.cancels) > 0 || s.ping != 0) {
			s.sendLocked()
		}
		s.mu.Unlock() // if another is sending, it kicks when it is done
	}
}

// sendLocked sends one frame, without the lock but with sending set.
func (s *session) sendLocked() {
	frame := &wire.LinkRequest{Cancels: s.cancels, Ping: s.ping}
	s.cancels, s.ping = nil, 0
	var leaving []*call
	size := 0
	for len(s.queue) > 0 {
		c := s.queue[0]
		if size > 0 && size+c.size > maxFrame {
			break
		}
		s.queue[0] = nil
		s.queue = s.queue[1:]
		size += c.size
		s.seq++
		c.seq, c.state = s.seq, callLeaving
		s.calls[c.seq] = c
		s.bytes += c.size
		leaving = append(leaving, c)
		frame.Execs = append(frame.Execs, &wire.LinkExec{Seq: c.seq, Statement: c.statement})
	}
	s.sending = true
	s.mu.Unlock()
	sendErr := s.stream.Send(frame)
	s.mu.Lock()
	s.sending = false
	for _, c := range leaving {
		switch {
		case s.calls[c.seq] != c: // answered
		case sendErr != nil:
			// Of a frame for which Send fails no byte has left (the HTTP/2
			// client puts a message into its queue as a whole or not at all).
			// The stream is broken; receive finds out how.
			s.removeLocked(c)
			c.finish(nil, s.peer.notSent(sendErr))
		case s.err != nil:
			s.removeLocked(c)
			c.finish(nil, s.peer.cut(c.statement, s.err))
		default:
			c.state = callSent
		}
	}
}

func (s *session) removeLocked(c *call) {
	delete(s.calls, c.seq)
	s.bytes -= c.size
}

// receive takes answers until the stream ends, and then ends the session.
func (s *session) receive() {
	for {
		reply, err := s.stream.Recv()
		if err != nil {
			s.end(err)
			return
		}
		s.mu.Lock()
		for _, r := range reply.GetReplies() {
			if c := s.calls[r.GetSeq()]; c != nil {
				s.removeLocked(c)
				c.finish(r, nil)
			}
		}
		if reply.GetClosing() {
			s.closeLocked(reply.GetLastSeq())
		}
		s.mu.Unlock()
	}
}

// closeLocked refuses what the other node has not taken and will not take.
func (s *session) closeLocked(lastSeq uint64) {
	s.closing = fault.Refuse(fault.Closed, "%s is shutting down", s.peer.opts.Addr)
	for seq, c := range s.calls {
		if seq > lastSeq {
			s.removeLocked(c)
			c.finish(nil, s.closing)
		}
	}
	for _, c := range s.queue {
		c.finish(nil, s.closing)
	}
	s.queue = nil
}

// end finishes what is still open. The calls of a frame that is just being
// sent are left to who sends it.
func (s *session) end(err error) {
	s.cancel()
	s.peer.lost(s) // first: a caller that hears of the end may come again at once
	s.mu.Lock()
	s.err = err
	if status.Code(err) == codes.OK {
		s.err = status.Error(codes.Unavailable, "the stream was ended")
	}
	for _, c := range s.calls {
		if c.state == callSent {
			s.removeLocked(c)
			c.finish(nil, s.peer.cut(c.statement, s.err))
		}
	}
	for _, c := range s.queue {
		c.finish(nil, s.peer.notSent(s.err))
	}
	s.queue = nil
	s.mu.Unlock()
	close(s.done)
}

// askAlive sends a ping.
func (s *session) askAlive() {
	s.mu.Lock()
	s.ping = max(1, s.seq)
	s.mu.Unlock()
	s.kick()
}
