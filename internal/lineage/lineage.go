// Package lineage keeps what a node knows of its copy's history, and tells
// whether a position is part of it.
//
// A transaction id alone is no proof: after a failover ids are used again. What
// is known for certain is the checksums of the last transactions, as long as
// the node has seen them come one after the other, and two things about terms
// (engine.State.Term, which this node counts): what one primary has in its term
// is one history, and what a later one lacked when it took over is lost.
package lineage

import (
	"fmt"

	"github.com/litefwd/litefwd/engine"
)

// size is how many recent transactions a Line remembers.
const size = 1024

// Line is the history of one copy. It has no lock of its own. The zero Line is
// that of an empty copy.
type Line struct {
	last engine.Position
	// term is the last one whose primary is known to have had last; 0 if none is.
	term uint64
	// whole is the last copy that came as a whole, from the primary of wholeTerm.
	whole     engine.Position
	wholeTerm uint64
	ring      [size]engine.Position
}

// Last is where the copy is.
func (l *Line) Last() engine.Position { return l.last }

// Term is the last one whose primary is known to have had Last, 0 if none is.
func (l *Line) Term() uint64 { return l.term }

// Next adds the transaction that follows Last, from the primary of that term.
func (l *Line) Next(p engine.Position, term uint64) {
	l.last, l.term = p, term
	l.ring[p.TXID%size] = p
}

// Confirm notes that the primary of that term has Last.
func (l *Line) Confirm(term uint64) { l.term = max(l.term, term) }

// Jump notes that the copy is at p, and that nobody saw how it came there: what
// was before may be part of the history or not. term is 0 if it is not known
// whose p is.
func (l *Line) Jump(p engine.Position, term uint64) {
	l.ring = [size]engine.Position{}
	l.Next(p, term)
}

// Replace notes that the copy was replaced by that of the primary of term, which
// was at p. It returns what that means for what the copy had before.
func (l *Line) Replace(p engine.Position, term uint64) engine.Break {
	b := engine.Break{Was: l.last, Is: p, Why: Difference(l.last, p), Certain: GoesBack(l.last, p)}
	if l.last.IsZero() || !b.Certain && term != 0 && term == l.term {
		b = engine.Break{} // nothing was there, or the same primary only skipped what this node was too late for
	}
	l.whole, l.wholeTerm = p, term
	l.Jump(p, term)
	return b
}

// Contains reports whether p is known to be part of the history.
func (l *Line) Contains(p engine.Position) bool { return l.ring[p.TXID%size] == p }

// After returns the transaction that follows p, if both are known to be part of the
// history.
func (l *Line) After(p engine.Position) (next engine.Position, ok bool) {
	next = l.ring[(p.TXID+1)%size]
	return next, l.Contains(p) && next.TXID == p.TXID+1 && next.TXID <= l.last.TXID
}

// Standing says how the copy stands to p, which the primary of that term had:
//
//	the same transaction is in the history           | Held
//	the copy is further, by the same primary         | Held
//	nothing has come from that primary, or later ones| Coming: if the copy is further
//	                                                 | it is of a history that is gone
//	another transaction has p's id                   | Lost
//	a later primary sent its copy, not so far        | Lost
//	the copy is further, by a later primary          | Unclear
//	the copy is not so far                           | Coming
func (l *Line) Standing(p engine.Position, term uint64) engine.Standing {
	there := l.ring[p.TXID%size]
	known := there.TXID == p.TXID && p.TXID <= l.last.TXID
	switch {
	case p.IsZero(), known && there == p:
		return engine.Held
	case l.term < term:
		return engine.Coming
	case known:
		return engine.Lost
	case l.wholeTerm > term && l.whole.TXID < p.TXID:
		return engine.Lost
	case p.TXID > l.last.TXID:
		return engine.Coming
	case l.term == term && term != 0:
		return engine.Held
	default:
		return engine.Unclear
	}
}

// GoesBack reports whether a copy that was at was and is at is has certainly
// lost something: its id is lower, or means other contents.
func GoesBack(was, is engine.Position) bool {
	return is.TXID < was.TXID || is.TXID == was.TXID && is.Checksum != was.Checksum
}

// Difference describes how a copy that was replaced differs.
func Difference(was, is engine.Position) string {
	switch {
	case is.TXID == was.TXID:
		return "a transaction was replaced by another with the same id"
	case is.TXID < was.TXID:
		return "the copy went back"
	case is.TXID == was.TXID+1:
		return "the copy was replaced"
	default:
		return fmt.Sprintf("the copy was replaced, and %d transactions were not seen", is.TXID-was.TXID-1)
	}
}
