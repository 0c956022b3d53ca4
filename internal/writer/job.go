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
	// batch, if it is not nil, is what runs; st has its id then.
	batch []forward.Statement
	ctx   context.Context // the caller's; its end interrupts the statement
	done  func(*job)      // called once, when the result is set; it must not wait

	phase jobPhase // guarded by Writer.mu

	res  forward.Result
	rows *rowset.Set
	// items are the statements' of batch.
	items []forward.BatchItem
	err   error
}

// jobPhase is how far a job has come that is not waiting any more.
type jobPhase uint8

const (
	jobTaken   jobPhase = iota // nothing of it has run
	jobBegun                   // something has, or may have
	jobRefused                 // it was answered that nothing will
)

// submit runs a job, once per id, with those of others if it can. j.done is called
// when it is over, perhaps before submit returns.
func (w *Writer) submit(j *job) {
	ctx, id, done := j.ctx, j.st.ID, j.done
	if err := ctx.Err(); err != nil {
		j.err = interrupted(err)
		done(j)
		return
	}
	if err := w.enter(); err != nil {
		j.err = err
		done(j)
		return
	}
	if before, first := w.outcomes.claim(id); !first {
		go func() { // ends with ctx, or with the job that came before
			defer w.leave()
			j.res, j.err = w.again(ctx, before, id, j.query || j.batch != nil)
			done(j)
		}()
		return
	}
	w.slot.enqueue(ctx, w.opts.BusyTimeout, &request{from: j.st.From, job: j, answer: func(err error) {
		if err != nil {
			w.refuseJob(j, err)
			return
		}
		t := w.newTurn(j)
		go t.lead(j) // Close waits for it
	}})
}

// again answers a statement that was delivered before.
func (w *Writer) again(ctx context.Context, before *outcome, id forward.ID, query bool) (forward.Result, error) {
	res, err := w.outcomes.wait(ctx, before)
	if err == nil && query {
		err = &fault.Error{
			Kind: fault.OutcomeUnknown, RequestID: id.String(), Committed: true,
			Msg: "it was delivered twice; it ran once and is committed, but its rows are not kept",
		}
	}
	return res, err
}

// refuseJob answers j that nothing of it ran; it may come again.
func (w *Writer) refuseJob(j *job, err error) {
	defer w.leave()
	w.outcomes.forget(j.st.ID, err)
	j.err = err
	j.done(j)
}

// finish answers j, whose result is set.
func (w *Writer) finish(j *job) {
	if j.err != nil && fault.SafeToRetry(j.err) {
		w.refuseJob(j, j.err)
		return
	}
	defer w.leave()
	w.outcomes.finish(j.st.ID, j.res, j.err)
	w.counts.executed.Add(1)
	j.done(j)
}

// begin notes that j is going to run; false if it was refused meanwhile.
func (w *Writer) begin(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j.phase == jobRefused {
		return false
	}
	j.phase = jobBegun
	return true
}

// fresh makes j what it was before it ran, since its transaction was undone.
func (w *Writer) fresh(j *job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j.phase = jobTaken
	j.res, j.rows, j.items, j.err = forward.Result{}, nil, nil, nil
}
