package serve

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/wire"
)

// mover is the position of every database.
type mover struct {
	mu    sync.Mutex // guards the following
	txid  uint64
	moved chan struct{}
}

func (m *mover) position(string) (engine.Position, uint64, <-chan struct{}, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return engine.Position{TXID: m.txid}, 7, m.moved, nil, nil
}

// move moves it, and waits until that is known everywhere.
func (m *mover) move() {
	m.mu.Lock()
	m.txid++
	close(m.moved)
	m.moved = make(chan struct{})
	m.mu.Unlock()
	synctest.Wait()
}

// followed is the peer's end of a link, in a bubble, on which nothing arrives that is
// not read. The link ends with the test, and with it all its goroutines.
type followed struct {
	*mover
	t      *testing.T
	server *Server
	conn   net.Conn
	frames *wire.Frames
}

func newFollowed(t *testing.T) *followed {
	t.Helper()
	f := &followed{t: t, mover: &mover{moved: make(chan struct{})}}
	f.server = New(Options{Credentials: secure.Insecure(), Position: f.position})
	peer, own := net.Pipe()
	f.conn, f.frames = peer, wire.NewFrames(peer)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.server.newLink(own, own).serve(wire.Meta{Version: wire.Version, Node: "replica"})
	}()
	t.Cleanup(func() {
		peer.Close()
		<-ended
	})
	if err := f.frames.Read(&wire.LinkWelcome{}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *followed) follow(databases ...string) {
	f.t.Helper()
	req := &wire.LinkRequest{}
	for _, name := range databases {
		req.Follow = append(req.Follow, []byte(name))
	}
	if err := f.frames.Write(req); err != nil {
		f.t.Fatal(err)
	}
	synctest.Wait()
}

func (f *followed) recv() *wire.LinkReply {
	f.t.Helper()
	reply := &wire.LinkReply{}
	if err := f.frames.Read(reply); err != nil {
		f.t.Fatal(err)
	}
	return reply
}

// While a peer does not read, only the newest position of each database waits.
func TestNewsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		f.follow("a", "b", "c")
		for range 100 {
			f.move()
		}
		// What has been sent when the peer stopped to read, and then the last.
		told := map[string]uint64{}
		for n := 0; told["a"] < 100 || told["b"] < 100 || told["c"] < 100; n++ {
			if n == 2 {
				t.Fatalf("two frames told %v", told)
			}
			for _, news := range f.recv().GetNews() {
				name, pos, term := news.Forward()
				if pos.TXID != 0 && pos.TXID != 100 || term != 7 {
					t.Errorf("news of position %v, term %d", pos, term)
				}
				told[name] = pos.TXID
			}
		}
	})
}

// All that a link may follow has room in one frame.
func TestNewsFitAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		var names []string
		for i := range wire.MaxFollowed {
			names = append(names, fmt.Sprintf("%0*d", wire.MaxDatabaseName, i))
		}
		f.follow(names...)
		f.move() // while the first frame, of some of them, is not read
		f.recv()
		if n := len(f.recv().GetNews()); n != len(names) {
			t.Errorf("%d news in a frame", n)
		}
	})
}

// Nothing comes behind the last frame of a node that stops, and nothing holds up its
// end.
func TestNoNewsBehindTheLastFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollowed(t)
		f.follow("a")
		f.move() // waits behind the first news
		f.server.Refuse()
		synctest.Wait()
		for n := 0; !f.recv().GetClosing(); n++ {
			if n == 2 {
				t.Fatal("the end does not come")
			}
		}
		f.move()
		if n, _ := io.Copy(io.Discard, f.conn); n != 0 { // until the link ends by itself
			t.Errorf("%d bytes behind the last frame", n)
		}
	})
}
