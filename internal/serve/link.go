package serve

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
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

// linkStream is one peer's link.
type linkStream struct {
	s      *Server
	raw    net.Conn // what is closed: unlike TLS's Close, its own does not wait
	conn   net.Conn
	frames *wire.Frames
	silent *time.Timer     // breaks the link
	ctx    context.Context // ends when the peer goes away
	cancel context.CancelFunc
	caller *caller
	texts  wire.Texts    // the reader's
	room   chan struct{} // holds one: replies have been sent
	// execs counts statements until they are answered; with closing set it
	// only falls.
	execs     sync.WaitGroup
	followed  map[string]bool // the databases of which the peer gets news; the reader's
	followers sync.WaitGroup  // their goroutines, which only the reader starts

	mu      sync.Mutex // guards the following
	running map[uint64]context.CancelFunc
	lastSeq uint64
	closing bool
	sending bool // a goroutine is sending; it takes what is added meanwhile
	out     []reply
	news    map[string]*wire.News // the newest of each database that is not sent yet
	ping    uint64
	last    *wire.LinkReply // to be sent behind out; the peer heeds nothing after it
}

// newLink returns the link on conn, which goes over raw. It breaks when nothing
// comes for too long; serve is to follow.
func (s *Server) newLink(raw, conn net.Conn) *linkStream {
	l := &linkStream{
		s: s, raw: raw, room: make(chan struct{}, 1), followed: map[string]bool{},
		running: map[uint64]context.CancelFunc{}, news: map[string]*wire.News{},
	}
	l.silent = time.AfterFunc(pingAfter+pingTimeout, l.breakOff)
	l.conn = heardConn{conn, l.silent}
	l.frames = wire.NewFrames(l.conn)
	return l
}

// heardConn puts a timer off when bytes come in.
type heardConn struct {
	net.Conn
	silent *time.Timer
}

func (c heardConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.silent.Reset(pingAfter + pingTimeout)
	}
	return n, err
}

func (l *linkStream) breakOff() { l.raw.Close() }

// serve lets the peer in or refuses it, and returns when the link has ended.
func (l *linkStream) serve(said wire.Meta) {
	defer l.s.conns.add(l.raw)()
	defer l.silent.Stop()
	defer l.breakOff()
	caller, leave, err := l.s.enterLink(said, l.raw.RemoteAddr())
	if err != nil {
		defer l.allowLastWords()()
		l.frames.Write(&wire.LinkWelcome{Error: wire.NewError(err)}) //nolint:errcheck // the peer is gone then
		l.readOut()
		return
	}
	defer leave()
	l.caller = caller
	defer l.s.peers.link(caller.info())()
	l.ctx, l.cancel = context.WithCancel(context.Background())
	defer l.cancel()
	if l.frames.Write(&wire.LinkWelcome{Server: l.s.me.LinkHello()}) != nil {
		return
	}
	var reader sync.WaitGroup
	reader.Go(l.read)
	select {
	case <-l.ctx.Done():
	case <-l.s.stopping:
		l.finish()
	}
	reader.Wait()
	l.followers.Wait() // which add to execs
	l.execs.Wait()
}

// reply is an answer with the size of the request that it frees.
type reply struct {
	msg   *wire.ExecReply
	bytes int // of msg
	size  int // of an admitted request, else -1
}

func newReply(msg *wire.ExecReply, size int) reply { return reply{msg, proto.Size(msg) + 4, size} }

// read takes requests until the peer goes away, which is its right, or does
// what ends the link. What runs is cancelled then.
func (l *linkStream) read() {
	defer l.breakOff() // somebody may be in a Write that waits for the peer
	defer l.cancel()
	for {
		req := &wire.LinkRequest{}
		err := l.frames.Read(req)
		if err == nil {
			err = l.take(req)
		}
		if err == nil {
			err = l.makeRoom()
		}
		var own *fault.Error
		switch {
		case err == nil:
			continue
		case errors.As(err, &own):
			l.giveUp(own)
		}
		return
	}
}

func (l *linkStream) take(req *wire.LinkRequest) error {
	for _, exec := range req.GetExecs() {
		sql, err := l.texts.Of(exec.GetStatement())
		if err != nil {
			return err
		}
		l.start(exec, sql)
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
	return l.follow(req)
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
			return nil // Read finds out
		case <-late:
			return fault.New(fault.Overloaded, "node %q does not read its answers, of which %d wait on %q",
				l.caller.meta.Node, n, l.s.opts.Name)
		}
	}
}

