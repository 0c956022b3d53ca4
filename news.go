package litefwd

import (
	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/link"
)

// news is how far a primary has told that its database has come.
type news struct {
	// at has the term in which this node knew from as the primary's address; 0 if it
	// did not.
	at   acked
	from string
	over *link.Peer // by which it came
}

// positionHere tells peers, while this node is primary, how far a database has
// come. It opens the database, as resolve does.
func (c *core) positionHere(name string) (pos engine.Position, term uint64, moved, role <-chan struct{}, err error) {
	s, role := c.watch()
	if s.Role != engine.Primary {
		return pos, 0, nil, role, fault.Refuse(fault.NotPrimary, "node %s is %s", c.cfg.Name, s.Role)
	}
	db := c.known(name)
	if db == nil {
		if db, err = c.database(name); err != nil {
			return pos, 0, nil, nil, err
		}
	}
	pos, moved = db.engine.Watch()
	return pos, s.Term, moved, role, nil
}

// known returns the database called name if it is open, without waiting for mu.
func (c *core) known(name string) *database {
	db, _ := c.byName.Load(name)
	d, _ := db.(*database)
	return d
}

// follow asks for news of the database, where copies can be behind. Every peer is
// asked: who is not primary tells nothing until he is.
func (db *database) follow(p *link.Peer) {
	if db.replica != nil {
		p.Follow(db.name)
	}
}

// heard is called with what has come over p, a link to addr. The other node's term is
// of no use here: on LiteFS each node counts for itself.
func (c *core) heard(p *link.Peer, addr, name string, pos engine.Position) {
	db := c.known(name)
	if db == nil {
		return
	}
	n := &news{at: acked{pos: pos}, from: addr, over: p}
	if s, _ := c.watch(); s.Primary.Addr == addr {
		n.at.term = s.Term
	}
	db.heard(n)
}

// heard notes n. It takes the place of what was told before, also if it is not newer:
// the copy of the same node may have been replaced, and another one is the later
// primary.
func (db *database) heard(n *news) { db.ahead.Store(n) }

// unheard forgets what has come over p, which is broken or closed: what it would
// tell now is not known.
func (c *core) unheard(p *link.Peer) {
	c.byName.Range(func(_, db any) bool {
		ahead := &db.(*database).ahead
		if n := ahead.Load(); n != nil && n.over == p {
			ahead.CompareAndSwap(n, nil)
		}
		return true
	})
}
