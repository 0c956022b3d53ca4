package litefwd

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/litefwd/litefwd/internal/sqlclass"
)

// leases are the handles on which reads of all connections of a database run that
// need nothing of their connection. Each has a lease, see readTx. The one that was
// used last is used next: so there are as many leases as reads at a time, which all
// the others share with their page caches, however many connections there are.
type leases struct {
	db *database

	// mu guards the following.
	mu      sync.Mutex
	free    []*handle      // the one used last at the end
	waiting []chan *handle // buffered to 1; who came first is first
	opened  int            // those in use too
	long    int            // those of reads that may take long
	closed  bool
}

// Of so many leases beside those of long reads one is soon free, since there are no more
// processors: a short read rather waits than begin another, which costs a hundred times
// what it does. That happens whenever the gate opens for many at once.
var enoughLeases = 2 * processors

// leaseWait is how long. Those that have the leases wait for a disk then, or their rows
// are read still, and another lease is begun, up to maxLeases. Beyond that, and long ones
// before, a read runs on its connection's own handle.
const leaseWait = 5 * time.Millisecond

var maxLeases = 2*enoughLeases + longAtATime

// keptReads is how many prepared statements each handle keeps.
const keptReads = 64

// take returns a handle for one read, which may take long, or nil if the read has to run
// on its connection's own. give is to follow.
func (l *leases) take(ctx context.Context, long bool) *handle {
	for {
		h, open := l.get(ctx, long)
		switch {
		case open:
			return l.open(ctx, long)
		case h == nil || l.good(h):
			return h
		}
		l.drop(h)
	}
}

// get takes a handle, for a short read if need be when it is given back, or says that
// another may be opened. It is counted already.
func (l *leases) get(ctx context.Context, long bool) (h *handle, open bool) {
	l.mu.Lock()
	limit := enoughLeases + l.long
	if long { // which slots has let in
		limit = maxLeases
	}
	if h, open = l.getLocked(long, limit); h != nil || open || long || l.closed {
		l.mu.Unlock()
		return h, open
	}
	mine := make(chan *handle, 1)
	l.waiting = append(l.waiting, mine)
	l.mu.Unlock()
	timer := time.NewTimer(leaseWait)
	defer timer.Stop()
	select {
	case h := <-mine:
		return h, false
	case <-timer.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, mine); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
		return l.getLocked(false, maxLeases)
	}
	return <-mine, false // it was given at the same time
}

// getLocked takes the handle that was used last, or says that another may be opened if
// there are less than limit. Enough are left for short reads.
func (l *leases) getLocked(long bool, limit int) (h *handle, open bool) {
	n := len(l.free)
	switch {
	case l.closed || long && l.long >= maxLeases-enoughLeases:
		return nil, false
	case n > 0:
		h = l.free[n-1]
		h.long = long
		l.free[n-1] = nil
		l.free = l.free[:n-1]
	case l.opened < min(limit, maxLeases):
		l.opened++
		open = true
	default:
		return nil, false
	}
	if long {
		l.long++
	}
	return h, open
}

// open opens a handle. If that fails, the connection's own has something to say of it.
func (l *leases) open(ctx context.Context, long bool) *handle {
	h, err := l.db.openHandle(ctx, true)
	if err != nil {
		l.forget(long)
		return nil
	}
	h.long = long
	h.kept.Limit = keptReads
	if h.standIn || h.private != nil { // there is no copy; or hooks of the driver make it special
		l.drop(h)
		return nil
	}
	if _, err := h.local.Exec(ctx, "PRAGMA busy_timeout=0", nil); err != nil { // see whileBusy
		l.drop(h)
		return nil
	}
	return h
}

// good reports whether h may serve another read.
func (l *leases) good(h *handle) bool {
	return !h.lost.Load() && !h.discard.Load() && h.generation == l.db.generation.Load() && h.history == l.db.history()
}

