package litefs

import (
	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/lineage"
)

// track follows one database's position through two sources that overtake
// each other: the events of one connection, which come in order and late, and
// reads of the "-pos" file, which are never older than an event that has been
// received (LiteFS sets the position before it sends the event) but say
// nothing of what lies between. It has no lock of its own.
//
//	live        the events of a connection arrive
//	based       the position was read, or came by an event, since that connection began
//	line        the newest position known, and what led to it
//	ev          the last event of this connection, once seen is set
//
// Events of one history have consecutive ids; a break in them is a copy that
// came as a whole, mostly of another history.
type track struct {
	live  bool
	based bool
	line  lineage.Line
	ev    engine.Position
	seen  bool
	// attached: the next event of a replica may be the snapshot by which its
	// new primary replaced a history of its own; if that ends one transaction
	// further it looks like the next one.
	attached bool
	// left is where the copy was when the events ended; zero once it is known to
	// have gone back since.
	left engine.Position
	// regressed: a read has shown that the copy went back; the event that breaks
	// the chain is still on its way.
	regressed bool

	// history counts what makes open connections worthless.
	history uint64
}

// change is what a step of a track found.
type change struct {
	// raised: open connections must not be used any more.
	raised bool
	// lost is what was found to be lost, or may be; zero if nothing was.
	lost engine.Break
	// verify: the event is older than what a read said, or the copy went back
	// since; another read tells.
	verify bool
}

func (c change) told() bool { return c.lost != engine.Break{} }

// mark is what a reader of "-pos" takes before it reads.
type mark struct {
	pos     engine.Position
	history uint64
}

func (t *track) mark() mark { return mark{t.line.Last(), t.history} }

// raise makes connections that are open worthless.
func (t *track) raise() { t.history++ }

// wentBack is the loss that a read has found.
func wentBack(was, is engine.Position, why string) engine.Break {
	if was.IsZero() || !lineage.GoesBack(was, is) {
		return engine.Break{}
	}
	return engine.Break{Was: was, Is: is, Certain: true, Why: why}
}

const (
	unseen  = "the copy went back while LiteFS's events were not received"
	skipped = "another node became primary while LiteFS's events were not received"
)

// connect begins a new connection's events. read is what "-pos" said after
// the subscription, so what this connection's events will not tell is in it;
// ok is false if it could not be read. first: no connection came before.
// another: nor was the primary the one that is so now, so that a copy that is
// further may have come as a whole.
func (t *track) connect(read engine.Position, ok, first, another bool) (c change) {
	if ok && t.based {
		c.lost = wentBack(t.line.Last(), read, unseen)
	}
	if ok && another && !c.told() && !t.left.IsZero() && read.TXID > t.left.TXID {
		c.lost = engine.Break{Was: t.left, Is: read, Why: skipped}
	}
	t.live, t.based = true, ok
	t.seen, t.regressed, t.attached = false, false, true
	if ok && read != t.line.Last() {
		t.line.Jump(read, 0)
	}
	if !first || c.told() {
		c.raised = true
		t.raise()
	}
	return c
}

// disconnect ends the events. Until the next connection reads are all there is.
func (t *track) disconnect() {
	if t.live && t.based {
		t.left = t.line.Last()
	}
	t.live = false
}

// event takes a tx event that came in the term. replica: this node is not the
// primary.
func (t *track) event(e event, replica bool, term uint64) (c change) {
	follows := true
	unsure := t.attached && replica
	switch {
	case !t.based:
		// Nothing is known of the connections that are open.
		t.line.Jump(e.pos, term)
		t.based, c.raised = true, true
	case !t.seen:
		follows = t.advance(e.pos, term, unsure)
	case e.pos == t.ev:
		// the same snapshot again
	case e.pos.TXID == t.ev.TXID+1 && t.regressed:
		// Of the history that a read has already found gone.
	case e.pos.TXID == t.ev.TXID+1:
		follows = t.advance(e.pos, term, unsure)
	case t.regressed:
		t.regressed = false
		follows = t.advance(e.pos, term, unsure)
	default:
		follows = false
	}
	if !follows {
		c.raised = true
		t.regressed = false
		c.lost = t.line.Replace(e.pos, term)
	}
	if unsure || e.dropped {
		c.raised = true
	}
	t.attached = false
	if c.raised {
		t.raise()
	}
	c.verify = !t.seen && e.pos.TXID < t.line.Last().TXID
	t.ev, t.seen = e.pos, true
	return c
}

// advance compares the next event of a chain with the position, which a read
// may have put ahead of it, and reports whether it follows. unsure: it may be a
// snapshot that looks like the next transaction.
//
//	below  | in flight when the position was read; says nothing yet
//	at it  | confirms it, unless the checksum differs
//	next   | moves it
//	further| a gap
func (t *track) advance(p engine.Position, term uint64, unsure bool) bool {
	last := t.line.Last()
	switch {
	case p.TXID < last.TXID:
	case p == last:
		t.line.Confirm(term)
	case p.TXID == last.TXID+1 && unsure:
		t.line.Jump(p, term)
	case p.TXID == last.TXID+1:
		t.line.Next(p, term)
	default:
		return false
	}
	return true
}

// read takes what "-pos" said after m was taken.
func (t *track) read(m mark, p engine.Position) (c change) {
	switch {
	case t.history != m.history:
		// Another history began meanwhile; p may be of the old one.
	case !t.live || !t.based:
		// The events that lead to p were missed or will be.
		if t.based {
			c.lost = wentBack(m.pos, p, unseen)
		}
		if c.told() {
			t.left = engine.Position{}
		}
		c.raised = p != t.line.Last() || !t.based
		t.based = true
		if c.raised {
			t.line.Jump(p, 0)
			t.raise()
		}
	case lineage.GoesBack(m.pos, p):
		// "-pos" is never older than the position was when m was taken.
		c.lost = wentBack(m.pos, p, lineage.Difference(m.pos, p))
		c.raised = true
		t.line.Jump(p, 0)
		t.raise()
		// An event at p or further, but not p itself, is of the old history.
		t.regressed = t.seen && t.ev.TXID >= p.TXID && t.ev != p
	}
	return c
}

// advanceTo takes a position that this node has itself brought about, as the
// primary of that term.
func (t *track) advanceTo(p engine.Position, term uint64) {
	switch last := t.line.Last(); {
	case p.TXID == last.TXID+1:
		t.line.Next(p, term)
	case p.TXID > last.TXID:
		t.line.Jump(p, term)
	default:
		return
	}
	if !t.live {
		t.left = p
	}
}

// confirmed reports what the events say of p, which was read and is not
// behind the position: known is false as long as they have not come that far.
func (t *track) confirmed(p engine.Position) (known, ok bool) {
	if t.line.Last() == p {
		return true, true
	}
	if !t.seen || t.regressed || t.ev.TXID < p.TXID {
		return false, false
	}
	return true, t.line.Contains(p)
}
