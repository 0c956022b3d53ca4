package link_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/serve"
	"github.com/litefwd/litefwd/internal/wire"
)

// news is what a link was told.
type news struct {
	database string
	txid     uint64
	term     uint64
}

// source is a primary's database, of any name, as the server sees it.
type source struct {
	asked atomic.Int64

	mu      sync.Mutex // guards the following
	txid    uint64
	term    uint64
	err     error
	over    bool // there are no channels
	moved   chan struct{}
	another chan struct{}
}

func newSource() *source {
	return &source{term: 7, moved: make(chan struct{}), another: make(chan struct{})}
}

func (s *source) position(string) (pos engine.Position, term uint64, moved, role <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked.Add(1)
	if s.over {
		return pos, 0, nil, nil, s.err
	}
	if s.err != nil {
		return pos, 0, nil, s.another, s.err
	}
	if s.txid > 0 {
		pos = engine.Position{TXID: s.txid, Checksum: s.txid + 1}
	}
	return pos, s.term, s.moved, s.another, nil
}

func (s *source) move(txid uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.txid = txid
	close(s.moved)
	s.moved = make(chan struct{})
}

// setRole makes the node primary of that term, or of none if err is set.
func (s *source) setRole(term uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.term, s.err = term, err
	close(s.another)
	s.another = make(chan struct{})
}

// waitAsked waits until the position has been asked for more than n times.
func (s *source) waitAsked(t *testing.T, n int64) {
	t.Helper()
	for end := within(t); s.asked.Load() <= n; runtime.Gosched() {
		if end.Err() != nil {
			t.Fatalf("asked %d times", s.asked.Load())
		}
	}
}

// newsPair is a pair of which the server tells of s, and the peer what it is told.
func newsPair(t *testing.T, s *source) (*pair, <-chan news) {
	heard := make(chan news, 10_000)
	return newPair(t, pairOptions{
		serve: func(o *serve.Options) { o.Position = s.position },
		link: func(o *link.Options) {
			o.OnNews = func(database string, pos engine.Position, term uint64) {
				if pos.Checksum != 0 && pos.Checksum != pos.TXID+1 {
					t.Errorf("position %v", pos)
				}
				heard <- news{database, pos.TXID, term}
			}
		},
	}), heard
}

func hello(t *testing.T, p *pair) {
	t.Helper()
	if _, err := p.peer.Hello(within(t)); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, heard <-chan news, want news) {
	t.Helper()
	if got := wait(t, fmt.Sprint(want), heard); got != want {
		t.Errorf("heard %v, want %v", got, want)
	}
}

// expectNothing sends a statement back and forth, which would come behind news.
func expectNothing(t *testing.T, p *pair, heard <-chan news) {
	t.Helper()
	if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-heard:
		t.Errorf("heard %v", got)
	default:
	}
}

// A followed database's position comes at once, also the zero one, then whenever it
// is another.
func TestNews(t *testing.T) {
	s := newSource()
	p, heard := newsPair(t, s)
	p.peer.Follow("a.db")
	if len(p.conns.all) > 0 {
		t.Error("Follow has connected")
	}
	hello(t, p)
	expect(t, heard, news{"a.db", 0, 7})
	s.move(5)
	expect(t, heard, news{"a.db", 5, 7})
	p.peer.Follow("b.db") // on the open session
	expect(t, heard, news{"b.db", 5, 7})
	p.peer.Follow("b.db")
	expectNothing(t, p, heard)
	s.move(6)
	both := []string{wait(t, "news", heard).database, wait(t, "news", heard).database}
	if slices.Sort(both); !slices.Equal(both, []string{"a.db", "b.db"}) {
		t.Errorf("news of %v", both)
	}
}

// What is not primary tells nothing, until it is.
func TestNewsFollowTheRole(t *testing.T) {
	s := newSource()
	s.setRole(0, fault.Refuse(fault.NotPrimary, "no"))
	p, heard := newsPair(t, s)
	p.peer.Follow("a.db")
	hello(t, p)
	s.waitAsked(t, 0)
	s.move(1)
	expectNothing(t, p, heard)
	s.setRole(1, nil)
	expect(t, heard, news{"a.db", 1, 1})
	asked := s.asked.Load()
	s.setRole(1, nil) // something else about it has changed
	s.waitAsked(t, asked)
	expectNothing(t, p, heard)
	s.setRole(2, nil)
	expect(t, heard, news{"a.db", 1, 2})
}

// A later session asks again.
func TestNewsAfterABreak(t *testing.T) {
	s := newSource()
	p, heard := newsPair(t, s)
	p.peer.Follow("a.db")
	hello(t, p)
	expect(t, heard, news{"a.db", 0, 7})
	p.conns.each((*faultConn).reset)
	wait(t, "OnBroken", p.broken)
	s.move(3)
	if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
		t.Fatal(err)
	}
	expect(t, heard, news{"a.db", 3, 7})
	s.move(4)
	expect(t, heard, news{"a.db", 4, 7})
}