// give returns h.
func (l *leases) give(h *handle) {
	l.mu.Lock()
	if h.long {
		l.long--
		h.long = false
	}
	keep := !l.closed && l.good(h)
	switch {
	case keep && len(l.waiting) > 0:
		l.waiting[0] <- h
		l.waiting = slices.Delete(l.waiting, 0, 1)
	case keep:
		l.free = append(l.free, h)
	}
	l.mu.Unlock()
	if !keep {
		l.drop(h)
	}
}

// drop closes h.
func (l *leases) drop(h *handle) {
	if err := h.close(); err != nil {
		l.db.core.log.Debug("closing a handle for reads", "db", l.db.name, "err", err)
	}
	l.forget(h.long)
}

func (l *leases) forget(long bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened--
	if long {
		l.long--
	}
}

// flush closes those that nobody uses and that are of no use any more; with all set,
// the others too. Those in use go when they are given back.
func (l *leases) flush(all bool) {
	l.mu.Lock()
	l.closed = l.closed || all
	var gone []*handle
	kept := l.free[:0]
	for _, h := range l.free {
		if all || !l.good(h) {
			gone = append(gone, h)
		} else {
			kept = append(kept, h)
		}
	}
	clear(l.free[len(kept):])
	l.free = kept
	l.mu.Unlock()
	for _, h := range gone {
		l.drop(h)
	}
}

// mayLease reports whether a read needs nothing of its connection: no settings, temp
// objects or attached databases, and nothing that SQLite keeps for the connection, or
// answers from what it has parsed. It is one statement, since drivers prepare no more.
func (c *conn) mayLease(q *call) bool {
	return c.private == nil && !c.own && !q.noLease && len(c.session.pragmas) == 0 && c.db.core.cfg.ReadLease > 0 &&
		len(q.stmts) == 1 && !looksBeyondMain(&q.stmts[0]) && (q.prepared != nil || endsWith(q.text, q.stmts[0].SQL))
}

func looksBeyondMain(s *sqlclass.Statement) bool {
	return s.Pragma != "" || s.ReadsSchema || s.UsesRowID || s.UsesChanges
}

// endsWith reports whether text is the statement with nothing behind it: of a comment
// there drivers make a statement of its own.
func endsWith(text, statement string) bool {
	return strings.HasSuffix(strings.TrimRight(text, "; \t\r\n"), strings.TrimRight(statement, " \t\r\n"))
}

func setsConnection(s *sqlclass.Statement) bool {
	return s.Kind == sqlclass.Local || s.Kind == sqlclass.Setting
}

// queryLease runs the text in a lease. Without rows and without an error it has to run
// on the connection's own handle.
func (c *conn) queryLease(ctx context.Context, q call, long bool) (driver.Rows, error) {
	l := &c.db.leases
	h := l.take(ctx, long)
	if h == nil {
		return nil, nil
	}
	returned := false
	defer func() {
		if !returned { // a user's function has panicked
			h.lost.Store(true)
			h.reading.drop()
			l.give(h)
		}
	}()
	read := func() (*fetchedRows, error) { return c.db.settleRead(h, h.fetch(ctx, c.db, q, c.emptyRows())) }
	rows, err := read()
	if isBusy(err) {
		err = c.db.whileBusy(ctx, func() (err error) {
			rows, err = read()
			return err
		})
	}
	returned = true
	switch {
	case err != nil:
		l.give(h)
		return nil, err
	case rows.all: // whatever the application does with them
		l.give(h)
		return c.handOut(rows, nil), nil
	default:
		return c.handOut(rows, h), nil
	}
}

// fetch runs the text in h's lease, beginning one if there is none that holds.
func (h *handle) fetch(ctx context.Context, db *database, q call, r *fetchedRows) fetched {
	joined, err := h.reading.join(true)
	t := h.reading
	if err == nil && !joined {
		t, err = db.beginRead(ctx, h, true)
	}
	if err != nil {
		return fetched{err: err}
	}
	return t.fetch(ctx, q, r)
}
