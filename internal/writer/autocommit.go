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

// job is an autocommit text on its way.
type job struct {
	st    forward.Statement
	query bool            // rows are wanted
	ctx   context.Context // its end interrupts the running statement

	// The following is set when it has run.
	res  forward.Result
	rows *rowset.Set
	err  error
}

// auto runs an autocommit text in the slot, once per id.
func (w *Writer) auto(ctx context.Context, st forward.Statement, query bool) (forward.Result, *rowset.Set, error) {
	if err := ctx.Err(); err != nil {
		return forward.Result{}, nil, interrupted(err)
	}
	if err := w.enter(); err != nil {
		return forward.Result{}, nil, err
	}
	if before, first := w.outcomes.claim(st.ID); !first {
		defer w.leave()
		return w.again(ctx, before, st.ID, query)
	}
	if err := w.slot.acquire(ctx, w.opts.BusyTimeout); err != nil {
		defer w.leave()
		w.outcomes.forget(st.ID, err)
		return forward.Result{}, nil, err
	}
	j := &job{st: st, query: query, ctx: ctx}
	if ctx.Done() != nil { // a driver may do less for one that has none
		var cancel context.CancelFunc
		j.ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(w.interrupts(), cancel)()
	}
	w.do(j)
	return j.res, j.rows, j.err
}

// again answers a statement that was delivered before.
func (w *Writer) again(ctx context.Context, before *outcome, id forward.ID, query bool) (forward.Result, *rowset.Set, error) {
	res, err := w.outcomes.wait(ctx, before)
	if err == nil && query {
		err = &fault.Error{
			Kind: fault.OutcomeUnknown, RequestID: id.String(), Committed: true,
			Msg: "it was delivered twice; it ran once and is committed, but its rows are not kept",
		}
	}
	return res, nil, err
}

// do runs a job, whose slot is held, and gives the slot back.
func (w *Writer) do(j *job) {
	defer w.leave()
	j.err = w.withConn(j.ctx, j.st.Session.Pragmas, func(c *conn) error { return w.runJob(c, j) })
	w.slot.release()
	if j.err != nil && fault.SafeToRetry(j.err) {
		w.outcomes.forget(j.st.ID, j.err)
		return
	}
	w.outcomes.finish(j.st.ID, j.res, j.err)
	w.counts.executed.Add(1)
}

func (w *Writer) runJob(c *conn, j *job) error {
	s, err := w.newScope(j.ctx, c, j.st.ID, j.st.Session)
	if err != nil {
		return err
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
