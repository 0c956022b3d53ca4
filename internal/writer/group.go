package writer

import (
	"context"
	"errors"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// group is one transaction that several jobs share. Each has results and errors
// as if it had run alone: what may end the transaction, or reach into the work of
// another, is kept out (sqlclass.Sharing); and when the transaction is lost all the
// same, the others run again without the one that did it.
type group struct {
	t       *turn
	joining bool // others may join
	c       *conn
	s       *scope // of the transaction; its result is nobody's

	began   time.Time
	bytes   int
	members []*member // in the order in which they run
	lonely  int       // how many of them are
	running *member   // in which a panic came, if one did

	bound context.Context // ends a statement that keeps the others waiting
	stops []func()
}

// maxLonely bounds those of a group that turn out not to share.
const maxLonely = 16

// run runs todo, and those that join, and commits. Again are to be tried in another
// group; the others have ended, those with their outcomes that are not lonely.
func (g *group) run(todo []*job) (ended []*member, again []*job) {
	w := g.t.w
	for _, j := range todo {
		g.members = append(g.members, &member{j: j})
	}
	c, err := w.writing(context.Background(), nil)
	if err != nil {
		for _, m := range g.members {
			m.end(done, err)
		}
		return g.members, nil
	}
	g.c = c
	var spoiler *member
	err = guard(c, func() (err error) {
		spoiler, err = g.transact()
		return err
	})
	for _, stop := range g.stops {
		stop()
	}
	w.keepIfUsable(c)
	if g.running != nil { // c is closed, which has rolled back
		spoiler = g.running
		spoiler.end(done, err)
	}
	for _, m := range g.members {
		switch {
		case m.state == done, m.state == lonely:
		case m == spoiler:
			m.end(lonely, nil)
		case spoiler != nil:
			if w.undone(m.j) {
				again = append(again, m.j)
			}
			continue
		case err != nil:
			m.end(done, personal(err, m.j.st.ID))
		}
		if m.state != lonely || w.undone(m.j) {
			ended = append(ended, m)
		}
	}
	return ended, again
}

// transact runs the transaction. spoiler is the member because of which it was
// rolled back; err is why nothing, or nothing that is known, was committed.
func (g *group) transact() (spoiler *member, err error) {
	if err := g.begin(); err != nil {
		return nil, err
	}
	for i := 0; i < len(g.members) || g.join(); i++ {
		m := g.members[i]
		if !g.runMember(m) {
			g.s.rollback()
			return m, nil
		}
		if m.state == lonely {
			g.lonely++
		}
	}
	for _, m := range g.members {
		if m.state == ran {
			return nil, g.commit()
		}
	}
	g.s.rollback()
	return nil, nil
}

func (g *group) begin() error {
	c := g.c
	if err := c.adopt(nil); err != nil {
		return err
	}
	if err := c.prepareRowID(); err != nil {
		return err
	}
	g.s = &scope{w: g.t.w, c: c, ctx: context.Background()}
	g.began = time.Now()
	return g.s.beginKnown()
}

// join adds a job that waits, if there is one and room for it.
func (g *group) join() bool {
	o := &g.t.w.opts
	if !g.joining || len(g.members) >= o.MaxGroup || g.bytes >= o.MaxGroupBytes || g.lonely >= maxLonely ||
		time.Since(g.began) >= o.MaxGroupTime {
		return false
	}
	j := g.t.w.slot.join()
	if j == nil {
		return false
	}
	g.t.take(j)
	g.bytes += len(j.st.SQL) + sqldriver.ArgBytes(j.st.Args)
	g.members = append(g.members, &member{j: j})
	return true
}

// patience is the context of a statement that may take long: the caller's own, if
// nobody has run before it, or else one that ends soon.
func (g *group) patience(j *job) context.Context {
	w := g.t.w
	if g.members[0].j == j {
		ctx, stop := until(j.ctx, w.interrupts())
		g.stops = append(g.stops, stop)
		return ctx
	}
	if g.bound == nil {
		ctx, stop := context.WithTimeout(w.interrupts(), w.opts.MaxGroupTime)
		g.bound, g.stops = ctx, append(g.stops, stop)
	}
	return g.bound
}

// commit commits, and gives the members their results.
func (g *group) commit() error {
	s := g.s
	deadline := g.began.Add(g.t.w.opts.BusyTimeout)
	err := s.commit()
	for s.open && fault.Code(err) == fault.CodeBusy && time.Now().Before(deadline) {
		pause := time.NewTimer(time.Millisecond) // SQLite's own may be none
		select {
		case <-pause.C:
		case <-g.t.w.interrupts().Done():
			deadline = time.Now()
		}
		pause.Stop()
		err = s.commit() // a reader is in the way of a rollback journal
	}
	if err != nil {
		return g.uncommitted(err)
	}
	n := uint64(0)
	for _, m := range g.members {
		if m.state == ran {
			m.committed(s.res.Position)
			n++
		}
	}
	g.t.w.counts.groups.Add(1)
	g.t.w.counts.grouped.Add(n)
	return nil
}

// uncommitted returns what all get whose COMMIT failed with err; nil if they are
// to be run alone.
func (g *group) uncommitted(err error) error {
	s := g.s
	if s.open {
		s.rollback()
	}
	code := fault.Code(err)
	if s.unsure == nil && g.c.spoilt == nil && len(g.members) > 1 &&
		(code == constraint || code == codeFull || code == fault.CodeNoMem) {
		for _, m := range g.members { // what is too much for all may be right for each
			if m.state == ran {
				m.state = lonely
			}
		}
		return nil
	}
	return s.uncommitted(err)
}

// personal is err for one of those whom it concerns.
func personal(err error, id forward.ID) error {
	var own *fault.Error
	if !errors.As(err, &own) || own.Kind != fault.OutcomeUnknown {
		return err
	}
	mine := *own
	if id != (forward.ID{}) {
		mine.RequestID = id.String()
	}
	return &mine
}
