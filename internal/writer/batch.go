package writer

import (
	"context"
	"errors"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// batch is one transaction that several jobs share. Each has results and errors
// as if it had run alone: what may end the transaction, or reach into the work of
// another, is kept out (sqlclass.Sharing); and when the transaction is lost all the
// same, the others run again without the one that did it.
type batch struct {
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

// run runs todo, and those that join, and commits. Jobs that are neither in again,
// to be tried in another batch, nor in alone have their result.
func (b *batch) run(todo []*job) (again, alone []*job) {
	w := b.t.w
	if len(todo) == 1 && !w.mayShare(todo[0]) {
		return nil, todo
	}
	c, err := w.writing(context.Background(), nil)
	if err != nil {
		return nil, todo // each finds out
	}
	b.c = c
	for _, j := range todo {
		b.members = append(b.members, &member{j: j})
	}
	var spoiler *member
	err = guard(c, func() (err error) {
		spoiler, err = b.transact()
		return err
	})
	for _, stop := range b.stops {
		stop()
	}
	w.keepIfUsable(c)
	if b.running != nil { // c is closed, which has rolled back
		spoiler = b.running
		spoiler.end(done, err)
	}
	for _, m := range b.members {
		switch {
		case m.state == lonely, m == spoiler && m.state != done:
			w.fresh(m.j)
			alone = append(alone, m.j)
		case m.state == done:
		case spoiler != nil:
			w.fresh(m.j)
			again = append(again, m.j)
		case err != nil:
			m.end(done, personal(err, m.j.st.ID))
		}
	}
	return again, alone
}

// transact runs the transaction. spoiler is the member because of which it was
// rolled back; err is why nothing, or nothing that is known, was committed.
func (b *batch) transact() (spoiler *member, err error) {
	if err := b.begin(); err != nil {
		return nil, err
	}
	for i := 0; i < len(b.members) || b.join(); i++ {
		m := b.members[i]
		if !b.runMember(m) {
			b.s.rollback()
			return m, nil
		}
		if m.state == lonely {
			b.lonely++
		}
	}
	for _, m := range b.members {
		if m.state == ran {
			return nil, b.commit()
		}
	}
	b.s.rollback()
	return nil, nil
}

func (b *batch) begin() error {
	c := b.c
	if err := c.adopt(nil); err != nil {
		return err
	}
	if err := c.prepareRowID(); err != nil {
		return err
	}
	b.s = &scope{w: b.t.w, c: c, ctx: context.Background()}
	b.began = time.Now()
	err := b.s.begin("")
	if err == nil {
		if err = c.checkSchema(); err != nil {
			b.s.rollback()
		}
	}
	if err != nil {
		return b.s.explain(err, false)
	}
	return nil
}

// join adds a job that waits, if there is one and room for it.
func (b *batch) join() bool {
	o := &b.t.w.opts
	if !b.joining || len(b.members) >= o.MaxBatch || b.bytes >= o.MaxBatchBytes || b.lonely >= maxAlone ||
		time.Since(b.began) >= o.MaxBatchTime {
		return false
	}
	j := b.t.w.slot.join()
	if j == nil {
		return false
	}
	b.t.take(j)
	b.bytes += len(j.st.SQL) + argBytes(j.st.Args)
	b.members = append(b.members, &member{j: j})
	return true
}

// patience is the context of a statement that may take long: the caller's own, if
// nobody has run before it, or else one that ends soon.
func (b *batch) patience(j *job) context.Context {
	w := b.t.w
	if b.members[0].j == j {
		ctx, stop := w.interruptible(j.ctx)
		b.stops = append(b.stops, stop)
		return ctx
	}
	if b.bound == nil {
		ctx, stop := context.WithTimeout(w.interrupts(), w.opts.MaxBatchTime)
		b.bound, b.stops = ctx, append(b.stops, stop)
	}
	return b.bound
}

// commit commits, and gives the members their results.
func (b *batch) commit() error {
	s := b.s
	deadline := b.began.Add(b.t.w.opts.BusyTimeout)
	err := s.commit()
	for s.open && fault.Code(err) == fault.CodeBusy && time.Now().Before(deadline) {
		err = s.commit() // a reader is in the way of a rollback journal
	}
	if err != nil {
		return b.uncommitted(err)
	}
	n := uint64(0)
	for _, m := range b.members {
		if m.state == ran {
			m.committed(s.res.Position)
			n++
		}
	}
	b.t.w.counts.batches.Add(1)
	b.t.w.counts.batched.Add(n)
	return nil
}

// uncommitted returns what all get whose COMMIT failed with err; nil if they are
// to be run alone.
func (b *batch) uncommitted(err error) error {
	s := b.s
	if s.open {
		s.rollback()
	}
	code := fault.Code(err)
	if s.unsure == nil && b.c.spoilt == nil && len(b.members) > 1 &&
		(code == constraint || code == codeFull || code == fault.CodeNoMem) {
		for _, m := range b.members { // what is too much for all may be right for each
			if m.state == ran {
				m.state = lonely
			}
		}
		return nil
	}
	err = s.explain(err, true)
	if fault.Code(err) == fault.CodeIOErr && s.unsure == nil {
		err = unknown(forward.ID{}, "COMMIT failed, and may have reached the disk: %w", err)
	}
	return err
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
