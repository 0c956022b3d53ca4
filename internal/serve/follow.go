package serve

import (
	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/wire"
)

// follow takes the peer's wish to know how far databases have come. Each has a
// goroutine, which ends with the link. Only the reader calls it.
func (l *linkStream) follow(req *wire.LinkRequest) error {
	names, err := req.Followed()
	if err != nil || l.s.opts.Position == nil {
		return err
	}
	for _, name := range names {
		if l.followed[name] {
			continue
		}
		if len(l.followed) == wire.MaxFollowed {
			return fault.New(fault.Protocol, "node %q follows more than %d databases", l.caller.meta.Node, wire.MaxFollowed)
		}
		l.followed[name] = true
		l.followers.Go(func() { l.watch(name) })
	}
	return nil
}

// watch tells the peer each position of the database that it finds.
func (l *linkStream) watch(database string) {
	type told struct {
		pos  engine.Position
		term uint64
	}
	var last *told
	for {
		pos, term, moved, role, err := l.s.opts.Position(database)
		if now := (told{pos, term}); err == nil && (last == nil || *last != now) {
			last = &now
			l.tell(database, wire.NewNews(database, pos, term))
		}
		if moved == nil && role == nil {
			return
		}
		select {
		case <-moved:
		case <-role:
		case <-l.ctx.Done():
			return
		}
	}
}

// tell sends n soon, in place of what is not sent yet of the same database, and
// does not wait for that: meanwhile the database moves on.
func (l *linkStream) tell(database string, n *wire.News) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing { // the peer heeds nothing behind the last frame
		return
	}
	l.news[database] = n
	l.flushAsideLocked()
}

// takeNewsLocked takes what waits: a frame has room for all of it, since names
// and databases are bounded.
func (l *linkStream) takeNewsLocked() []*wire.News {
	if len(l.news) == 0 {
		return nil
	}
	all := make([]*wire.News, 0, len(l.news))
	for _, n := range l.news {
		all = append(all, n)
	}
	clear(l.news)
	return all
}
