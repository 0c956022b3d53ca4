package link

import (
	"github.com/litefwd/litefwd/internal/wire"
)

// maxFollows bounds the databases of one frame: a caller that sends his own
// statement takes them along.
const maxFollows = 64

// Follow asks for news of the other node's database of that name, on the open
// session, if there is one, and on each later one. They go to Options.OnNews: the
// first as soon as the other node, being primary, has the request, then one
// whenever the database has moved. Asking again does nothing. Follow opens no
// session and does not block.
//
// At most 1024 databases are followed, whose names have 255 bytes at most; for
// others there are no news, nor from a node of a version that has none.
func (p *Peer) Follow(database string) {
	p.mu.Lock()
	if p.closed || len(database) > wire.MaxDatabaseName || len(p.followed) == wire.MaxFollowed || p.followed[database] {
		p.mu.Unlock()
		return
	}
	p.followed[database] = true
	s := p.current
	p.mu.Unlock()
	if s != nil { // else the next one asks
		s.follow(database)
	}
}

// follow asks for news of a database.
func (s *session) follow(database string) {
	s.mu.Lock()
	s.follows = append(s.follows, []byte(database))
	s.mu.Unlock()
	s.kick()
}

// hear tells what has come.
func (p *Peer) hear(news []*wire.News) {
	for _, n := range news {
		p.opts.OnNews(n.Forward())
	}
}
