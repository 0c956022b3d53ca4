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
//
// A free slot is used on this goroutine, which saves waking another. Not where a
// dead mount can hold it up: there another one can be abandoned.
func (w *Writer) wait(j *job) *job {
	over := make(chan struct{})
	j.done = func(*job) { close(over) }
	if w.replicated != nil {
		w.submit(j)
	} else if t := w.start(j); t != nil {
		t.lead(j)
	}
	<-over
	return j
}

// runAlone runs a job in transactions of its own.
func (w *Writer) runAlone(j *job) (o outcome) {
	if err := j.ctx.Err(); err != nil {
		o.err = interrupted(err)
		return o
	}
	stopping := w.interrupts()
	ctx, stop := until(j.ctx, stopping)
	defer stop()
	o.err = w.withConn(ctx, j.st.Session.Pragmas, func(c *conn) error {
		s, err := w.newScope(ctx, c, j.st.ID, j.st.Session)
		if err != nil {
			return err
		}
		s.job = j
		if o, err = s.runJob(j); err == nil {
			return nil
		}
		if s.commits == 0 && s.unsure == nil && fault.Code(err) == fault.CodeInterrupt &&
			j.ctx.Err() == nil && stopping.Err() != nil {
			err = w.stopped(err)
		}
		return s.withCounters(s.end(err))
	})
	if o.err != nil {
		return outcome{err: o.err}
	}
	return o
}

// until returns a ctx that also ends when stopping does.
func until(ctx, stopping context.Context) (context.Context, func()) {
	if ctx.Done() == nil { // a driver may do less for one that has none
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(stopping, cancel)
	return ctx, func() { stop(); cancel() }
}

func (s *scope) runJob(j *job) (o outcome, err error) {
	if j.batch != nil {
		return s.runBatch(j)
	}
	stmts, err := s.classify(j.st.SQL)
	if err != nil {
		return o, err
	}
	if j.query {
		o.rows, err = s.collect(stmts, j.st.SQL, j.st.Args)
	} else {
		err = s.text(stmts, arguments{all: j.st.Args, shared: s.w.traits.sharedArgs})
	}
	if err == nil {
		err = s.end(nil)
	}
	if err != nil {
		return o, err
	}
	o.res = s.res
	if o.rows != nil {
		o.rows.SetResult(s.res)
	}
	return o, nil
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
