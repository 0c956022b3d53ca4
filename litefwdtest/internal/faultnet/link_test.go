package faultnet

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// echo is a server that answers each line with itself, after calling ran.
type echo struct {
	net.Listener
	running sync.WaitGroup
}

func newEcho(t *testing.T, ran func()) *echo {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{Listener: ln}
	e.running.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			e.running.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					ran()
					io.WriteString(c, line)
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		e.running.Wait()
	})
	return e
}

func newLink(t *testing.T, target string) *Link {
	t.Helper()
	l, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	l.SetTarget(target)
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, l *Link) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// askNew asks on a new connection, which may be refused already.
func askNew(t *testing.T, l *Link) error {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = ask(c)
	return err
}

// ask sends a line and reads the answer.
func ask(c net.Conn) (string, error) {
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}

func mustAsk(t *testing.T, c net.Conn) {
	t.Helper()
	if got, err := ask(c); got != "hello\n" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestCutAndHeal(t *testing.T) {
	t.Parallel()
	l := newLink(t, newEcho(t, func() {}).Addr().String())
	c := dial(t, l)
	mustAsk(t, c)
	l.Cut()
	if _, err := ask(c); err == nil {
		t.Fatal("an old connection works")
	}
	if err := askNew(t, l); err == nil {
		t.Fatal("a new connection works")
	}
	l.Heal()
	mustAsk(t, dial(t, l))
	l.SetTarget("")
	if err := askNew(t, l); err == nil {
		t.Fatal("a connection to nowhere works")
	}
}

func TestDropReply(t *testing.T) {
	t.Parallel()
	var ran atomic.Int32
	var l *Link
	e := newEcho(t, func() {
		if ran.Add(1) > 1 {
			l.Committed()
		}
	})
	l = newLink(t, e.Addr().String())
	l.DropReply()
	c := dial(t, l)
	mustAsk(t, c) // nothing is committed: the reply comes
	if got, err := ask(c); err == nil {
		t.Fatalf("the reply came: %q", got)
	}
	if ran.Load() != 2 || l.Dropped() != 1 {
		t.Fatalf("ran %d, dropped %d", ran.Load(), l.Dropped())
	}
	mustAsk(t, dial(t, l)) // only one is lost
}

// A node has two connections to another. Both break, but it is one reply.
func TestDropReplyOnTwoConnections(t *testing.T) {
	t.Parallel()
	var l *Link
	asked := make(chan struct{}, 2)
	committed := make(chan struct{})
	e := newEcho(t, func() { asked <- struct{}{}; <-committed })
	l = newLink(t, e.Addr().String())
	l.DropReply()
	var answered sync.WaitGroup
	for range 2 {
		c := dial(t, l)
		answered.Go(func() {
			if got, err := ask(c); err == nil {
				t.Errorf("a reply came: %q", got)
			}
		})
	}
	<-asked
	<-asked
	l.Committed()
	close(committed)
	answered.Wait()
	if l.Dropped() != 1 {
		t.Errorf("dropped %d", l.Dropped())
	}
}

func TestStall(t *testing.T) {
	t.Parallel()
	l := newLink(t, newEcho(t, func() {}).Addr().String())
	c := dial(t, l)
	mustAsk(t, c)
	l.Stall()
	c.SetDeadline(time.Now().Add(5 * time.Millisecond))
	var timeout net.Error
	if _, err := ask(c); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("got %v", err)
	}
	c.SetDeadline(time.Time{})
	l.Heal()
	if got, err := bufio.NewReader(c).ReadString('\n'); got != "hello\n" {
		t.Fatalf("after Heal: got %q, %v", got, err)
	}
}

// TestCloseWhileStalled: Close waits for nothing but its own goroutines.
func TestCloseWhileStalled(t *testing.T) {
	t.Parallel()
	l := newLink(t, newEcho(t, func() {}).Addr().String())
	c := dial(t, l)
	mustAsk(t, c)
	l.Stall()
	if _, err := io.WriteString(c, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(c); err == nil {
		t.Fatal("no reset")
	}
}
