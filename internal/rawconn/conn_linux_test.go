package rawconn

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair returns two ends of a TCP connection, of which the first is wrapped.
func pair(t *testing.T) (wrapped, plain net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if plain, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	if wrapped = Wrap(c); wrapped == c {
		t.Fatal("a TCP connection was not wrapped")
	}
	return wrapped, plain
}

func TestBothWays(t *testing.T) {
	for _, size := range []int{1, maxRaw, maxRaw + 1, 3 << 20} {
		w, p := pair(t)
		sent := make([]byte, size)
		for i := range sent {
			sent[i] = byte(rand.Uint32())
		}
		echoed := make(chan error, 1)
		go func() { // ends with the connection
			got := make([]byte, size)
			_, err := io.ReadFull(p, got)
			if err == nil {
				_, err = p.Write(got)
			}
			p.Close()
			echoed <- err
		}()
		if n, err := w.Write(sent); n != size || err != nil {
			t.Fatalf("Write of %d: %d, %v", size, n, err)
		}
		got, err := io.ReadAll(w)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of %d came back, or others: %v", len(got), size, err)
		}
		if err := <-echoed; err != nil {
			t.Error(err)
		}
	}
}

func TestDeadlineAndClose(t *testing.T) {
	w, p := pair(t)
	var b [10]byte
	w.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := w.Read(b[:]); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read after the deadline: %d, %v", n, err)
	}
	w.SetReadDeadline(time.Time{})
	p.Write([]byte("hello"))
	if n, err := w.Read(b[:]); string(b[:n]) != "hello" || err != nil {
		t.Errorf("Read: %q, %v", b[:n], err)
	}
	read := make(chan error, 1)
	go func() { // ends with Close
		_, err := w.Read(b[:])
		read <- err
	}()
	w.Close()
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read of a closed connection: %v", err)
	}
	if n, err := w.Write(b[:]); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write to a closed connection: %d, %v", n, err)
	}
}

// What Write says to have sent arrives, and nothing else.
func TestWriteThatWaits(t *testing.T) {
	w, p := pair(t)
	w.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	sent := 0
	for {
		n, err := w.Write(make([]byte, maxRaw))
		sent += n
		if err == nil {
			continue
		}
		if n == maxRaw || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("Write: %d, %v", n, err)
		}
		break
	}
	w.Close()
	got, err := io.Copy(io.Discard, p)
	if int(got) != sent || err != nil {
		t.Errorf("%d bytes came, %d were sent: %v", got, sent, err)
	}
}

func TestBrokenConnection(t *testing.T) {
	w, p := pair(t)
	p.(*net.TCPConn).SetLinger(0) // a reset
	p.Close()
	var b [1]byte
	if _, err := w.Read(b[:]); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Read: %v", err)
	}
	n, err := w.Write(b[:])
	var op *net.OpError
	if n != 0 || !errors.Is(err, syscall.EPIPE) || !errors.As(err, &op) || op.Op != "write" {
		t.Errorf("Write: %d, %v", n, err)
	}
}

func TestNotASocket(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if Wrap(a) != a {
		t.Error("a pipe was wrapped")
	}
}
