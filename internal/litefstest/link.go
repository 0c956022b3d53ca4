package litefstest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/litefwd/litefwd/internal/consultest"
)

// link is the address that other nodes know a node by: it passes connections on
// to the node, until they are cut.
type link struct {
	listener net.Listener
	to       string
	running  sync.WaitGroup // the accept loop and all connections

	mu    sync.Mutex // guards the following
	cut   bool
	conns map[net.Conn]bool
}

func newLink(to string) (*link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{listener: listener, to: to, conns: make(map[net.Conn]bool)}
	l.running.Go(l.accept)
	return l, nil
}

func (l *link) addr() string { return l.listener.Addr().String() }

// accept runs until close.
func (l *link) accept() {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.running.Go(func() { l.pass(from) })
	}
}

// pass copies both ways until one end, or the link, ends it.
func (l *link) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", l.to)
	if err != nil {
		return
	}
	defer to.Close()
	defer l.untrack(from, to)
	if !l.track(from, to) {
		return
	}
	done := make(chan struct{}, 2) // both copiers end, one of them unread
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		l.running.Go(func() {
			io.Copy(pair[0], pair[1])
			done <- struct{}{}
		})
	}
	<-done
}

// track notes open connections; false if the link is cut.
func (l *link) track(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range conns {
		l.conns[conn] = true
	}
	return !l.cut
}

func (l *link) untrack(conns ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range conns {
		delete(l.conns, conn)
	}
}

// setCut ends all connections and refuses new ones, or stops that.
func (l *link) setCut(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for conn := range l.conns {
			conn.Close()
		}
	}
}

func (l *link) close() {
	l.listener.Close()
	l.setCut(true)
	l.running.Wait()
}

// Isolate cuts node i off: other nodes' connections to it end and new ones are
// refused, and Consul answers it with 500. The node itself goes on; if it is
// primary, until it knows that its lease has run out. A node that is replica
// keeps its connection to the primary. The cluster must be Isolatable.
func (c *Cluster) Isolate(i int) error { return c.setIsolated(i, true) }

// Rejoin ends Isolate.
func (c *Cluster) Rejoin(i int) error { return c.setIsolated(i, false) }

func (c *Cluster) setIsolated(i int, isolated bool) error {
	if c.links == nil {
		return errors.New("the cluster is not Isolatable")
	}
	n := c.nodes[i]
	n.mu.Lock()
	n.isolated = isolated
	n.mu.Unlock()
	fault := consultest.None
	if isolated {
		fault = consultest.Refuse
	}
	if c.consul != nil {
		c.consul.SetFault(fmt.Sprintf("node%d", i), fault)
	}
	c.links[i].setCut(isolated)
	return nil
}
