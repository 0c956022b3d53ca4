package link_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/wire"
)

// A frame that cannot be read ends the link, and the peer is told why, although
// it goes on sending.
func TestBadFrames(t *testing.T) {
	frame := func(size uint32, data string) string {
		return string(binary.BigEndian.AppendUint32(nil, size)) + data
	}
	for name, c := range map[string]struct{ frame, want string }{
		"oversize":  {frame(wire.MaxFrame+1, "abc"), "1048577 bytes"},
		"malformed": {frame(4, "\xff\xff\xff\xff"), "message on a link"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, pairOptions{})
			l := newRawLink(t, p)
			if _, err := io.WriteString(l, c.frame+strings.Repeat("x", 1<<20)); err != nil {
				t.Fatal(err)
			}
			reply, err := l.recv()
			if e := reply.GetError().Err(); err != nil || !errors.Is(e, fault.Protocol) || !strings.Contains(e.Error(), c.want) {
				t.Errorf("answer %v, %v", reply, err)
			}
			l.Close()
			if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
				t.Errorf("others: %v", err)
			}
		})
	}
}

// What is not there as a whole does not run.
func TestHalfAFrame(t *testing.T) {
	p := newPair(t, pairOptions{})
	l := newRawLink(t, p)
	data, err := proto.Marshal(rawFrame(1, 10))
	if err != nil {
		t.Fatal(err)
	}
	whole := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...)
	if _, err := l.Write(whole[:len(whole)-1]); err != nil {
		t.Fatal(err)
	}
	l.Close()
	for end := within(t); len(p.server.Peers()) > 0; {
		if end.Err() != nil {
			t.Fatal("the link has not ended")
		}
	}
	if n := p.target.execs.Load(); n != 0 {
		t.Errorf("%d statements ran", n)
	}
}

// failingConn fails one Write.
type failingConn struct {
	net.Conn
	fail *atomic.Pointer[func(net.Conn, []byte) (int, error)] // of the next Write, or nil
}

func (c *failingConn) Write(b []byte) (int, error) {
	if fail := c.fail.Swap(nil); fail != nil {
		return (*fail)(c.Conn, b)
	}
	return c.Conn.Write(b)
}

// A statement of which a part is missing has not run. One that may have left as
// a whole, whatever Write says, is not told to have run nothing.
func TestFailedWrite(t *testing.T) {
	broken := errors.New("broken")
	part := func(keep func(int) int) func(net.Conn, []byte) (int, error) {
		return func(c net.Conn, b []byte) (int, error) {
			n, _ := c.Write(b[:keep(len(b))])
			return n, broken
		}
	}
	for name, test := range map[string]struct {
		fail func(net.Conn, []byte) (int, error)
		runs int64
	}{
		"nothing":           {part(func(int) int { return 0 }), 0},
		"half":              {part(func(n int) int { return n / 2 }), 0},
		"all but one byte":  {part(func(n int) int { return n - 1 }), 0},
		"all, and an error": {part(func(n int) int { return n }), 1},
	} {
		for kind, c := range map[string]credentials.TransportCredentials{
			"insecure": secure.Insecure(), "secret": secret(t, testSecret),
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				var fail atomic.Pointer[func(net.Conn, []byte) (int, error)]
				o := withCredentials(c)
				both := o.link
				var p *pair
				o.link = func(lo *link.Options) {
					both(lo)
					dial := lo.Dialer
					lo.Dialer = func(ctx context.Context, addr string) (net.Conn, error) {
						conn, err := dial(ctx, addr)
						return &failingConn{conn, &fail}, err
					}
				}
				p = newPair(t, o)
				if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
					t.Fatal(err)
				}
				fail.Store(&test.fail)
				_, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()})
				if test.runs == 0 && (!errors.Is(err, fault.NoPrimary) || !fault.SafeToRetry(err) || !errors.Is(err, broken)) {
					t.Errorf("error %v", err)
				}
				if test.runs == 1 && fault.SafeToRetry(err) {
					t.Errorf("error %v of what has run", err)
				}
				if test.runs == 0 {
					wait(t, "OnBroken", p.broken)
				}
				p.stop() // waits for what runs
				if n := p.target.execs.Load(); n != 1+test.runs {
					t.Errorf("%d executions, want %d", n, 1+test.runs)
				}
			})
		}
	}
}

// A node that does not read holds nobody up beyond his context, and Close not at
// all.
func TestUnreadPeerHoldsNobodyUp(t *testing.T) {
	for name, size := range map[string]int{"small": 10, "large": 100_000} {
		t.Run(name, func(t *testing.T) {
			checkGoroutines(t)
			addr := serveStub(t, func(l *rawLink) {
				l.welcome(nil)
				<-t.Context().Done()
			})
			peer, err := link.Dial(link.Options{
				Addr: addr, Credentials: secret(t, testSecret), PingEvery: time.Minute, // nobody breaks it
			})
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			db, sql := peer.Database("x"), strings.Repeat("x", size)
			var callers sync.WaitGroup
			places := make(chan struct{}, 50)
			for sent := 0; sent < 20<<20 && sent < 1000*size; sent += size { // as the kernels take no more than 10 MiB
				places <- struct{}{}
				callers.Go(func() {
					defer func() { <-places }()
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					defer cancel()
					began := time.Now()
					_, err := db.Exec(ctx, forward.Statement{ID: forward.NewID(), SQL: sql})
					if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
						t.Errorf("after %d bytes: %v, after %v", sent, err, took)
					}
				})
			}
			callers.Wait()
		})
	}
}