// Whoever forgets at the end of a session what it has told does not forget what
// the next one tells.
func TestNewsComeAfterTheEndOfTheLastSession(t *testing.T) {
	checkGoroutines(t)
	var links, ended atomic.Int64
	pushed, heard := make(chan struct{}), make(chan int64, 1)
	addr := serveStub(t, func(l *rawLink) {
		l.welcome(nil)
		if links.Add(1) == 1 {
			return
		}
		l.frames.Write(&wire.LinkReply{News: []*wire.News{wire.NewNews("a.db", engine.Position{}, 1)}}) //nolint:errcheck // the test finds out
		close(pushed)
		l.untilClosed()
	})
	var peer *link.Peer
	var callers sync.WaitGroup
	call := func() {
		_, err := peer.Database("x").Exec(within(t), forward.Statement{ID: forward.NewID()})
		if err == nil {
			t.Error("the stub has answered")
		}
	}
	peer, err := link.Dial(link.Options{
		Addr: addr, Credentials: secret(t, testSecret),
		OnNews: func(string, engine.Position, uint64) { heard <- ended.Load() },
		OnBroken: func() {
			if ended.Load() == 0 {
				callers.Go(call)
				<-pushed
				for range 1000 {
					runtime.Gosched()
				}
			}
			ended.Add(1)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	call()
	if n := wait(t, "news", heard); n != 1 {
		t.Errorf("news after %d sessions have ended", n)
	}
	peer.Close()
	callers.Wait()
}

// A peer that names too many databases, or too long a name, loses its link.
func TestFollowedAreBounded(t *testing.T) {
	many := &wire.LinkRequest{}
	for i := range wire.MaxFollowed {
		many.Follow = append(many.Follow, fmt.Append(nil, i))
	}
	one := func(name string) *wire.LinkRequest { return &wire.LinkRequest{Follow: [][]byte{[]byte(name)}} }
	for name, last := range map[string]*wire.LinkRequest{
		"too many": one("one more"), "too long": one(strings.Repeat("n", wire.MaxDatabaseName+1)),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource()
			p, _ := newsPair(t, s)
			l := newRawLink(t, p)
			for _, req := range []*wire.LinkRequest{many, many, last} {
				l.send(req) //nolint:errcheck // recv finds out
			}
			reply, err := l.recv()
			for err == nil && reply.GetError() == nil {
				reply, err = l.recv()
			}
			if e := reply.GetError().Err(); err != nil || !errors.Is(e, fault.Protocol) {
				t.Errorf("the link ended with %v, %v", e, err)
			}
			if name == "too many" {
				s.waitAsked(t, wire.MaxFollowed-1)
			}
		})
	}
}

// A peer keeps to the bounds by itself.
func TestFollowIsBounded(t *testing.T) {
	s := newSource()
	p, heard := newsPair(t, s)
	p.peer.Follow(strings.Repeat("n", wire.MaxDatabaseName+1))
	hello(t, p)
	for i := range wire.MaxFollowed + 10 {
		p.peer.Follow(fmt.Sprint(i))
	}
	for range wire.MaxFollowed {
		wait(t, "news", heard)
	}
	expectNothing(t, p, heard)
	if len(p.broken) > 0 {
		t.Error("the link broke")
	}
	p.conns.each((*faultConn).reset)
	wait(t, "OnBroken", p.broken)
	hello(t, p)
	for range wire.MaxFollowed { // many frames
		wait(t, "news", heard)
	}
}

// A server that has nothing to tell, or will never have, goes on with statements.
func TestFollowInVain(t *testing.T) {
	t.Run("nil Position", func(t *testing.T) {
		p := newPair(t, pairOptions{})
		p.peer.Follow("a.db")
		expectNothing(t, p, nil)
		l := newRawLink(t, p)
		l.send(&wire.LinkRequest{Follow: make([][]byte, wire.MaxFollowed), Ping: 1}) //nolint:errcheck // recv finds out
		if reply, err := l.recv(); err != nil || reply.GetPing() != 1 || len(reply.GetNews()) > 0 {
			t.Errorf("%v, %v", reply, err)
		}
	})
	t.Run("no such database", func(t *testing.T) {
		s := newSource()
		s.over, s.err = true, errors.New("no such database")
		p, heard := newsPair(t, s)
		p.peer.Follow("a.db")
		hello(t, p)
		s.waitAsked(t, 0)
		s.mu.Lock()
		s.over, s.err = false, nil
		s.mu.Unlock()
		s.move(1)
		s.setRole(8, nil)
		expectNothing(t, p, heard)
	})
}
