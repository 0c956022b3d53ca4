package faultnet

import (
	"net"
	"sync"
)

const bufferSize = 32 << 10

// pair is a connection of the first node with the one made for it to the second.
type pair struct {
	client, server net.Conn
	broken         chan struct{} // closed by breakUp
	once           sync.Once

	// Guarded by Link.mu:
	asked bool  // the client sent something since the Link was armed
	deaf  *loss // what the server sends from now on is lost, or nil
}

// loss is that of one reply. It may take several pairs: a node talks to another
// over two connections, and a proxy does not know which one the reply is on.
type loss struct{ counted bool } // guarded by Link.mu

// breakUp closes both sides at once, without the usual farewell, so that the
// peers see a reset.
func (p *pair) breakUp() {
	p.once.Do(func() {
		close(p.broken)
		reset(p.client)
		reset(p.server)
	})
}

func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
}

// connect makes the second half of a pair and carries bytes until it breaks.
func (l *Link) connect(client net.Conn) {
	l.mu.Lock()
	target := l.target
	if l.cut {
		target = ""
	}
	l.mu.Unlock()
	if target == "" {
		reset(client)
		return
	}
	var d net.Dialer
	server, err := d.DialContext(l.ctx, "tcp", target)
	if err != nil {
		reset(client)
		return
	}
	p := &pair{client: client, server: server, broken: make(chan struct{})}
	if !l.add(p, target) {
		p.breakUp()
		return
	}
	l.running.Go(func() {
		l.carry(p, client, server, l.passRequest)
		p.breakUp()
	})
	l.carry(p, server, client, l.passReply)
	p.breakUp()
	l.mu.Lock()
	delete(l.pairs, p)
	l.mu.Unlock()
}

// add registers p, unless the Link was cut while p was made.
func (l *Link) add(p *pair, target string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut || l.target != target || l.ctx.Err() != nil {
		return false
	}
	l.pairs[p] = struct{}{}
	return true
}

// carry copies bytes that pass allows. It ends when either side does.
func (l *Link) carry(p *pair, from, to net.Conn, pass func(*pair) (bool, <-chan struct{})) {
	buf := make([]byte, bufferSize)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			ok, flowing := pass(p)
			if !ok {
				return
			}
			select {
			case <-flowing:
			case <-p.broken:
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *Link) passRequest(p *pair) (bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.armed {
		p.asked = true
	}
	return true, l.flowing
}

func (l *Link) passReply(p *pair) (bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.deaf == nil {
		return true, l.flowing
	}
	if !p.deaf.counted {
		p.deaf.counted = true
		l.dropped++
	}
	return false, l.flowing
}
