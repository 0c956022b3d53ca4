package serve

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// maxReplies bounds the replies of one frame.
const maxReplies = 512

// Link implements wire.ForwardServer.
func (s *Server) Link(stream wire.Forward_LinkServer) error {
	if s.isStopping() {
		return wire.Status(s.closed())
	}
	// The header tells the peer that it is let in, and what it may send.
	if err := stream.SendHeader(s.me.MD()); err != nil {
		return err
	}
	l := &linkStream{
		s: s, stream: stream, caller: callerFrom(stream.Context()),
		running: map[uint64]context.CancelFunc{},
	}
	ended := make(chan error, 1) // buffered: the handler may have left
	s.readers.Go(func() { ended <- l.read() })
	select {
	case err := <-ended:
		// The stream's context cancels what still runs.
		l.execs.Wait()
		return err
	case <-s.stopping:
		return l.finish()
	}
}

// linkStream is one peer's Link stream.
type linkStream struct {
	s      *Server
	stream wire.Forward_LinkServer
	caller *caller
	// execs counts statements until they are answered; with closing set it
	// only falls.
	execs sync.WaitGroup

	mu      sync.Mutex // guards the following
	running map[uint64]context.CancelFunc
	lastSeq uint64
	closing bool
	sending bool // a goroutine is sending; it takes what is added to out meanwhile
	out     []reply
	ping    uint64
}

// reply is an answer with the size of the request that it frees.
type reply struct {
	msg  *wire.ExecReply
	size int // of an admitted request, else -1
}

// read takes requests until the stream ends.
func (l *linkStream) read() error {
	for {
		req, err := l.stream.Recv()
		if err != nil {
			return nil // the peer went away, which is its right
		}
		for _, exec := range req.GetExecs() {
			l.start(exec)
		}
		for _, seq := range req.GetCancels() {
			l.mu.Lock()
			cancel := l.running[seq]
			l.mu.Unlock()
			if cancel != nil {
				cancel()
			}
		}
		if req.GetPing() != 0 {
			l.pong(req.GetPing())
		}
	}
}

// start runs one statement in a goroutine of its own, which ends with it.
func (l *linkStream) start(exec *wire.LinkExec) {
	size := proto.Size(exec.GetStatement())
	l.mu.Lock()
	if l.closing { // the last frame tells the peer
		l.mu.Unlock()
		return
	}
	l.execs.Add(1)
	err := l.admitLocked(exec, size)
	if err != nil {
		l.mu.Unlock()
		l.send(reply{&wire.ExecReply{Seq: exec.GetSeq(), Error: wire.NewError(err)}, -1})
		l.execs.Done()
		return
	}
	ctx, cancel := wire.WithTimeout(l.stream.Context(), exec.GetStatement().GetTimeoutNs())
	l.running[exec.GetSeq()] = cancel
	l.mu.Unlock()
	go func() {
		defer l.execs.Done()
		res, err := l.s.exec(ctx, exec.GetStatement())
		l.mu.Lock()
		delete(l.running, exec.GetSeq())
		l.mu.Unlock()
		cancel()
		r := reply{&wire.ExecReply{Seq: exec.GetSeq()}, size}
		if err != nil {
			r.msg.Error = wire.NewError(err)
		} else {
			r.msg.Result = wire.NewResult(res)
		}
		l.send(r)
	}()
}

func (l *linkStream) admitLocked(exec *wire.LinkExec, size int) error {
	if exec.GetSeq() <= l.lastSeq {
		return fault.Refuse(fault.Protocol, "statement %d came after %d", exec.GetSeq(), l.lastSeq)
	}
	l.lastSeq = exec.GetSeq()
	return l.caller.admit(size)
}

// send sends r, together with what other statements have ready. If another
// goroutine is sending it takes r along. What cannot be sent is dropped: the
// stream has ended then.
func (l *linkStream) send(r reply) {
	l.mu.Lock()
	l.out = append(l.out, r)
	l.flushLocked()
}

func (l *linkStream) pong(n uint64) {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return
	}
	l.ping = n
	if l.sending {
		l.mu.Unlock()
		return
	}
	// Not from here: the reader must not wait for a peer that does not read.
	l.execs.Add(1)
	l.mu.Unlock()
	go func() {
		defer l.execs.Done()
		l.mu.Lock()
		l.flushLocked()
	}()
}

// flushLocked sends until nothing is left, or leaves that to who is at it. It
// unlocks mu.
func (l *linkStream) flushLocked() {
	if l.sending {
		l.mu.Unlock()
		return
	}
	l.sending = true
	for len(l.out) > 0 || l.ping != 0 {
		n := min(len(l.out), maxReplies)
		batch := l.out[:n:n]
		l.out = l.out[n:]
		frame := &wire.LinkReply{Ping: l.ping, Replies: make([]*wire.ExecReply, n)}
		l.ping = 0
		l.mu.Unlock()
		for i, r := range batch {
			frame.Replies[i] = r.msg
		}
		l.stream.Send(frame) //nolint:errcheck // see send
		for _, r := range batch {
			if r.size >= 0 {
				l.caller.done(r.size)
			}
		}
		l.mu.Lock()
	}
	l.out = nil
	l.sending = false
	l.mu.Unlock()
}

// finish ends the stream in order: what was read is answered, and the peer
// learns what was not.
func (l *linkStream) finish() error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	// Whoever sends is counted in execs, and nothing is added to it any more.
	l.execs.Wait()
	return l.stream.Send(&wire.LinkReply{Closing: true, LastSeq: l.lastSeq})
}
