package serve

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/wire"
)

// A stranger that does not go on holds his place until the deadline that gRPC
// has set, and no longer.
func TestStrangersAreNotWaitedForForEver(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for name, words := range map[string]string{
		"nothing": "", "half the magic": wire.LinkMagic[:4], "no hello": wire.LinkMagic,
		"half a hello": wire.LinkMagic + "\x00\x00\x00\x09\x08",
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Options{Credentials: secure.Insecure()})
			stranger, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer stranger.Close()
			io.WriteString(stranger, words)
			raw, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			raw.SetDeadline(time.Now().Add(20 * time.Millisecond))
			_, _, err = doorkeeper{s.opts.Credentials, s}.ServerHandshake(raw)
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if s.handshakes.Load() != 0 || len(s.conns.open) != 0 {
				t.Error("it is still counted")
			}
		})
	}
}

// A link that begins while its handshake has not returned is not forgotten.
func TestBrokenConns(t *testing.T) {
	conn, other := net.Pipe()
	late, otherLate := net.Pipe()
	var c conns
	handshake := c.add(conn)
	link := c.add(conn)
	handshake()
	c.breakAll()
	if _, err := other.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // the pipe's
		t.Errorf("a link is open: %v", err)
	}
	link()
	c.add(late)()
	if _, err := otherLate.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // as above
		t.Errorf("one that came afterwards is open: %v", err)
	}
	if len(c.open) != 0 {
		t.Errorf("%d left", len(c.open))
	}
}
