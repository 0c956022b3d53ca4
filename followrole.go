package litefwd

import (
	"errors"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// roleSettles is how long a state must last to be logged, unless it makes this
// node primary or ends that: while LiteFS looks for a primary that is gone, its
// state changes twice a second.
const roleSettles = 300 * time.Millisecond

// followRole retires the writers whenever this node stops being primary, wakes the
// pacers, and logs what the role is.
func (c *core) followRole() {
	var last engine.State
	log := roleLog{c: c}
	settles := time.NewTimer(0)
	defer settles.Stop()
	for {
		s, changed := c.watch()
		if s.Role == engine.Primary || last.Role == engine.Primary {
			log.tell(s)
		}
		if last.Role == engine.Primary && (s.Role != engine.Primary || s.Term != last.Term) {
			for _, db := range c.databases() {
				db.retireWriter(s)
				db.discard()
			}
		}
		last = s
		for _, db := range c.databases() {
			db.primaryChanged()
		}
		select {
		case <-changed:
			settles.Reset(roleSettles)
		case <-settles.C:
			log.tell(s)
		case <-c.stop:
			return
		}
	}
}

// roleLog logs states, each once.
type roleLog struct {
	c       *core
	role    engine.Role
	primary engine.Peer
	told    bool
	problem string
}

func (l *roleLog) tell(s engine.State) {
	if !l.told || s.Role != l.role || s.Primary != l.primary {
		l.c.log.Info("role", "role", s.Role.String(), "primary", s.Primary.Name, "addr", s.Primary.Addr, "term", s.Term)
	}
	l.told, l.role, l.primary = true, s.Role, s.Primary
	problem := ""
	if s.Problem != nil && !errors.Is(s.Problem, fault.Closed) {
		problem = s.Problem.Error()
	}
	if problem != "" && problem != l.problem {
		l.c.log.Warn("primary", "err", s.Problem)
	}
	l.problem = problem
}
