package link

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
)

// network watches the connections that gRPC makes: why the last attempt
// failed, which gRPC passes on as mere text, and when the last byte came.
type network struct {
	failure atomic.Pointer[error] // of the last attempt; nil if it succeeded
	last    atomic.Pointer[watchedConn]
}

func (n *network) dialer(dial func(context.Context, string) (net.Conn, error)) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := dial(ctx, addr)
		if err != nil {
			n.failure.Store(&err)
			return nil, err
		}
		w := &watchedConn{Conn: conn}
		w.read.Store(int64(monotonic()))
		n.last.Store(w)
		return w, nil
	}
}

// err returns why there is no connection, or nil.
func (n *network) err() error {
	if err := n.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// watchedConn notes when bytes come in.
type watchedConn struct {
	net.Conn
	read atomic.Int64 // monotonic time of the last byte
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.read.Store(int64(monotonic()))
	}
	return n, err
}

// silence returns how long nothing has come.
func (c *watchedConn) silence() time.Duration {
	return monotonic() - time.Duration(c.read.Load())
}

var start = time.Now()

// monotonic is a clock that fits an atomic.
func monotonic() time.Duration { return time.Since(start) }

// watchedCredentials notes how handshakes end.
type watchedCredentials struct {
	credentials.TransportCredentials
	n *network
}

func (c watchedCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		c.n.failure.Store(&err)
	} else {
		c.n.failure.Store(nil)
	}
	return conn, info, err
}

func (c watchedCredentials) Clone() credentials.TransportCredentials {
	return watchedCredentials{c.TransportCredentials.Clone(), c.n}
}
