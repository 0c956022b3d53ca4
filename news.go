package litefwd

import (
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/link"
)

// news is how far a primary has told that its database has come, and the address
// and the link that it came from.
type news struct {
	pos  engine.Position
	from string
	over *link.Peer
}

// primaryAt returns how far the primary is known to have come; not if it has told
// nothing, or another one has. Its term is this node's: on LiteFS each node counts
// for itself.
func (db *database) primaryAt() (a acked, known bool) {
	n := db.news.Load()
	if n == nil {
		return a, false
	}
	s, _ := db.core.watch()
	return acked{n.pos, s.Term}, s.Primary.Addr == n.from
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

// heard is called with news of the database called name.
func (c *core) heard(name string, n news) {
	if db := c.known(name); db != nil && db.replica != nil {
		db.heard(n)
	}
}

// heard notes n in place of what was told before: a node that takes over may be less
// far, and what one node tells comes in order.
func (db *database) heard(n news) {
	db.news.Store(&n)
	db.pacer.Kick()
}

// primaryChanged is called when something is new about the primary, which may be
// the one that has told news already.
func (db *database) primaryChanged() {
	if db.pacer != nil {
		db.pacer.Kick()
	}
}

// lookEvery is how often those who read without a pause look for news.
const lookEvery = 200 * time.Microsecond

// lookForNews is called by those who keep the processors busy: they do not let Go look
// for what comes from other nodes, and LiteFS, which asks for its locks the more seldom
// the longer they read, waits for the news.
func (db *database) lookForNews() {
	n := db.news.Load()
	if n == nil {
		return
	}
	last, now := db.looked.Load(), int64(time.Since(started))
	if time.Duration(now-last) >= lookEvery && db.looked.CompareAndSwap(last, now) {
		n.over.Look()
	}
}

// started makes times that fit an atomic.
var started = time.Now()

// unheard forgets what has come over p, which is broken or closed: what it would
// tell now is not known.
func (c *core) unheard(p *link.Peer) {
	c.byName.Range(func(_, db any) bool {
		last := &db.(*database).news
		if n := last.Load(); n != nil && n.over == p {
			last.CompareAndSwap(n, nil)
		}
		return true
	})
}
