package link

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/litefwd/litefwd/internal/wire"
)

// scriptedStream takes what is sent and answers what the test says.
type scriptedStream struct {
	grpc.ClientStream
	sent    chan *wire.LinkRequest
	replies chan *wire.LinkReply
}

func (s *scriptedStream) Send(r *wire.LinkRequest) error { s.sent <- r; return nil }

func (s *scriptedStream) Recv() (*wire.LinkReply, error) {
	r, ok := <-s.replies
	if !ok {
		return nil, context.Canceled
	}
	return r, nil
}

// A statement that its caller gave up still lies in the connection, so that
// the next caller must not send by itself: Send could hold it up, whatever its
// context says.
func TestGivenUpStatementsCountUntilAnswered(t *testing.T) {
	stream := &scriptedStream{sent: make(chan *wire.LinkRequest, 10), replies: make(chan *wire.LinkReply)}
	ctx, cancel := context.WithCancel(t.Context())
	p := &Peer{ctx: ctx, cancel: cancel, opts: Options{}.normalize()}
	s := &session{
		peer: p, stream: stream, cancel: cancel, wake: make(chan struct{}, 1), done: make(chan struct{}),
		calls: map[uint64]*call{},
	}
	newCall := func() *call {
		return &call{statement: &wire.Statement{}, size: 30 << 10, done: make(chan outcome, 1)}
	}
	first := newCall()
	s.submit(first)
	seq := (<-stream.sent).GetExecs()[0].GetSeq()
	if _, err := s.giveUp(first, context.Canceled); err == nil {
		t.Error("no error")
	}
	second := newCall()
	s.submit(second)
	if len(stream.sent) != 0 {
		t.Error("the caller sent by itself")
	}
	if _, err := s.giveUp(second, context.Canceled); err != context.Canceled { //nolint:errorlint // plain
		t.Errorf("error %v", err)
	}
	go s.receive()
	stream.replies <- &wire.LinkReply{Replies: []*wire.ExecReply{{Seq: seq}}}
	stream.replies <- &wire.LinkReply{} // the one before has been taken
	s.submit(newCall())
	if len(stream.sent) != 1 {
		t.Error("the answer did not make room")
	}
	close(stream.replies)
	<-s.done
	if s.bytes != 0 || len(s.calls) != 0 {
		t.Errorf("%d bytes, %d calls left", s.bytes, len(s.calls))
	}
}
