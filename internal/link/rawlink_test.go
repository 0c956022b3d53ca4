package link_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/serve"
	"github.com/litefwd/litefwd/internal/wire"
)

// The answers of one frame are not more than the peer takes, however long the
// errors are: all callers share it.
func TestLongErrorsShareFrames(t *testing.T) {
	g := newGate()
	text := strings.Repeat("e", 1<<20)
	p := newPair(t, pairOptions{
		serve: func(o *serve.Options) { o.MaxMessage = 64 << 10 },
		link:  func(o *link.Options) { o.MaxMessage = 64 << 10 },
		target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
			return forward.Result{}, errors.Join(g.pass(ctx), &fault.SQLError{Code: 1, ExtendedCode: 257, Msg: text})
		}},
	})
	var wg sync.WaitGroup
	for range 400 {
		wg.Go(func() {
			_, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()})
			var e *fault.SQLError
			if !errors.As(err, &e) || e.ExtendedCode != 257 || len(e.Msg) < 8<<10 || len(e.Msg) > 9<<10 {
				t.Errorf("error %.100v", err)
			}
		})
		wait(t, "execution", g.entered)
	}
	g.open()
	wg.Wait()
}

// Frames stop at their size.
func TestReplyFramesAreBounded(t *testing.T) {
	g := newGate()
	text := strings.Repeat("e", 8<<10)
	p := newPair(t, pairOptions{target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		return forward.Result{}, errors.Join(g.pass(ctx), &fault.SQLError{Code: 1, Msg: text})
	}}})
	c, ctx := rawClient(t, p)
	s, err := c.Link(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const n = 600
	s.Send(rawFrame(1, n))
	for range n {
		wait(t, "execution", g.entered)
	}
	g.open()
	for got := 0; got < n; {
		reply, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, r := range reply.GetReplies() {
			size += len(r.GetError().GetMsg())
		}
		if got += len(reply.GetReplies()); size > 256<<10 {
			t.Fatalf("a frame of %d answers has %d bytes", len(reply.GetReplies()), size)
		}
	}
}

// rawFrame has n statements, numbered from first.
func rawFrame(first uint64, n int) *wire.LinkRequest {
	id := forward.NewID()
	req := &wire.LinkRequest{}
	for i := range uint64(n) {
		req.Execs = append(req.Execs, &wire.LinkExec{Seq: first + i, Statement: &wire.Statement{Id: id[:]}})
	}
	return req
}

// A peer that sends and never reads is not collected for without end: its
// stream is ended, and what it runs with it.
func TestUnreadAnswersEndTheStream(t *testing.T) {
	interrupted := make(chan struct{}, 100)
	p := newPair(t, pairOptions{
		serve: func(o *serve.Options) { o.MaxStatements = 10 },
		target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
			<-ctx.Done()
			interrupted <- struct{}{}
			return forward.Result{}, ctx.Err()
		}},
	})
	c, ctx := rawClient(t, p, grpc.WithStaticStreamWindowSize(65535))
	s, err := c.Link(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// Refusals, which take more than the statements; without a bound this goes
	// on until the test's time is over.
	var sender sync.WaitGroup
	sender.Go(func() {
		for i := uint64(0); s.Send(rawFrame(1+2000*i, 2000)) == nil; i++ {
		}
	})
	defer sender.Wait()
	for range 10 {
		wait(t, "interrupt", interrupted)
	}
	for {
		if _, err = s.Recv(); err != nil {
			break
		}
	}
	if said := wire.FromStatus(err); !errors.Is(said, fault.Overloaded) || fault.SafeToRetry(said) {
		t.Errorf("the stream ended with %v", err)
	}
	if _, err := p.peer.Hello(within(t)); err != nil {
		t.Errorf("others are not served: %v", err)
	}
}

// What ends a Link stream is not about the statements on it.
func TestLinkStatusIsNobodysError(t *testing.T) {
	running := make(chan struct{})
	addr := serveStub(t, &stubServer{link: func(s wire.Forward_LinkServer) error {
		s.SendHeader(wire.Meta{Version: wire.Version, Cluster: "c1"}.MD())
		s.Recv()
		close(running)
		return wire.Status(fault.Refuse(fault.Overloaded, "you do not read"))
	}})
	peer, err := link.Dial(link.Options{Addr: addr, Credentials: secret(t, testSecret), Cluster: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	_, err = peer.Database("x").Exec(within(t), forward.Statement{ID: forward.NewID()})
	wait(t, "statement", running)
	if !errors.Is(err, fault.OutcomeUnknown) || fault.SafeToRetry(err) || !strings.Contains(err.Error(), "you do not read") {
		t.Errorf("error %v", err)
	}
}

// stubServer is a primary that does as the test likes.
type stubServer struct {
	wire.UnimplementedForwardServer
	link func(wire.Forward_LinkServer) error
}

func (s *stubServer) Link(stream wire.Forward_LinkServer) error {
	if s.link == nil {
		return status.Error(codes.Unavailable, "no stub")
	}
	return s.link(stream)
}
