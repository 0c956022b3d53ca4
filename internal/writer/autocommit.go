package writer

import (
	"context"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
)

// Exec implements forward.Target. It waits for the slot. The end of ctx
// interrupts the statement, which is then rolled back and gives ctx's error; a
// statement that has finished by then is committed and a success.
func (w *Writer) Exec(ctx context.Context, st forward.Statement) (forward.Result, error) {
	res, _, err := w.auto(ctx, st, false)
	return res, err
}

// Submit implements forward.Submitter.
func (w *Writer) Submit(ctx context.Context, st forward.Statement, done func(forward.Result, error)) {
	w.submit(&job{st: st, ctx: ctx, done: func(j *job) { done(j.res, j.err) }})
}

// auto is submit for a caller that waits.
func (w *Writer) auto(ctx context.Context, st forward.Statement, query bool) (forward.Result, *rowset.Set, error) {
	j := w.wait(&job{st: st, query: query, ctx: ctx})
	return j.res, j.rows, j.err
}

// wait submits j and waits until it is over.
func (w *Writer) wait(j *job) *job {
	over := make(chan struct{})
	j.done = func(*job) { close(over) }
	w.submit(j)
	<-over
	return j
}

// runAlone runs a job in transactions of its own.
func (w *Writer) runAlone(j *job) {
	if err := j.ctx.Err(); err != nil {
		j.err = interrupted(err)
		return
	}
	ctx, stop := w.interruptible(j.ctx)
	defer stop()
	j.err = w.withConn(ctx, j.st.Session.Pragmas, func(c *conn) error { return w.runJob(ctx, c, j) })
}

// interruptible returns a ctx that also ends when everything is to be interrupted.
func (w *Writer) interruptible(ctx context.Context) (context.Context, func()) {
	if ctx.Done() == nil { // a driver may do less for one that has none
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(w.interrupts(), cancel)
	return ctx, func() { stop(); cancel() }
}

func (w *Writer) runJob(ctx context.Context, c *conn, j *job) error {
	s, err := w.newScope(ctx, c, j.st.ID, j.st.Session)
	if err != nil {
		return err
	}
	s.job = j
	if j.batch != nil {
		return s.runBatch(j)
	}
	stmts, err := s.classify(j.st.SQL)
	if err != nil {
		return err
	}
	if j.query {
		j.rows, err = s.collect(stmts, j.st.SQL, j.st.Args)
	} else {
		err = s.text(stmts, arguments{all: j.st.Args, shared: w.traits.sharedArgs})
	}
	c.forgetSharing(stmts)
	if s.commits == 0 && fault.Code(err) == fault.CodeInterrupt && j.ctx.Err() == nil && s.unsure == nil {
		err = s.w.stopped(err)
	}
	err = s.end(err)
	if err != nil {
		j.rows = nil
		return s.withCounters(err)
	}
	j.res = s.res
	if j.rows != nil {
		j.rows.SetResult(s.res)
	}
	return nil
}

// end leaves no transaction open behind an autocommit text.
func (s *scope) end(err error) error {
	if s.open {
		s.rollback()
		if err == nil {
			err = fault.New(fault.Unsupported, "the text left a transaction open, which was rolled back: "+
				"use BeginTx, or send BEGIN to COMMIT in one text or over one connection (sql.Conn)")
		}
	}
	if s.commits > 0 {
		err = fault.SomethingRan(err)
	}
	return err
}
