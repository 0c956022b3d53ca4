package litefs

import (
	"errors"
	"fmt"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// facts is all that the engine's goroutines have found out, each its part;
// judge makes the State of it. Engine.mu guards it.
type facts struct {
	self       engine.Self
	dir, url   string
	staleAfter time.Duration

	// The events. They alone make this node primary.
	connected     bool
	everConnected bool
	role          role   // what the last init or primaryChange said
	roleEvents    uint64 // counts them
	// gap: they have begun again. The primary may have changed meanwhile, and
	// changed back.
	gap       bool
	streamErr error // why not connected

	// The mount, see lookout.go.
	mount mountFacts

	// GET /info, see info.go.
	infoKnown bool  // it has answered once
	infoErr   error // why it did not answer last time
	ownHost   string

	// seen is the last (primary?, hostname) that term counts.
	seen role
	term uint64

	closed bool
}

// mountFacts is what one look at the mount found.
type mountFacts struct {
	looked  bool
	err     error         // the directory is no mount, or a dead one
	lag     time.Duration // of .lag; lagUnknown before the first replication
	primary string        // the contents of .primary, "" if it is not there
	// contradicted is since when .primary has been there while the events
	// said that this node is primary; zero if it is not.
	contradicted time.Time
	// foreign: it has been there for too long.
	foreign bool
	// stuck: the look has not come back for a while.
	stuck bool
}

var (
	errClosed     = fault.New(fault.Closed, "the engine is closed")
	errNotStarted = errors.New("LiteFS's events have not been received yet")
	errElection   = errors.New("no primary is known (election)")
)

// at is the (primary?, hostname) that counts: the events' while they are
// received, else what .primary names. No .primary never means primary.
func (f *facts) at() role {
	if f.connected {
		return f.role
	}
	return role{host: f.mount.primary}
}

// judge says what the facts amount to. resolve finds the litefwd port of a
// LiteFS hostname.
func (f *facts) judge(resolve func(host string) (string, error)) engine.State {
	s := engine.State{Term: f.term}
	switch {
	case f.closed:
		s.Problem = errClosed
	case !f.connected:
		f.judgeBlind(&s, resolve)
	case f.role.isPrimary && f.self.Addr == "":
		f.judgeClient(&s, resolve)
	case f.role.isPrimary:
		f.judgePrimary(&s)
	case f.role.host != "":
		s.Role = engine.Replica
		f.point(&s, f.role.host, resolve)
		if f.isSelf(s.Primary) {
			s.Role, s.Primary, s.Problem = engine.Unknown, engine.Peer{}, namesItself(f.role.host)
		}
		f.trouble(&s)
		if s.Problem == nil && f.mount.lag > f.staleAfter && f.mount.lag != lagUnknown {
			s.Problem = fmt.Errorf("no heartbeat has come from the primary %s for more than %s: "+
				"it is stopped, hung or cut off (or the clocks differ)", f.role.host, f.staleAfter)
		}
	default:
		f.trouble(&s)
		if s.Problem == nil {
			s.Problem = errElection
		}
	}
	return s
}

// judgeBlind is without events.
func (f *facts) judgeBlind(s *engine.State, resolve func(string) (string, error)) {
	why := f.streamErr
	if why == nil {
		why = errNotStarted
	}
	switch {
	case f.mount.err != nil:
		s.Problem = f.mount.err
	case f.mount.primary != "":
		s.Role = engine.Replica
		f.point(s, f.mount.primary, resolve)
		s.Problem = fmt.Errorf("%s is primary according to .primary, which may be stale: %w", f.mount.primary, why)
		if f.isSelf(s.Primary) {
			s.Role, s.Primary, s.Problem = engine.Unknown, engine.Peer{}, why
		}
	default:
		s.Problem = why
	}
}

// judgeClient is for a process without a port beside the primary's LiteFS:
// another process of that node is the primary.
func (f *facts) judgeClient(s *engine.State, resolve func(string) (string, error)) {
	s.Role = engine.Replica
	if f.ownHost == "" {
		s.Problem = fmt.Errorf("this machine's LiteFS is primary, but %s/info has not told its hostname yet", f.url)
		return
	}
	f.point(s, f.ownHost, resolve)
	f.trouble(s)
}

// judgePrimary does not believe the events while the mount says otherwise.
func (f *facts) judgePrimary(s *engine.State) {
	switch {
	case f.mount.err != nil:
		s.Problem = f.mount.err
	case f.mount.foreign:
		s.Problem = fmt.Errorf("%s says that its node is primary, but %s/.primary names %s: is litefs_url another node's?",
			f.url, f.dir, f.mount.primary)
	case f.mount.primary != "":
		s.Problem = fmt.Errorf("this node has become primary, but .primary still names %s", f.mount.primary)
	default:
		s.Role, s.Primary = engine.Primary, engine.Peer(f.self)
		f.trouble(s)
	}
}

// point names the primary and finds its address.
func (f *facts) point(s *engine.State, host string, resolve func(string) (string, error)) {
	s.Primary.Name = host
	s.Primary.Addr, s.Problem = resolve(host)
}

// isSelf reports whether the primary that this LiteFS, which is not primary, names
// is its own node. It reads that in Consul as long as its lease there has not
// ended: after a handoff until the successor has it, or when LiteFS was started
// again.
func (f *facts) isSelf(p engine.Peer) bool {
	return f.ownHost != "" && p.Name == f.ownHost || f.self.Addr != "" && p.Addr == f.self.Addr
}

func namesItself(host string) error {
	return fmt.Errorf("%w: this node's LiteFS is not primary and names itself, %q; if that lasts, another node has the same lease.hostname",
		errElection, host)
}

// trouble adds what is wrong with the local LiteFS, which is worse than
// anything else.
func (f *facts) trouble(s *engine.State) {
	switch {
	case f.mount.err != nil:
		s.Problem = f.mount.err
	case f.mount.stuck:
		s.Problem = fmt.Errorf("reading %s hangs: the LiteFS of this machine is stopped or hung", f.dir)
	case f.infoErr != nil && s.Problem == nil:
		s.Problem = f.infoErr
	}
}
