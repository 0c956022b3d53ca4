package link_test

import (
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/secure"
)

// Strangers that connect and say nothing are let wait only in bounded number.
func TestHandshakesAreBounded(t *testing.T) {
	for name, c := range map[string]credentials.TransportCredentials{
		"secret": secret(t, testSecret), "insecure": secure.Insecure(),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, withCredentials(c))
			for _, conn := range strangers(t, p, 256, 20) {
				conn.Close()
			}
			for end := within(t); ; { // when the server has seen that they are gone
				_, err := p.peer.Hello(end)
				if err == nil {
					return
				}
				if end.Err() != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// strangers fill all places for those who have not said what they want, and try
// to take as many more.
func strangers(t *testing.T, p *pair, limit, more int) (all []net.Conn) {
	t.Helper()
	refused := make(chan struct{}, limit+more)
	for range limit + more {
		conn, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		all = append(all, conn)
		go func() {
			conn.Read(make([]byte, 1)) //nolint:errcheck // it ends
			refused <- struct{}{}
		}()
	}
	for range more {
		wait(t, "end of a connection too many", refused)
	}
	return all
}

// Those who wait for a primary ask for another attempt while the first one is
// under way. With the race detector this fails if gRPC is asked at any time.
func TestReconnectWhileConnecting(t *testing.T) {
	for range 10 {
		t.Run("", reconnectWhileConnecting)
	}
}

func reconnectWhileConnecting(t *testing.T) {
	p := newPair(t, pairOptions{})
	done := make(chan struct{})
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			for {
				p.peer.Reconnect()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	_, err := p.peer.Hello(within(t))
	close(done)
	asking.Wait()
	if err != nil {
		t.Fatal(err)
	}
}
