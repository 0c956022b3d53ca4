package link_test

import (
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/wire"
)

// rawLink is one side of a link, which does as the test likes.
type rawLink struct {
	net.Conn
	frames *wire.Frames
}

func (l *rawLink) send(m *wire.LinkRequest) error { return l.frames.Write(m) }

func (l *rawLink) recv() (*wire.LinkReply, error) {
	r := &wire.LinkReply{}
	return r, l.frames.Read(r)
}

// welcome is what a server says first.
func (l *rawLink) welcome(err error) {
	w := &wire.LinkWelcome{Server: wire.Meta{Version: wire.Version, Cluster: "c1"}.LinkHello()}
	if err != nil {
		w = &wire.LinkWelcome{Error: wire.NewError(err)}
	}
	l.frames.Write(w) //nolint:errcheck // the test finds out
}

// untilClosed waits until the other side has closed the connection.
func (l *rawLink) untilClosed() { io.Copy(io.Discard, l) } //nolint:errcheck // it ends

// rawConn is a connection that has passed the handshake. Its end is the test's.
func rawConn(t *testing.T, addr string, c credentials.TransportCredentials) net.Conn {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	conn, _, err := c.ClientHandshake(within(t), addr, raw)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

var rawMeta = wire.Meta{Version: wire.Version, Cluster: "c1", Node: "raw", MaxMessage: 1 << 20}

// newRawLink is a client's side, let in.
func newRawLink(t *testing.T, p *pair) *rawLink {
	t.Helper()
	l := &rawLink{Conn: rawConn(t, p.addr, secret(t, testSecret))}
	welcome, err := l.begin(rawMeta)
	if err != nil || welcome.GetError() != nil {
		t.Fatalf("welcome %v, %v", welcome, err)
	}
	return l
}

// begin says who calls, and returns the answer.
func (l *rawLink) begin(m wire.Meta) (*wire.LinkWelcome, error) {
	l.frames = wire.NewFrames(l.Conn)
	welcome := &wire.LinkWelcome{}
	if _, err := io.WriteString(l.Conn, wire.LinkMagic); err != nil {
		return nil, err
	}
	if err := l.frames.Write(m.LinkHello()); err != nil {
		return nil, err
	}
	return welcome, l.frames.Read(welcome)
}

// serveStub is a primary until the test's end, that knows no gRPC call. It calls
// serve with each link, whose client has said who it is.
func serveStub(t *testing.T, serve func(*rawLink)) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(&stubCredentials{secret(t, testSecret), serve}), grpc.ForceServerCodecV2(wire.Codec))
	wire.RegisterForwardServer(server, wire.UnimplementedForwardServer{})
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener) //nolint:errcheck // Stop's
	}()
	t.Cleanup(func() { server.Stop(); <-served })
	return listener.Addr().String()
}

type stubCredentials struct {
	credentials.TransportCredentials
	serve func(*rawLink)
}

func (c *stubCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	first := make([]byte, len(wire.LinkMagic))
	if _, err := io.ReadFull(conn, first); err != nil {
		return nil, nil, err
	}
	if string(first) != wire.LinkMagic {
		return &peekedConn{conn, first}, info, nil
	}
	l := &rawLink{conn, wire.NewFrames(conn)}
	if err := l.frames.Read(&wire.LinkHello{}); err != nil {
		return nil, nil, err
	}
	c.serve(l) // within the handshake, for which the server's Stop waits
	raw.Close()
	return nil, nil, credentials.ErrConnDispatched
}

func (c *stubCredentials) Clone() credentials.TransportCredentials { return c }

type peekedConn struct {
	net.Conn
	first []byte
}

func (c *peekedConn) Read(b []byte) (int, error) {
	if len(c.first) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.first)
	c.first = c.first[n:]
	return n, nil
}
