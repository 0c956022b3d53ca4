package link_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/litefwd/litefwd/internal/link"
)

// Close waits for what belongs to a gRPC connection that comes about just then.
func TestCloseWhileConnecting(t *testing.T) {
	for range 20 { // it depends on the moment
		t.Run("", func(t *testing.T) {
			var dials atomic.Int64
			connecting := make(chan struct{})
			p := newPair(t, pairOptions{link: func(o *link.Options) {
				dial := o.Dialer
				o.Dialer = func(ctx context.Context, addr string) (net.Conn, error) {
					if dials.Add(1) == 2 { // the first is the link
						close(connecting)
						<-ctx.Done() // which Close ends
					}
					return dial(context.WithoutCancel(ctx), addr)
				}
			}})
			failed := make(chan error, 1)
			go func() {
				_, err := p.peer.Hello(within(t))
				failed <- err
			}()
			wait(t, "gRPC's connection", connecting)
			p.peer.Close()
			if err := wait(t, "error", failed); err == nil {
				t.Error("no error")
			}
		})
	}
}
