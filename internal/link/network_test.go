package link

import (
	"net"
	"testing"
	"time"
)

// A connection over which nothing comes is closed; one over which something
// comes each time is not.
func TestWatchClosesSilentConnections(t *testing.T) {
	conn, other := net.Pipe()
	defer other.Close()
	c := watchConn(conn)
	asked := 0
	done := make(chan struct{})
	answer := func() {
		if asked++; asked <= 3 {
			c.read.Store(int64(monotonic()))
		}
	}
	go func() {
		defer close(done)
		c.watch(c.closed, 5*time.Millisecond, 20*time.Millisecond, answer)
	}()
	select {
	case <-c.closed:
	case <-time.After(20 * time.Second):
		t.Fatal("not closed")
	}
	<-done
	if asked != 4 {
		t.Errorf("asked %d times, want 4", asked)
	}
}

// The other node hears from this one although its own bytes keep coming.
func TestWatchAsksWhenOnlyThisNodeIsSilent(t *testing.T) {
	conn, other := net.Pipe()
	defer other.Close()
	c := watchConn(conn)
	c.read.Store(int64(monotonic() + time.Hour))
	asked := make(chan struct{}, 100)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		c.watch(c.closed, 5*time.Millisecond, 20*time.Millisecond, func() { asked <- struct{}{} })
	}()
	for range 2 {
		select {
		case <-asked:
		case <-time.After(20 * time.Second):
			t.Fatal("not asked")
		}
	}
	select {
	case <-c.closed:
		t.Error("closed")
	default:
	}
	c.Close()
	<-watched
}
