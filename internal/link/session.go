package link

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/rawconn"
	"github.com/litefwd/litefwd/internal/wire"
)

const (
	// maxFrame bounds the statements that share a frame, in bytes, and
	// maxCancels what goes along with them.
	maxFrame   = 256 << 10
	maxCancels = 4096
	// inlineBytes is how much may be under way for a caller to write its own
	// statement, which saves waking the sender. A Write of so little does not
	// wait for the other node, whose kernel takes it or not: Linux lets at
	// least 85 KiB of buffers wait in a connection, of which small messages
	// use half or more (tcp_sndbuf_expand); others allow 64 KiB and more.
	inlineBytes = 32 << 10
)

// session is an open link. It ends when its connection does and is not used
// again.
type session struct {
	peer       *Peer
	conn       *watchedConn // below TLS: its Close does not wait
	frames     *wire.Frames
	maxMessage int           // what both nodes accept
	wake       chan struct{} // for the sender; holds one, so that wake-ups coalesce
	done       chan struct{} // closed when the session has ended

	mu      sync.Mutex // guards the following
	queue   []*call    // not yet in a frame
	cancels []uint64
	follows [][]byte // databases, of which to ask for news
	ping    uint64
	sending bool             // a goroutine is in frames.Write
	calls   map[uint64]*call // in a frame and not answered, waited for or not
	bytes   int              // of the calls in calls
	seq     uint64
	texts   wire.TextNumbers
	err     error // why the session has ended, or nil
}

// newSession connects, and waits until the other node has accepted the link.
// Its errors say that nothing ran.
func newSession(p *Peer) (*session, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.opts.ConnectTimeout)
	defer cancel()
	s, err := p.connect(ctx)
	switch {
	case err == nil:
		return s, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fault.Refuse(fault.NoPrimary, "no answer from %s within %v", p.opts.Addr, p.opts.ConnectTimeout)
	default:
		return nil, p.unsent(err)
	}
}

// connect opens the link; when ctx ends before it is open, it breaks.
func (p *Peer) connect(ctx context.Context) (s *session, err error) {
	raw, err := p.opts.Dialer(ctx, p.opts.Addr)
	if err != nil {
		return nil, fault.Refuse(fault.NoPrimary, "cannot reach %s: %w", p.opts.Addr, err)
	}
	conn := watchConn(rawconn.Wrap(raw))
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			conn.Close()
		}
	}()
	secured, _, err := p.opts.Credentials.ClientHandshake(ctx, p.opts.Addr, conn)
	if err != nil {
		return nil, err
	}
	frames, welcome := wire.NewFrames(secured), &wire.LinkWelcome{}
	if _, err = io.WriteString(secured, wire.LinkMagic); err == nil {
		err = frames.Write(p.me.LinkHello())
	}
	if err == nil {
		err = frames.Read(welcome)
	}
	if errors.Is(err, fault.Protocol) {
		err = fault.Refuse(fault.Protocol, "%s does not speak litefwd's protocol: %w", p.opts.Addr, err)
	}
	if err == nil {
		err = welcome.GetError().Err()
	}
	if err != nil {
		return nil, err
	}
	s = &session{
		peer: p, conn: conn, frames: frames, maxMessage: p.opts.MaxMessage,
		wake: make(chan struct{}, 1), done: make(chan struct{}), calls: map[uint64]*call{},
	}
	if limit := welcome.GetServer().Meta().MaxMessage; limit > 0 {
		s.maxMessage = min(s.maxMessage, limit)
	}
	return s, nil
}

// start starts the goroutines, which end with the connection.
func (s *session) start() {
	closed := context.AfterFunc(s.peer.ctx, func() { s.conn.Close() })
	s.peer.goroutines.Go(func() {
		s.end(s.receive())
		closed()
	})
	s.peer.goroutines.Go(s.sender)
	o := s.peer.opts
	s.peer.goroutines.Go(func() { s.conn.watch(s.done, o.PingEvery, o.PingTimeout, s.askAlive) })
}

