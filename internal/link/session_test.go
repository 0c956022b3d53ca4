package link_test

import (
	"errors"
	"sync/atomic"
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
	var links atomic.Int64
	addr := serveStub(t, func(l *rawLink) {
		if links.Add(1) > 1 {
			l.welcome(fault.Refuse(fault.Closed, "shutting down"))
			return
		}
		l.welcome(nil)
		l.frames.Read(&wire.LinkRequest{}) //nolint:errcheck // the test finds out
		close(taken)
		l.frames.Write(&wire.LinkReply{Closing: true}) //nolint:errcheck // without the statement just read
		l.untilClosed()
	})
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
}
