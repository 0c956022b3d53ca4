package serve

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

const (
	// maxReplies and maxFrame bound the replies of one frame, in number and
	// in bytes.
	maxReplies = 512
	maxFrame   = 256 << 10
	// maxQueued bounds the replies that wait for the peer to read, besides
	// those of statements that were let in.
	maxQueued = 4096
	// readPatience is how long the peer may let more of them wait.
	readPatience = time.Second
)

// Link implements wire.ForwardServer.
func (s *Server) Link(stream wire.Forward_LinkServer) error {
	if s.isStopping() {
		return wire.Status(s.closed())
	}
	defer s.peers.link(callerFrom(stream.Context()).info())()
	// The header tells the peer that it is let in, and what it may send.
	if err := stream.SendHeader(s.me.MD()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	l := &linkStream{
		s: s, stream: stream, ctx: ctx, caller: callerFrom(ctx),
		running: map[uint64]context.CancelFunc{}, room: make(chan struct{}, 1),
	}
	ended := make(chan error, 1) // buffered: the handler may have left
	s.readers.Go(func() { ended <- l.read() })
	select {
	case err := <-ended:
		if err != nil {
			// Somebody may be in a Send that only this handler's end ends.
			l.abandon(cancel)
			return err
		}
		// The stream's context cancels what still runs.
		l.execs.Wait()
		return nil
	case <-s.stopping:
		return l.finish()
	}
}

// linkStream is one peer's Link stream.
type linkStream struct {
	s      *Server
	stream wire.Forward_LinkServer
	ctx    context.Context // of the stream
	caller *caller
	room   chan struct{} // holds one: replies have been sent
	// execs counts statements until they are answered; with closing set it
	// only falls.
	execs sync.WaitGroup

	mu      sync.Mutex // guards the following
	running map[uint64]context.CancelFunc
	lastSeq uint64
	closing bool
	over    bool // nothing is sent any more
	sending bool // a goroutine is sending; it takes what is added to out meanwhile
	out     []reply
	ping    uint64
}

// reply is an answer with the size of the request that it frees.
type reply struct {
	msg   *wire.ExecReply
	bytes int // of msg
	size  int // of an admitted request, else -1
}

func newReply(msg *wire.ExecReply, size int) reply { return reply{msg, proto.Size(msg) + 4, size} }

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
		l.flushSoon(req.GetPing())
		if err := l.makeRoom(); err != nil {
			return wire.Status(err)
		}
	}
}

// makeRoom waits until not too many answers wait for the peer to read them.
func (l *linkStream) makeRoom() error {
	var late <-chan time.Time
	for {
		l.mu.Lock()
		n := len(l.out)
		l.mu.Unlock()
		if n <= maxQueued+l.s.opts.MaxStatements {
			return nil
		}
		if late == nil {
			late = time.After(readPatience)
		}
		select {
		case <-l.room:
		case <-l.ctx.Done():
			return nil // Recv finds out
		case <-late:
			return fault.New(fault.Overloaded, "node %q does not read its answers, of which %d wait on %q",
				l.caller.meta.Node, n, l.s.opts.Name)
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
	if err := l.admitLocked(exec, size); err != nil {
		l.out = append(l.out, newReply(&wire.ExecReply{Seq: exec.GetSeq(), Error: wire.NewError(err)}, -1))
		l.mu.Unlock()
		return
	}
	l.execs.Add(1)
	ctx, cancel := wire.WithTimeout(l.ctx, exec.GetStatement().GetTimeoutNs())
	l.running[exec.GetSeq()] = cancel
	l.mu.Unlock()
	go func() {
		defer l.execs.Done()
		res, err := l.s.exec(ctx, exec.GetStatement())
		l.mu.Lock()
		delete(l.running, exec.GetSeq())
		l.mu.Unlock()
		cancel()
		msg := &wire.ExecReply{Seq: exec.GetSeq()}
		if err != nil {
			msg.Error = wire.NewError(err)
		} else {
			msg.Result = wire.NewResult(res)
		}
		l.send(newReply(msg, size))
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

// flushSoon sends what the reader has to say, a pong and refusals, but not from
// here: the reader must not wait for a peer that does not read.
func (l *linkStream) flushSoon(ping uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing { // finish sends what is left
		return
	}
	l.ping = max(l.ping, ping)
	if l.sending || len(l.out) == 0 && l.ping == 0 {
		return
	}
	l.execs.Add(1)
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
		batch := l.batchLocked()
		frame := &wire.LinkReply{Ping: l.ping, Replies: make([]*wire.ExecReply, len(batch))}
		l.ping = 0
		over := l.over
		l.mu.Unlock()
		for i, r := range batch {
			frame.Replies[i] = r.msg
		}
		if !over {
			l.stream.Send(frame) //nolint:errcheck // see send
		}
		for _, r := range batch {
			if r.size >= 0 {
				l.caller.done(r.size)
			}
		}
		select {
		case l.room <- struct{}{}:
		default:
		}
		l.mu.Lock()
	}
	l.out = nil
	l.sending = false
	l.mu.Unlock()
}

// batchLocked takes the replies of the next frame.
func (l *linkStream) batchLocked() []reply {
	n, bytes := 0, 0
	for n < min(len(l.out), maxReplies) && (n == 0 || bytes+l.out[n].bytes <= maxFrame) {
		bytes += l.out[n].bytes
		n++
	}
	batch := l.out[:n:n]
	l.out = l.out[n:]
	return batch
}

// abandon cancels what runs and drops its answers. It does not wait for that,
// but Stop does.
func (l *linkStream) abandon(cancel context.CancelFunc) {
	l.mu.Lock()
	l.over, l.closing = true, true
	l.mu.Unlock()
	cancel()
	l.s.abandoned.Store(true)
	release := l.caller.hold()
	l.s.readers.Go(func() {
		defer release()
		l.execs.Wait()
	})
}

// finish ends the stream in order: what was read is answered, and the peer
// learns what was not.
func (l *linkStream) finish() error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	// Whoever sends is counted in execs, and nothing is added to it any more.
	l.execs.Wait()
	l.mu.Lock()
	l.flushLocked() // what the reader left
	return l.stream.Send(&wire.LinkReply{Closing: true, LastSeq: l.lastSeq})
}