// submit sends c, now or with the next frame. If the session has ended, c is
// finished at once.
func (s *session) submit(c *call) {
	s.mu.Lock()
	if err := s.err; err != nil {
		s.mu.Unlock()
		c.finish(nil, s.peer.unsent(err))
		return
	}
	s.queue = append(s.queue, c)
	if s.sending || len(s.queue) > 1 || s.bytes+c.size > inlineBytes {
		sending := s.sending
		s.mu.Unlock()
		if !sending { // who is looks for more
			s.kick()
		}
		return
	}
	s.sendLocked(inlineBytes - s.bytes)
	more := s.hasMoreLocked()
	s.mu.Unlock()
	if more {
		s.kick() // others' statements are not this caller's to wait for
	}
}

// hasMoreLocked reports whether something is to be sent.
func (s *session) hasMoreLocked() bool {
	return len(s.queue) > 0 || len(s.cancels) > 0 || len(s.follows) > 0 || s.ping != 0
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
		for !s.sending && s.err == nil && s.hasMoreLocked() {
			s.sendLocked(maxFrame)
		}
		s.mu.Unlock() // if another is sending, it kicks when it is done
	}
}

// sendLocked sends one frame, without the lock but with sending set: one
// statement, and as many more as limit has room for.
func (s *session) sendLocked(limit int) {
	s.sending = true
	if len(s.calls) > 0 { // others are at work, and may have something to go along
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
		if s.err != nil { // end finishes the queue
			s.sending = false
			return
		}
	}
	n, follows := min(len(s.cancels), maxCancels), min(len(s.follows), maxFollows)
	frame := &wire.LinkRequest{Cancels: s.cancels[:n:n], Ping: s.ping, Follow: s.follows[:follows:follows]}
	s.cancels, s.follows, s.ping = s.cancels[n:], s.follows[follows:], 0
	var leaving []*call
	size := 0
	for len(s.queue) > 0 {
		c := s.queue[0]
		if size > 0 && size+c.size > limit {
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
		s.texts.Number(c.statement)
		frame.Execs = append(frame.Execs, &wire.LinkExec{Seq: c.seq, Statement: c.statement})
	}
	s.mu.Unlock()
	sendErr := s.frames.Write(frame)
	if sendErr != nil {
		s.conn.Close() // nothing more can be sent; receive ends the session
	}
	s.mu.Lock()
	s.sending = false
	for _, c := range leaving {
		switch {
		case s.calls[c.seq] != c: // answered
		case sendErr != nil:
			// Part of the frame may have left, but not all of it, and the other
			// node runs nothing of a part: see Frames.Write.
			s.removeLocked(c)
			c.finish(nil, s.peer.unsent(sendErr))
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

// receive takes answers until the link ends, and returns why.
func (s *session) receive() error {
	for {
		reply := &wire.LinkReply{}
		if err := s.frames.Read(reply); err != nil {
			return err
		}
		s.mu.Lock()
		for _, r := range reply.GetReplies() {
			if c := s.calls[r.GetSeq()]; c != nil {
				s.removeLocked(c)
				c.finish(r, nil)
			}
		}
		s.mu.Unlock()
		s.peer.hear(reply.GetNews())
		if reply.GetClosing() {
			return s.closing(reply.GetLastSeq())
		}
		if err := reply.GetError().Err(); err != nil {
			return err
		}
	}
}

// closing refuses what the other node has not taken and will not take, and
// returns the refusal.
func (s *session) closing(lastSeq uint64) error {
	err := fault.Refuse(fault.Closed, "%s is shutting down", s.peer.opts.Addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err // at once: whatever is sent from now on has not run either
	for seq, c := range s.calls {
		if seq > lastSeq {
			s.removeLocked(c)
			c.finish(nil, err)
		}
	}
	return err
}

// end finishes what is still open. The calls of a frame that is just being
// sent are left to who sends it.
func (s *session) end(err error) {
	s.conn.Close()
	s.peer.lost(s) // first: a caller that hears of the end may come again at once
	s.mu.Lock()
	s.err = err
	for _, c := range s.calls {
		if c.state == callSent {
			s.removeLocked(c)
			c.finish(nil, s.peer.cut(c.statement, err))
		}
	}
	for _, c := range s.queue {
		c.finish(nil, s.peer.unsent(err))
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
