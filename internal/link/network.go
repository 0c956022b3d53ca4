package link

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
)

// network watches the connections that gRPC makes: why the last attempt
// failed, which gRPC passes on as mere text, and when the last byte came.
type network struct {
	failure atomic.Pointer[error] // of the last attempt; nil if it succeeded
	watches sync.WaitGroup        // goroutines, which end with their connections

	mu     sync.Mutex // guards the following, and watches against more of them
	closed bool
}

// serverPings is how often a node pings a peer that says nothing, see package
// serve.
const serverPings = 2 * time.Second

func (n *network) dialer(o Options) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		conn, err := o.Dialer(ctx, addr)
		if err != nil {
			n.failure.Store(&err)
			return nil, err
		}
		w := watchConn(conn)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.closed {
			conn.Close()
			return nil, net.ErrClosed
		}
		// Nobody here can ask, but the other node's own pings come.
		n.watches.Go(func() {
			w.watch(w.closed, max(o.PingEvery, serverPings), max(o.PingTimeout, serverPings), func() {})
		})
		return w, nil
	}
}

// close waits until the connections have ended, after gRPC's Close: that does not
// wait for one which it is about to make.
func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.watches.Wait()
}

// err returns why there is no connection, or nil.
func (n *network) err() error {
	if err := n.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// watchedConn notes when bytes come in and go out.
type watchedConn struct {
	net.Conn
	read, written atomic.Int64 // monotonic time of the last byte
	once          sync.Once
	closed        chan struct{}
}

func watchConn(conn net.Conn) *watchedConn {
	w := &watchedConn{Conn: conn, closed: make(chan struct{})}
	w.read.Store(int64(monotonic()))
	w.written.Store(int64(monotonic()))
	return w
}

func (c *watchedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for n == 0 && errors.Is(err, os.ErrDeadlineExceeded) { // by look; there is no other deadline
		if err = c.Conn.SetReadDeadline(time.Time{}); err == nil {
			n, err = c.Conn.Read(b)
		}
	}
	if n > 0 {
		c.read.Store(int64(monotonic()))
	}
	return n, err
}

// look makes a Read that waits look for what has come. Go itself looks only when a
// processor has nothing else to do, or every 10 ms (runtime, findRunnable and sysmon).
func (c *watchedConn) look() {
	c.Conn.SetReadDeadline(longAgo) //nolint:errcheck // it is closed then
}

var longAgo = time.Unix(1, 0)

// Write returns an error only if bytes are missing, as TCP's does: whoever gets
// one may take it that what he wrote has not arrived as a whole.
func (c *watchedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Store(int64(monotonic()))
	if n == len(b) {
		err = nil // the next call finds out
	}
	return n, err
}

// silence returns how long nothing has come, or nothing has gone out.
func (c *watchedConn) silence() time.Duration {
	return monotonic() - time.Duration(min(c.read.Load(), c.written.Load()))
}

// watch closes the connection when the other node is silent for too long; it
// ends with that, or with done. After every of silence it asks for a sign of
// life, which must come within timeout. It asks as well when only this node has
// been silent, because the other one watches too. gRPC's own client keepalive
// waits 10 s at least.
func (c *watchedConn) watch(done <-chan struct{}, every, timeout time.Duration, ask func()) {
	timer := time.NewTimer(every)
	defer timer.Stop()
	asked := time.Duration(-1)
	for {
		select {
		case <-timer.C:
		case <-done:
			return
		}
		silence := c.silence()
		switch {
		case silence < every:
			asked = -1
			timer.Reset(every - silence)
		case asked < 0:
			asked = monotonic()
			ask()
			timer.Reset(timeout)
		case c.read.Load() >= int64(asked): // the answer came
			asked = -1
			timer.Reset(max(every-silence, 0))
		default:
			c.Close()
			return
		}
	}
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
