package link_test

import (
	"errors"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/wire"
)

// What a stopping node says it has not taken has not run, and neither has what
// comes later.
func TestCallsAfterClosing(t *testing.T) {
	taken := make(chan struct{})
	closing := make(chan struct{})
	end := make(chan struct{})
	addr := serveStub(t, &stubServer{link: func(s wire.Forward_LinkServer) error {
		s.SendHeader(wire.Meta{Version: wire.Version}.MD())
		s.Recv()
		close(taken)
		s.Send(&wire.LinkReply{Closing: true}) // without the statement just read
		close(closing)
		<-end
		return nil
	}})
	defer close(end)
	peer, err := link.Dial(link.Options{Addr: addr, Credentials: secret(t, testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	for range 3 { // one before, two after
		_, err := peer.Database("x").Exec(within(t), forward.Statement{ID: forward.NewID()})
		if !errors.Is(err, fault.Closed) || !fault.SafeToRetry(err) {
			t.Errorf("error %v", err)
		}
	}
	wait(t, "statement", taken)
	wait(t, "closing", closing)
}
