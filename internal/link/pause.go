package link

import (
	"math/rand/v2"
	"time"
)

// The pauses between connection attempts while the other node does not answer.
const (
	firstPause = 20 * time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// pause is the time after a failed attempt in which there is no other. Each one
// is longer than the one before, until an attempt succeeds. The zero pause is over.
type pause struct {
	why    error // the attempt failed
	length time.Duration
	until  time.Time
}

func (p *pause) begin(why error) {
	p.why = why
	p.length = min(max(firstPause, 2*p.length), maxPause)
	// Nodes that lost the same primary are not to come back all at once.
	p.until = time.Now().Add(p.length - rand.N(p.length/4))
}

// err returns what there is no attempt for, or nil if the pause is over.
func (p *pause) err() error {
	if time.Now().Before(p.until) {
		return p.why
	}
	return nil
}
