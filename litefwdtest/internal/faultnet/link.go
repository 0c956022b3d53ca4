// Package faultnet is a network that a test can break: a TCP proxy for each
// way from one node to another.
package faultnet

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Link is the way from one node, which connects, to another, which listens.
// The first connects to Addr instead of to the other's own address.
//
// All methods may be called from several goroutines, and none waits for the
// network, except Close.
type Link struct {
	listener net.Listener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	running  sync.WaitGroup // the accepting goroutine, and two for each pair

	mu      sync.Mutex // guards the following
	target  string     // "" while the other node does not listen
	cut     bool
	flowing chan struct{} // closed while bytes may flow; open while stalled
	stalled bool
	armed   bool // the next reply to a write is to be dropped
	dropped int
	pairs   map[*pair]struct{}
}

// Listen starts a Link whose target is not known yet; Close ends it.
func Listen() (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Link{
		listener: listener, ctx: ctx, cancel: cancel,
		flowing: make(chan struct{}), pairs: make(map[*pair]struct{}),
	}
	close(l.flowing)
	l.running.Go(l.accept)
	return l, nil
}

// Addr is where the first node reaches the second.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// SetTarget says where the second node listens; "" means nowhere, and breaks
// the connections that exist.
func (l *Link) SetTarget(addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = addr
	if addr == "" {
		l.breakLocked()
	}
}

// Cut breaks all connections, and lets none be made until Heal.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	l.breakLocked()
}

// Stall keeps bytes from flowing in either direction until Heal or Cut. The
// connections stay: it is what a frozen process or a lost route looks like.
func (l *Link) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stalled {
		l.stalled, l.flowing = true, make(chan struct{})
	}
}

// Heal ends Cut and Stall, and takes back a DropReply that has not happened.
func (l *Link) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.armed = false, false
	if l.stalled {
		l.stalled = false
		close(l.flowing)
	}
}

// DropReply arms the Link: once the first node has sent something and the
// second then reports that it Committed, nothing more comes back on that
// connection, and it breaks at the first byte that would. So do all connections
// on which something was sent meanwhile.
func (l *Link) DropReply() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed = true
}

// Committed is called by the second node after a commit and before it can have
// answered it.
func (l *Link) Committed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.armed {
		return
	}
	var lost loss
	for p := range l.pairs {
		if p.asked {
			p.deaf, l.armed = &lost, false
		}
	}
}

// Dropped is the number of replies lost so far.
func (l *Link) Dropped() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Close breaks all connections and waits until everything has ended.
func (l *Link) Close() error {
	l.cancel()
	err := l.listener.Close()
	l.mu.Lock()
	l.breakLocked()
	l.mu.Unlock()
	l.running.Wait()
	return err
}

// breakLocked breaks all pairs; their goroutines take them out of l.pairs.
func (l *Link) breakLocked() {
	for p := range l.pairs {
		p.breakUp()
	}
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			l.running.Go(func() { l.connect(client) })
		}
	}
}
