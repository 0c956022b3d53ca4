package link_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

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
	l := newRawLink(t, p)
	const n = 600
	l.send(rawFrame(1, n)) //nolint:errcheck // recv finds out
	for range n {
		wait(t, "execution", g.entered)
	}
	g.open()
	for got := 0; got < n; {
		reply, err := l.recv()
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
// link is ended, and what it runs with it.
func TestUnreadAnswersEndTheLink(t *testing.T) {
	interrupted := make(chan struct{}, 100)
	p := newPair(t, pairOptions{
		serve: func(o *serve.Options) { o.MaxStatements = 10 },
		target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
			<-ctx.Done()
			interrupted <- struct{}{}
			return forward.Result{}, ctx.Err()
		}},
	})
	l := newRawLink(t, p)
	// Refusals, which take more than the statements; without a bound this goes
	// on until the test's time is over.
	var sender sync.WaitGroup
	sender.Go(func() {
		for i := uint64(0); l.send(rawFrame(1+2000*i, 2000)) == nil; i++ {
		}
	})
	defer sender.Wait()
	for range 10 {
		wait(t, "interrupt", interrupted)
	}
	var said error
	for said == nil {
		reply, err := l.recv()
		if err != nil {
			t.Fatal(err)
		}
		said = reply.GetError().Err()
	}
	l.Close()
	if !errors.Is(said, fault.Overloaded) || fault.SafeToRetry(said) {
		t.Errorf("the link ended with %v", said)
	}
	if _, err := p.peer.Hello(within(t)); err != nil {
		t.Errorf("others are not served: %v", err)
	}
}

// What ends a link is not about the statements on it.
func TestEndOfLinkIsNobodysError(t *testing.T) {
	running := make(chan struct{})
	addr := serveStub(t, func(l *rawLink) {
		l.welcome(nil)
		l.frames.Read(&wire.LinkRequest{}) //nolint:errcheck // the test finds out
		close(running)
		why := wire.NewError(fault.Refuse(fault.Overloaded, "you do not read"))
		l.frames.Write(&wire.LinkReply{Error: why}) //nolint:errcheck // as above
		l.untilClosed()
	})
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
