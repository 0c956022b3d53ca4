package link

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// scriptedConn takes what is sent and answers what the test says.
type scriptedConn struct {
	io.Reader
	sent chan *wire.LinkRequest
}

func (s *scriptedConn) Write(b []byte) (int, error) {
	r := &wire.LinkRequest{}
	if err := wire.NewFrames(bytes.NewBuffer(b)).Read(r); err != nil {
		return 0, err // not one whole frame
	}
	s.sent <- r
	return len(b), nil
}

// scripted returns a session that has not been started, what it sends, and how
// it is answered.
func scripted(t *testing.T) (s *session, sent chan *wire.LinkRequest, answer func(*wire.LinkReply)) {
	in, out := io.Pipe()
	conn, _ := net.Pipe()
	sent = make(chan *wire.LinkRequest, 10)
	p := &Peer{ctx: t.Context(), opts: Options{}.normalize()}
	s = &session{
		peer: p, conn: watchConn(conn), frames: wire.NewFrames(&scriptedConn{in, sent}),
		wake: make(chan struct{}, 1), done: make(chan struct{}), calls: map[uint64]*call{},
	}
	replies := wire.NewFrames(struct {
		io.Reader
		io.Writer
	}{nil, out})
	return s, sent, func(r *wire.LinkReply) {
		if r == nil {
			out.Close()
		} else if err := replies.Write(r); err != nil {
			t.Error(err)
		}
	}
}

func newCall(size int) *call {
	return &call{statement: &wire.Statement{}, size: size, done: make(chan outcome, 1)}
}

// A statement that its caller gave up still lies in the connection, so that
// the next caller must not send by itself: Write could hold it up, whatever its
// context says.
func TestGivenUpStatementsCountUntilAnswered(t *testing.T) {
	s, sent, answer := scripted(t)
	first := newCall(30 << 10)
	s.submit(first)
	seq := (<-sent).GetExecs()[0].GetSeq()
	if _, err := s.giveUp(first, context.Canceled); err == nil {
		t.Error("no error")
	}
	second := newCall(30 << 10)
	s.submit(second)
	if len(sent) != 0 {
		t.Error("the caller sent by itself")
	}
	if _, err := s.giveUp(second, context.Canceled); err != context.Canceled { //nolint:errorlint // plain
		t.Errorf("error %v", err)
	}
	go func() { s.end(s.receive()) }()
	answer(&wire.LinkReply{Replies: []*wire.ExecReply{{Seq: seq}}})
	answer(&wire.LinkReply{}) // the one before has been taken
	answer(&wire.LinkReply{}) // and this one's bytes are not in a buffer
	s.submit(newCall(30 << 10))
	if len(sent) != 1 {
		t.Error("the answer did not make room")
	}
	answer(nil)
	<-s.done
	if s.bytes != 0 || len(s.calls) != 0 {
		t.Errorf("%d bytes, %d calls left", s.bytes, len(s.calls))
	}
}

// What comes between the other node's last frame and the end of the session has
// not run.
func TestCallsBehindClosing(t *testing.T) {
	s, sent, answer := scripted(t)
	before, after := newCall(1), newCall(1)
	s.submit(before)
	<-sent
	go answer(&wire.LinkReply{Closing: true})
	why := s.receive()
	s.submit(after)
	s.end(why)
	for _, c := range []*call{before, after} {
		if o := <-c.done; !errors.Is(o.err, fault.Closed) || !fault.SafeToRetry(o.err) {
			t.Errorf("error %v", o.err)
		}
	}
}

// Who sends his own statement takes others' along only as far as Write cannot
// hold him up.
func TestInlineFramesAreSmall(t *testing.T) {
	s, sent, _ := scripted(t)
	s.submit(newCall(1000))
	<-sent
	s.queue = []*call{newCall(10 << 10), newCall(20 << 10), newCall(20 << 10)}
	s.mu.Lock()
	s.sendLocked(inlineBytes - s.bytes)
	s.mu.Unlock()
	if n := len((<-sent).GetExecs()); n != 2 || len(s.queue) != 1 || s.bytes > inlineBytes {
		t.Errorf("%d statements in the frame, %d left, %d bytes under way", n, len(s.queue), s.bytes)
	}
}

// Cancels do not make a frame that the other node would refuse.
func TestManyCancels(t *testing.T) {
	s, sent, _ := scripted(t)
	const n = 3 * maxCancels
	for i := range uint64(n) {
		s.cancels = append(s.cancels, 1<<60+i)
	}
	for got := 0; got < n; {
		s.mu.Lock()
		s.sendLocked(maxFrame)
		s.mu.Unlock()
		if s.peer.ctx.Err() != nil || len(sent) == 0 {
			t.Fatalf("%d of %d sent", got, n)
		}
		got += len((<-sent).GetCancels())
	}
}
