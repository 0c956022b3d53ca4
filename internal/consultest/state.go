package consultest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// MinTTL is the shortest TTL of a session.
const MinTTL = time.Second

const (
	maxTTL           = 24 * time.Hour // as Consul
	maxLockDelay     = time.Minute    // as Consul
	defaultLockDelay = 15 * time.Second
)

// state is the catalog, the sessions and the keys. It needs no timers: whatever
// should have happened by now happens, with its own time, before the next look.
type state struct {
	index    uint64 // of the last change
	nodes    map[string]bool
	sessions map[string]*session
	keys     map[string]*entry
	delayed  map[string]time.Time // key → when it can be acquired again
}

type session struct {
	id, name, node string
	behavior       string        // "release" or "delete"
	ttl            time.Duration // 0: none
	lockDelay      time.Duration
	created        uint64
	expires        time.Time
}

type entry struct {
	value                      []byte
	session                    string // "" if nobody holds it
	created, modified, lockIdx uint64
}

func newState() *state {
	return &state{
		nodes:    make(map[string]bool),
		sessions: make(map[string]*session),
		keys:     make(map[string]*entry),
		delayed:  make(map[string]time.Time),
	}
}

// advance invalidates the sessions whose TTL has passed at now.
func (st *state) advance(now time.Time) {
	for _, s := range st.sessions {
		if s.ttl > 0 && !s.expires.After(now) {
			st.invalidate(s, s.expires)
		}
	}
}

// invalidate ends s at the time at. Keys that it still holds are under its lock
// delay from then on.
func (st *state) invalidate(s *session, at time.Time) {
	delete(st.sessions, s.id)
	st.index++
	for key, e := range st.keys {
		if e.session != s.id {
			continue
		}
		if s.lockDelay > 0 {
			st.delayed[key] = at.Add(s.lockDelay)
		}
		if s.behavior == "delete" {
			delete(st.keys, key)
		} else {
			e.session, e.modified = "", st.index
		}
	}
}

// create adds s, whose fields but id, created and expires are set.
func (st *state) create(s *session, now time.Time) error {
	if s.node != "" && !st.nodes[s.node] {
		return errors.New("Missing node registration")
	}
	if s.ttl != 0 && (s.ttl < MinTTL || s.ttl > maxTTL) {
		return fmt.Errorf("Invalid Session TTL '%d', must be between [%v=%v]", s.ttl, MinTTL, maxTTL)
	}
	if s.lockDelay < 0 || s.lockDelay > maxLockDelay {
		return fmt.Errorf("Invalid LockDelay %v, must be between [0s=%v]", s.lockDelay, maxLockDelay)
	}
	switch s.behavior {
	case "":
		s.behavior = "release"
	case "release", "delete":
	default:
		return fmt.Errorf("Invalid Behavior setting '%s'", s.behavior)
	}
	st.index++
	s.id, s.created = rand.Text(), st.index
	s.expires = now.Add(s.ttl)
	st.sessions[s.id] = s
	return nil
}

// put sets key to value, whoever holds it.
func (st *state) put(key string, value []byte) *entry {
	st.index++
	e := st.keys[key]
	if e == nil {
		e = &entry{created: st.index}
		st.keys[key] = e
	}
	e.value, e.modified = value, st.index
	return e
}

// acquire gives key and value to a session:
//
//	no such session            error
//	held by another session    false
//	within a lock delay        false
//	held by the same session   true, and the value is replaced
//	not held                   true
func (st *state) acquire(key, id string, value []byte, now time.Time) (bool, error) {
	if st.sessions[id] == nil {
		return false, fmt.Errorf("invalid session %q", id)
	}
	if until, ok := st.delayed[key]; ok {
		if until.After(now) {
			return false, nil
		}
		delete(st.delayed, key)
	}
	e := st.keys[key]
	if e != nil && e.session != "" && e.session != id {
		return false, nil
	}
	if e == nil || e.session == "" {
		e = st.put(key, value)
		e.lockIdx++
		e.session = id
		return true, nil
	}
	st.put(key, value)
	return true, nil
}

// release takes key from the session that holds it; false if that is not id.
func (st *state) release(key, id string, value []byte) bool {
	e := st.keys[key]
	if e == nil || e.session == "" || e.session != id {
		return false
	}
	st.put(key, value).session = ""
	return true
}
