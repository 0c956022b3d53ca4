package writer

import (
	"context"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
)

// job is an autocommit text, or a batch of the caller's own, on its way.
type job struct {
	st    forward.Statement
	query bool // rows are wanted
	// batch, if it is not nil, is what runs; st has its id then. Its rows may have
	// maxRows bytes, 0 is the Writer's own bound.
	batch   []forward.Statement
	maxRows int64
	ctx     context.Context // the caller's; its end interrupts the statement
	done    func(*job)      // called once, when the outcome is set; it must not wait

	req *request // its place in the queue, where it waits or has waited
	// alone: it has turned out that it cannot share a transaction. Who has the job
	// sets it, the queue or the slot's holder.
	alone bool

	phase   jobPhase // guarded by Writer.mu
	outcome          // set by whoever answers
}

// outcome is what became of a job.
type outcome struct {
	res   forward.Result
	rows  *rowset.Set
	items []forward.BatchItem // of a batch
	err   error
}

// jobPhase is how far a job has come. Whoever takes it to answered answers it.
type jobPhase uint8

const (
	jobIdle  jobPhase = iota // nothing of it runs
	jobBegun                 // something of it may have run
	jobAnswered
)

// submit runs a job, once per id, with those of others if it can. j.done is called
// when it is over, perhaps before submit returns.
func (w *Writer) submit(j *job) {
	if t := w.start(j); t != nil {
		go t.lead(j) // Close waits for it
	}
}

// start is submit, but if the slot is free it returns the turn, for the caller to
// lead.
func (w *Writer) start(j *job) *turn {
	ctx, id := j.ctx, j.st.ID
	if err := ctx.Err(); err != nil {
		j.err = interrupted(err)
		j.done(j)
		return nil
	}
	if err := w.enter(); err != nil {
		j.err = err
		j.done(j)
		return nil
	}
	if before, first := w.outcomes.claim(id); !first {
		go func() { // ends with ctx, or with the job that came before
			defer w.leave()
			j.res, j.err = w.again(ctx, before, id, j.query || j.batch != nil)
			j.done(j)
		}()
		return nil
	}
	j.req = &request{from: j.st.From, job: j, answer: func(err error) {
		if err != nil {
			w.turnAway(j, err)
			return
		}
		t := w.newTurn(j)
		go t.lead(j) // as in submit
	}}
	if w.slot.enqueue(ctx, w.opts.BusyTimeout, j.req) {
		return w.newTurn(j)
	}
	return nil
}

// again answers a statement that was delivered before.
func (w *Writer) again(ctx context.Context, before *remembered, id forward.ID, query bool) (forward.Result, error) {
	res, err := w.outcomes.wait(ctx, before)
	if err == nil && query {
		err = &fault.Error{
			Kind: fault.OutcomeUnknown, RequestID: id.String(), Committed: true,
			Msg: "it was delivered twice; it ran once and is committed, but its rows are not kept",
		}
	}
	return res, err
}

// begin notes that j is going to run; false if it was answered meanwhile.
func (w *Writer) begin(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.phase == jobAnswered {
		return false
	}
	j.phase = jobBegun
	return true
}

// undone notes that nothing of j has run after all, as its transaction was rolled
// back; false if it was answered meanwhile.
func (w *Writer) undone(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.phase == jobAnswered {
		return false
	}
	j.phase = jobIdle
	return true
}

// turnAway answers j, unless something of it runs or it was answered, that nothing
// will; it may come again.
func (w *Writer) turnAway(j *job, err error) {
	w.mu.Lock()
	if j.phase != jobIdle {
		w.mu.Unlock()
		return
	}
	j.phase = jobAnswered
	w.mu.Unlock()
	j.err = err
	w.answer(j, false)
}

// finish answers j, unless it was answered.
func (w *Writer) finish(j *job, o outcome) {
	w.mu.Lock()
	if j.phase == jobAnswered {
		w.mu.Unlock()
		return
	}
	j.phase = jobAnswered
	w.mu.Unlock()
	j.outcome = o
	w.answer(j, o.err == nil || !fault.SafeToRetry(o.err))
}

// answer is called once for each job, when its outcome is set.
func (w *Writer) answer(j *job, ran bool) {
	defer w.leave()
	w.slot.forget(j.req)
	if ran {
		w.outcomes.finish(j.st.ID, j.res, j.err)
		w.counts.executed.Add(1)
	} else {
		w.outcomes.forget(j.st.ID, j.err)
	}
	j.done(j)
}
