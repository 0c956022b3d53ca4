package serve

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// handshakeTimeout bounds what a stranger can hold before he has proved who he
// is and said what he wants.
const handshakeTimeout = 10 * time.Second

// maxHandshakes bounds the strangers that are being asked for that.
const maxHandshakes = 256

// doorkeeper tells links from gRPC connections. It logs why connections were
// refused, which gRPC does not.
type doorkeeper struct {
	credentials.TransportCredentials
	s *Server
}

// ServerHandshake implements credentials.TransportCredentials. Until it returns,
// raw has a deadline that gRPC has set, handshakeTimeout from when it came. gRPC
// closes raw after an error, but for ErrConnDispatched.
func (d doorkeeper) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	defer d.s.handshakes.Add(-1)
	if d.s.handshakes.Add(1) > maxHandshakes {
		return nil, nil, fault.Refuse(fault.Overloaded, "%d connections have not proved who they are", maxHandshakes)
	}
	defer d.s.conns.add(raw)()
	conn, info, err := d.TransportCredentials.ServerHandshake(raw)
	if errors.Is(err, fault.Auth) {
		d.s.opts.Logger.Warn("connection refused", "peer", raw.RemoteAddr().String(), "err", err)
	}
	if err != nil {
		return nil, nil, err
	}
	first := make([]byte, len(wire.LinkMagic)) // gRPC's client has more to say, and says it first
	if _, err := io.ReadFull(conn, first); err != nil {
		return nil, nil, err
	}
	if string(first) != wire.LinkMagic {
		return &peekedConn{conn, first}, info, nil
	}
	l := d.s.newLink(raw, conn)
	hello := &wire.LinkHello{}
	if err := l.frames.Read(hello); err != nil {
		l.silent.Stop()
		return nil, nil, err
	}
	d.s.links.Go(func() { l.serve(hello.Meta()) })
	return nil, nil, credentials.ErrConnDispatched
}

// Clone implements credentials.TransportCredentials.
func (d doorkeeper) Clone() credentials.TransportCredentials {
	return doorkeeper{d.TransportCredentials.Clone(), d.s}
}

// peekedConn is a connection of which the first bytes have been read.
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

// conns are the connections that gRPC does not close when it stops: links, and
// those in their handshake.
type conns struct {
	mu     sync.Mutex             // guards the following
	open   map[*net.Conn]struct{} // one for each add
	broken bool
}

// add has conn closed by breakAll until remove is called. A link is added before
// its handshake is removed, or after.
func (c *conns) add(conn net.Conn) (remove func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken {
		conn.Close()
	}
	if c.open == nil {
		c.open = map[*net.Conn]struct{}{}
	}
	c.open[&conn] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.open, &conn)
	}
}

// breakAll closes all connections, and those that come.
func (c *conns) breakAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	for conn := range c.open {
		(*conn).Close()
	}
}
