package gate

import (
	"context"
	"time"
)

// The bounds of a Pacer's work.
const (
	// firstDrain is how long the gate is shut for the reads inside to end, at
	// first; one that takes longer is a long read. Where all of them take long, one
	// after the other, it is made to fit, up to maxDrain.
	firstDrain = 30 * time.Millisecond
	maxDrain   = time.Second
	// firstApply is how long the gate stays shut for the copy to catch up, at
	// first. LiteFS tries for its locks again and again, and the longer it has been
	// kept waiting the more seldom (db.go, AcquireWriteLock: about every 60 ms after
	// two seconds, every 140 ms after ten), so that it is doubled up to maxApply.
	firstApply = 20 * time.Millisecond
	maxApply   = 160 * time.Millisecond
	// restPart is how long the gate stays open, in times that it usually is shut, and
	// hurriedPart if somebody waits for the copy.
	restPart    = 2
	hurriedPart = 1
	// drainRest is how much longer it stays open, in times that the reads inside took
	// to end, up to maxDrainRest: with long ones a closure costs more, and is for more
	// transactions at once.
	drainRest    = 3
	maxDrainRest = 30 * time.Millisecond
	// smoothing: each closure counts for such a part of how long the gate stays open.
	// If it were for the last one alone, a long one would make the next one long. But
	// it is not less than a half of what the last one asks for, nor more than three
	// times as much: reads may have become longer, or shorter.
	smoothing = 16
	// maxRest bounds the rest after the copy did not catch up with the gate shut,
	// again and again: it does not move for another reason.
	maxRest = 2 * time.Second
	// breath is how long the gate is shut where it is not known what the primary
	// has, and breathEvery how long it is open then.
	breath      = 5 * time.Millisecond
	breathEvery = 20 * time.Millisecond
)

// Pacer shuts a gate for moments, so that a replica catches up however many
// reads there are: it can apply a transaction only while no read holds a lock.
// Both are bounded: a replica's lag by the time that the reads inside take, some
// times over, and a read's wait by the time that applying takes. Set the exported
// fields, then call Run.
type Pacer struct {
	gate *Gate
	// Behind reports whether the copy lacks what the primary is known to have.
	Behind func() bool
	// CatchUp waits until the copy has what the primary was known to have when
	// it was called, and reports that; or until ctx ends.
	CatchUp func(ctx context.Context) bool
	// Blind reports whether it is not known what the primary has. Then the gate
	// is shut now and then, as long as there are reads.
	Blind func() bool

	kick  chan struct{} // holds one: there may be something to do
	hurry chan struct{} // holds one: somebody waits for the copy

	drain, apply time.Duration
	usual        time.Duration // rest after a closure that was of use; 0 before the first
	vain         int           // how often the copy has not caught up, one after the other
}

// NewPacer returns a pacer of g.
func NewPacer(g *Gate) *Pacer {
	return &Pacer{
		gate: g, drain: firstDrain, apply: firstApply,
		kick: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
	}
}

// Kick says that Behind or Blind may be true now. It does not block.
func (p *Pacer) Kick() { signal(p.kick) }

// Hurry says that somebody waits for the copy. It does not block.
func (p *Pacer) Hurry() {
	signal(p.hurry)
	signal(p.kick)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (p *Pacer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		var rest time.Duration
		switch {
		case p.Behind():
			rest = p.turn(ctx)
		case p.Blind() && p.gate.busy():
			rest = p.breathe(ctx)
		default:
			select {
			case <-p.kick:
			case <-ctx.Done():
			}
		}
		p.rest(ctx, rest)
	}
}

// turn shuts the gate once, and returns how long it is to stay open now.
func (p *Pacer) turn(ctx context.Context) (rest time.Duration) {
	began := time.Now()
	drained := p.whileShut(ctx, func() {
		rest = min(drainRest*time.Since(began), maxDrainRest)
		catchUp, cancel := context.WithTimeout(ctx, p.apply)
		defer cancel()
		if p.CatchUp(catchUp) {
			p.apply, p.vain = firstApply, 0
		} else {
			p.apply, p.vain = min(2*p.apply, maxApply), p.vain+1
		}
	})
	if !drained {
		return 0
	}
	rest += restPart * time.Since(began)
	switch {
	case p.vain > 4:
		return min(rest<<min(p.vain-4, 4), maxRest)
	case p.vain > 0:
		return rest
	case p.usual == 0:
		p.usual = rest
	}
	p.usual += (rest - p.usual) / smoothing
	p.usual = min(max(p.usual, rest/2), 3*rest)
	return p.usual
}

// whileShut calls do with the gate shut and nobody inside, or reports false: then
// those whose reads took too long have left meanwhile.
func (p *Pacer) whileShut(ctx context.Context, do func()) (drained bool) {
	bound, cancel := context.WithTimeout(ctx, p.drain)
	defer cancel()
	began := time.Now()
	open, err := p.gate.Shut(bound)
	if err != nil {
		long := p.gate.inside()
		open() // it would be of no use to keep the others waiting
		p.drain = min(2*p.drain, maxDrain)
		p.gate.await(ctx, long)
		return false
	}
	defer open()
	p.drain = min(max(2*time.Since(began), firstDrain), maxDrain)
	do()
	return true
}

// breathe shuts the gate for a moment.
func (p *Pacer) breathe(ctx context.Context) (rest time.Duration) {
	drained := p.whileShut(ctx, func() {
		select {
		case <-time.After(breath):
		case <-ctx.Done():
		}
	})
	if !drained {
		return 0
	}
	return breathEvery
}

// rest waits for that long, or a part of it once somebody is in a hurry.
func (p *Pacer) rest(ctx context.Context, long time.Duration) {
	if long == 0 {
		return
	}
	began := time.Now()
	timer := time.NewTimer(long)
	defer timer.Stop()
	hurry := p.hurry
	for {
		select {
		case <-hurry:
			hurry = nil
			timer.Reset(max(0, long*hurriedPart/restPart-time.Since(began)))
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
