package litefs

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// resolver finds the litefwd port of a LiteFS hostname. LiteFS tells nobody
// its nodes' addresses, only lease.hostname, which may be any string. In
// this order:
//
//	Options.PeerAddr             | what it returns, unless ""
//	Options.Peers                | the hostname's entry
//	hostname is host:port        | itself
//	on Fly.io, with Options.Port | <hostname>.vm.<app>.internal:port
//	with Options.Port            | hostname:port
//
// Engine.mu guards it.
type resolver struct {
	opts  Options
	fly   string // FLY_APP_NAME
	asked map[string]*answer
}

// answer is what Options.PeerAddr said, or that it has not yet. An error
// stands until there is another answer.
type answer struct {
	pending bool
	slow    bool // it takes longer than resolveWait
	again   bool // to be asked again: it was an error
	stale   bool // to be dropped once it has returned: the primary has changed
	addr    string
	err     error
}

var errResolving = errors.New("the primary's address is being looked up")

func newResolver(opts Options) resolver {
	return resolver{opts: opts, fly: os.Getenv("FLY_APP_NAME"), asked: make(map[string]*answer)}
}

// forget drops the answers: the primary has changed.
func (r *resolver) forget() {
	for host, a := range r.asked {
		if a.pending {
			a.stale = true
		} else {
			delete(r.asked, host)
		}
	}
}

// retry makes the next resolve ask again where the answer was an error.
func (r *resolver) retry() {
	for _, a := range r.asked {
		a.again = !a.pending && a.err != nil
	}
}

// plain resolves without Options.PeerAddr.
func (r *resolver) plain(host string) (string, error) {
	if addr := r.opts.Peers[host]; addr != "" {
		return addr, nil
	}
	if isHostPort(host) {
		return host, nil
	}
	if r.opts.Port == "" {
		return "", fmt.Errorf("the address of the primary %q is not known: map the hostname with peers "+
			"(the node itself has no port that it could assume)", host)
	}
	if r.fly != "" {
		host = host + ".vm." + r.fly + ".internal"
	}
	return net.JoinHostPort(host, r.opts.Port), nil
}

// resolve answers at once; where Options.PeerAddr is to be asked, it starts
// that, and update is called when there is an answer. e.mu must be held.
func (e *Engine) resolve(host string) (string, error) {
	r := &e.resolver
	if r.opts.PeerAddr == nil {
		return r.plain(host)
	}
	a := r.asked[host]
	if a == nil {
		a = &answer{again: true}
		r.asked[host] = a
	}
	if a.again && e.alone.Err() == nil {
		a.pending, a.slow, a.again = true, false, false
		e.goLoose(func() { e.ask(host, a) })
	}
	switch {
	case a.err != nil:
		return "", a.err
	case a.pending && a.slow:
		return "", fmt.Errorf("PeerAddr(%q) has not returned for %s", host, e.timing.resolveWait)
	case a.pending:
		return "", errResolving
	default:
		return a.addr, nil
	}
}

// ask calls Options.PeerAddr; there is at most one call per hostname.
func (e *Engine) ask(host string, a *answer) {
	slow := time.AfterFunc(e.timing.resolveWait, func() {
		e.update(func(*facts) { a.slow = true })
	})
	addr, err := e.opts.PeerAddr(host)
	slow.Stop()
	e.update(func(*facts) {
		switch {
		case err != nil:
			err = fmt.Errorf("PeerAddr(%q): %w", host, err)
		case addr == "":
			addr, err = e.resolver.plain(host)
		case !isHostPort(addr):
			addr, err = "", fmt.Errorf("PeerAddr(%q) returned %q; it must be host:port", host, addr)
		}
		a.pending, a.addr, a.err = false, addr, err
		if a.stale && e.resolver.asked[host] == a {
			delete(e.resolver.asked, host)
		}
	})
}