// A node that stops says so to a peer that reads, and waits a second at most for
// one that does not, unless what was to be answered is still to be sent.
func TestStopWithUnreadLinks(t *testing.T) {
	for name, c := range map[string]struct {
		answer int // bytes of each of 1000
		want   error
	}{"little to read": {10, nil}, "more than TCP takes": {8 << 10, context.DeadlineExceeded}} {
		t.Run(name, func(t *testing.T) {
			g := newGate()
			text := strings.Repeat("e", c.answer)
			p := newPair(t, pairOptions{target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
				return forward.Result{}, errors.Join(g.pass(ctx), &fault.SQLError{Code: 1, Msg: text})
			}}})
			l := newRawLink(t, p)
			l.send(rawFrame(1, 1000)) //nolint:errcheck // the target finds out
			for range 1000 {
				wait(t, "execution", g.entered)
			}
			g.open()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			began := time.Now()
			if err := p.server.Stop(ctx); !errors.Is(err, c.want) || time.Since(began) > 8*time.Second {
				t.Errorf("Stop: %v, after %v", err, time.Since(began))
			}
			if c.want == nil {
				answers, closing := 0, false
				for !closing {
					reply, err := l.recv()
					if err != nil {
						t.Fatal(err)
					}
					answers, closing = answers+len(reply.GetReplies()), reply.GetClosing()
				}
				if answers != 1000 {
					t.Errorf("%d answers", answers)
				}
			}
		})
	}
}

// While a statement is waited for, the link of a stopping node stays alive.
func TestPongsWhileStopping(t *testing.T) {
	g := newGate()
	p := newPair(t, pairOptions{target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		return forward.Result{LastInsertID: 7}, g.pass(ctx)
	}}})
	l := newRawLink(t, p)
	l.send(rawFrame(1, 1)) //nolint:errcheck // the target finds out
	wait(t, "execution", g.entered)
	p.server.Refuse()
	for i := range uint64(1000) { // somewhere among them the link begins to close
		l.send(&wire.LinkRequest{Ping: 1 + i}) //nolint:errcheck // recv finds out
		if reply, err := l.recv(); err != nil || reply.GetPing() != 1+i {
			t.Fatalf("ping %d: %v, %v", 1+i, reply, err)
		}
	}
	g.open()
	var reply *wire.LinkReply
	for answers := 0; !reply.GetClosing(); answers += len(reply.GetReplies()) {
		var err error
		if reply, err = l.recv(); err != nil {
			t.Fatalf("after %d answers: %v", answers, err)
		}
	}
}

// A client that vanishes is noticed, and what it runs is cancelled.
func TestSilentClientIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 4 s")
	}
	t.Parallel()
	g := newGate()
	interrupted := make(chan struct{})
	p := newPair(t, pairOptions{target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		defer close(interrupted)
		return forward.Result{}, g.pass(ctx)
	}}})
	l := newRawLink(t, p)
	began := time.Now()
	l.send(rawFrame(1, 1)) //nolint:errcheck // the target finds out
	wait(t, "interrupt", interrupted)
	if took := time.Since(began); took < 3*time.Second || took > 10*time.Second {
		t.Errorf("after %v", took)
	}
}

// After a failed attempt there is a pause, in which calls fail at once with the
// same reason; Reconnect ends it.
func TestPauseBetweenAttempts(t *testing.T) {
	checkGoroutines(t)
	var attempts atomic.Int64
	peer, err := link.Dial(link.Options{
		Addr: "127.0.0.1:1", Credentials: secret(t, testSecret),
		Dialer: func(context.Context, string) (net.Conn, error) {
			attempts.Add(1)
			return nil, errors.New("no way")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	exec := func() {
		_, err := peer.Database("x").Exec(within(t), forward.Statement{ID: forward.NewID()})
		if !errors.Is(err, fault.NoPrimary) || !fault.SafeToRetry(err) || !strings.Contains(err.Error(), "no way") {
			t.Fatalf("error %v", err)
		}
	}
	began := time.Now()
	for range 1000 {
		exec()
	}
	if n, most := attempts.Load(), 2+int64(time.Since(began)/(15*time.Millisecond)); n > most {
		t.Errorf("%d attempts, want at most %d", n, most)
	}
	before := attempts.Load()
	peer.Reconnect()
	exec()
	if attempts.Load() == before {
		t.Error("no attempt after Reconnect")
	}
}