// start runs one statement, whose text is sql. It does not wait for it.
func (l *linkStream) start(exec *wire.LinkExec, sql string) {
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
	seq := exec.GetSeq() // the rest of exec is not held while the statement waits
	l.s.submit(ctx, exec.GetStatement(), sql, l.caller, func(res forward.Result, err error) {
		cancel()
		msg := &wire.ExecReply{Seq: seq}
		if err != nil {
			msg.Error = wire.NewError(err)
		} else {
			msg.Result = wire.NewResult(res)
		}
		l.answer(newReply(msg, size))
	})
}

// answer sends r soon, together with what other statements have ready, and does
// not wait for that: who calls it has run others' statements too.
func (l *linkStream) answer(r reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, r.msg.GetSeq())
	l.out = append(l.out, r)
	if l.sending { // it goes along
		l.execs.Done()
		return
	}
	l.sending = true
	go func() {
		defer l.execs.Done()
		l.mu.Lock()
		l.sendLocked()
	}()
}

func (l *linkStream) admitLocked(exec *wire.LinkExec, size int) error {
	if exec.GetSeq() <= l.lastSeq {
		return fault.Refuse(fault.Protocol, "statement %d came after %d", exec.GetSeq(), l.lastSeq)
	}
	l.lastSeq = exec.GetSeq()
	return l.caller.admit(size)
}

// flushSoon sends what the reader has to say, a pong and refusals, but not from
// here: the reader must not wait for a peer that does not read.
func (l *linkStream) flushSoon(ping uint64) {
	l.mu.Lock()
	l.ping = max(l.ping, ping)
	if l.closing { // nothing is taken any more, nor added to execs
		l.flushLocked()
		return
	}
	defer l.mu.Unlock()
	if len(l.out) > 0 || l.ping != 0 {
		l.flushAsideLocked()
	}
}

// flushAsideLocked is flushLocked on a goroutine of its own, if nobody is sending.
// It must not be called with closing set. It keeps mu.
func (l *linkStream) flushAsideLocked() {
	if l.sending {
		return
	}
	l.sending = true
	l.execs.Add(1)
	go func() {
		defer l.execs.Done()
		l.mu.Lock()
		l.sendLocked()
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
	l.sendLocked()
}

// sendLocked is flushLocked for who has set sending.
func (l *linkStream) sendLocked() {
	for len(l.out) > 0 || len(l.news) > 0 || l.ping != 0 || l.last != nil {
		if len(l.running) > 0 { // others may be about to end, and go along
			l.mu.Unlock()
			runtime.Gosched()
			l.mu.Lock()
		}
		frame, batch := &wire.LinkReply{}, l.batchLocked()
		if len(l.out) == 0 && l.last != nil {
			frame, l.last = l.last, nil
		}
		frame.Ping, frame.Replies, frame.News = l.ping, make([]*wire.ExecReply, len(batch)), l.takeNewsLocked()
		l.ping = 0
		l.mu.Unlock()
		for i, r := range batch {
			frame.Replies[i] = r.msg
			if r.size >= 0 {
				l.caller.done(r.size) // before the peer can send the next one
			}
		}
		if err := l.frames.Write(frame); err != nil {
			l.breakOff() // the peer must not wait for what was in it
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

// giveUp ends the link for a reason that is the peer's own doing. What runs is
// cancelled, and answers that wait are dropped.
func (l *linkStream) giveUp(why error) {
	l.cancel()
	defer l.allowLastWords()()
	l.mu.Lock()
	l.closing, l.out = true, nil
	clear(l.news)
	l.last = &wire.LinkReply{Error: wire.NewError(why)}
	l.flushLocked()
	l.readOut()
}

// finish ends the link in order: what was read is answered, and the peer
// learns what was not.
func (l *linkStream) finish() {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.execs.Wait() // nothing is added to it any more
	defer l.allowLastWords()()
	l.mu.Lock()
	l.last = &wire.LinkReply{Closing: true, LastSeq: l.lastSeq}
	l.flushLocked() // with what the reader left
	<-l.ctx.Done()
}

// readOut waits until the peer has closed the connection, as it does when it has
// read the last frame. If this side closed first, while there are bytes of the
// peer that nobody has read, TCP would throw away what is still on its way.
func (l *linkStream) readOut() {
	io.Copy(io.Discard, l.conn) //nolint:errcheck // it is over either way
}

// allowLastWords breaks the link if the peer does not within lastWords.
func (l *linkStream) allowLastWords() (stop func() bool) {
	return time.AfterFunc(lastWords, l.breakOff).Stop
}
