package consultest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Fault is what goes wrong with a client's requests.
type Fault int

const (
	None   Fault = iota
	Refuse       // they are answered with 500
	Hang         // they are not answered until the fault is changed or the client gives up
)

// Server is one stand-in. All methods may be called from several goroutines.
type Server struct {
	listener net.Listener
	http     *http.Server
	handler  http.Handler
	serving  sync.WaitGroup // the accept loop and every request that is being answered

	mu      sync.Mutex // guards the following
	st      *state
	faults  map[string]Fault // by client; "" is everyone
	changed chan struct{}    // closed and replaced when faults change
	closed  bool
}

// Start starts a server on a free port of 127.0.0.1. Close ends it.
func Start() (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("consultest: %w", err)
	}
	s := newServer()
	s.listener = listener
	s.http = &http.Server{Handler: s}
	s.serving.Go(func() { s.http.Serve(listener) }) // until Close
	return s, nil
}

// newServer returns a server that does not listen.
func newServer() *Server {
	s := &Server{st: newState(), faults: make(map[string]Fault), changed: make(chan struct{})}
	s.handler = s.routes()
	return s
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is what LiteFS's lease.consul.url must be, so that requests are those of
// client (see SetFault) and all keys begin with prefix. Both may be empty.
func (s *Server) URL(client, prefix string) string {
	if client != "" {
		client = ":" + client + "@" // LiteFS sends the password as Consul's token
	}
	return "http://" + client + s.Addr() + "/" + prefix
}

// Close stops the server and waits for it. Requests that hang end first.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.changed)
	}
	s.mu.Unlock()
	err := s.http.Close()
	s.serving.Wait()
	return err
}

// SetFault sets what goes wrong with the requests of one client, or of everyone
// if client is "". Of two faults that apply, the client's own counts.
// Requests that hang under an old fault are judged again.
func (s *Server) SetFault(client string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if f == None {
		delete(s.faults, client)
	} else {
		s.faults[client] = f
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Unavailable makes the server answer everyone with 500, or stops that.
func (s *Server) Unavailable(down bool) {
	if down {
		s.SetFault("", Refuse)
	} else {
		s.SetFault("", None)
	}
}

// Holder returns the session that holds key and the key's value; "" if it is
// not held.
func (s *Server) Holder(key string) (session string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.stateLocked().keys[key]
	if e == nil || e.session == "" {
		return "", nil
	}
	return e.session, bytes.Clone(e.value)
}

// Expire ends the session that holds key as if its TTL had passed just now, and
// returns it; "" if the key is not held.
func (s *Server) Expire(key string) (session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stateLocked()
	e := st.keys[key]
	if e == nil || e.session == "" {
		return ""
	}
	held := st.sessions[e.session]
	st.invalidate(held, time.Now())
	return held.id
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		refuse(w)
		return
	}
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	for {
		fault, changed := s.faultOf(r.Header.Get("X-Consul-Token"))
		switch fault {
		case None:
			s.handler.ServeHTTP(w, r)
			return
		case Refuse:
			refuse(w)
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// faultOf returns what a request of client meets now, and a channel that is
// closed when that may be something else.
func (s *Server) faultOf(client string) (Fault, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Refuse, nil
	}
	fault, ok := s.faults[client]
	if !ok {
		fault = s.faults[""]
	}
	return fault, s.changed
}

func refuse(w http.ResponseWriter) {
	http.Error(w, "consultest: unavailable", http.StatusInternalServerError)
}

// stateLocked returns the state as of now.
func (s *Server) stateLocked() *state {
	s.st.advance(time.Now())
	return s.st
}
