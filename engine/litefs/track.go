package litefs

import (
	"fmt"

	"github.com/litefwd/litefwd/engine"
)

// ringSize is how many recent transactions a track remembers.
const ringSize = 1024

// track follows one database's position through two sources that overtake
// each other: the events of one connection, which come in order and late, and
// reads of the "-pos" file, which are never older than an event that has been
// received (LiteFS sets the position before it sends the event) but say
// nothing of what lies between. It has no lock of its own.
//
//	live        the events of a connection arrive
//	based       pos was read, or came by an event, since that connection began
//	pos         the newest position known
//	ev          the last event of this connection, once seen is set
//
// Events of one history have consecutive ids; a break in them is another
// history, or a part of this one that nobody saw.
type track struct {
	live  bool
	based bool
	pos   engine.Position
	ev    engine.Position
	seen  bool
	// attached: the next event of a replica may be the snapshot by which its
	// new primary replaced a history of its own; if that ends one transaction
	// further it looks like the next one.
	attached bool
	// regressed: a read has shown that pos went back; the event that breaks
	// the chain is still on its way.
	regressed bool

	// history counts what makes open connections worthless.
	history uint64
	// ring remembers the events of the present history.
	ring [ringSize]engine.Position
}

// change is what a step of a track found.
type change struct {
	// raised: open connections must not be used any more.
	raised bool
	// why, if not "", says that writes up to was may be lost.
	why     string
	was, is engine.Position
	// verify: the event is older than what a read said, or the copy went back
	// since; another read tells.
	verify bool
}

// report leaves out the loss of an empty copy.
func (c change) report() change {
	if c.was.IsZero() {
		c.why = ""
	}
	return c
}

// mark is what a reader of "-pos" takes before it reads.
type mark struct {
	pos     engine.Position
	history uint64
}

func (t *track) mark() mark { return mark{t.pos, t.history} }

// raise begins another history, of which only pos is known.
func (t *track) raise() {
	t.history++
	t.ring = [ringSize]engine.Position{}
	t.remember(t.pos)
}

func (t *track) remember(p engine.Position) { t.ring[p.TXID%ringSize] = p }

// connect begins a new connection's events. read is what "-pos" said after
// the subscription, so what this connection's events will not tell is in it;
// ok is false if it could not be read. first: no connection came before.
func (t *track) connect(read engine.Position, ok, first bool) change {
	c := change{was: t.pos, is: read}
	if ok && t.based && goesBack(t.pos, read) {
		c.why = "the copy went back while LiteFS's events were not received"
	}
	t.live, t.based = true, ok
	t.seen, t.regressed, t.attached = false, false, true
	if ok {
		t.pos = read
		t.remember(read)
	}
	if !first {
		c.raised = true
		t.raise()
	}
	return c.report()
}

// disconnect ends the events. Until the next connection reads are all there is.
func (t *track) disconnect() { t.live = false }

// event takes a tx event. replica: this node is not the primary.
func (t *track) event(e event, replica bool) change {
	c := change{was: t.pos, is: e.pos}
	switch {
	case !t.based:
		// Nothing is known of the connections that are open.
		t.pos, t.based, c.raised = e.pos, true, true
	case !t.seen:
		c.why = t.advance(e.pos)
	case e.pos == t.ev:
		// the same snapshot again
	case e.pos.TXID == t.ev.TXID+1 && t.regressed:
		// Of the history that a read has already found gone.
	case e.pos.TXID == t.ev.TXID+1:
		c.why = t.advance(e.pos)
	case t.regressed:
		t.regressed = false
		c.why = t.advance(e.pos)
	default:
		c.why = breakText(t.ev, e.pos)
	}
	if c.why != "" {
		c.raised = true
		t.regressed = false
		t.pos = e.pos
	}
	if t.attached && replica || e.dropped {
		c.raised = true
	}
	t.attached = false
	if c.raised {
		t.raise()
	}
	c.verify = !t.seen && e.pos.TXID < t.pos.TXID
	t.ev, t.seen = e.pos, true
	if !t.regressed {
		t.remember(e.pos)
	}
	return c.report()
}

// advance compares the next event of a chain with pos, which a read may have
// put ahead of it.
//
//	below pos      | in flight when pos was read; says nothing yet
//	at pos         | confirms it, unless the checksum differs
//	next           | moves it
//	further        | a gap
func (t *track) advance(p engine.Position) (why string) {
	switch {
	case p.TXID < t.pos.TXID:
		return ""
	case p.TXID == t.pos.TXID && p == t.pos:
		return ""
	case p.TXID == t.pos.TXID+1:
		t.pos = p
		return ""
	default:
		return breakText(t.pos, p)
	}
}

func breakText(was, is engine.Position) string {
	switch {
	case is.TXID == was.TXID:
		return "a transaction was replaced by another with the same id"
	case is.TXID < was.TXID:
		return "the copy went back"
	default:
		return fmt.Sprintf("%d transactions were not seen", is.TXID-was.TXID-1)
	}
}

// goesBack reports whether a copy that was at was and is at is has lost
// something: its id is lower, or means other contents.
func goesBack(was, is engine.Position) bool {
	return is.TXID < was.TXID || is.TXID == was.TXID && is.Checksum != was.Checksum
}

// read takes what "-pos" said after m was taken.
func (t *track) read(m mark, p engine.Position) change {
	c := change{was: m.pos, is: p}
	switch {
	case t.history != m.history:
		// Another history began meanwhile; p may be of the old one.
	case !t.live || !t.based:
		// The events that lead to p were missed or will be.
		if t.based && goesBack(m.pos, p) {
			c.why = "the copy went back while LiteFS's events were not received"
		}
		c.raised = p != t.pos || !t.based
		t.pos, t.based = p, true
		if c.raised {
			t.raise()
		}
	case goesBack(m.pos, p):
		// "-pos" is never older than pos was when m was taken.
		c.why = breakText(m.pos, p)
		c.raised = true
		t.pos = p
		t.raise()
		// An event at p or further, but not p itself, is of the old history.
		t.regressed = t.seen && t.ev.TXID >= p.TXID && t.ev != p
	}
	return c.report()
}

// advanceTo takes a position that this node has itself brought about.
func (t *track) advanceTo(p engine.Position) {
	if p.TXID > t.pos.TXID {
		t.pos = p
	}
}

// confirmed reports what the events say of p, which was read and is not
// behind pos: known is false as long as they have not come that far.
func (t *track) confirmed(p engine.Position) (known, ok bool) {
	if t.pos == p {
		return true, true
	}
	if !t.seen || t.regressed || t.ev.TXID < p.TXID {
		return false, false
	}
	return true, t.ring[p.TXID%ringSize] == p
}
