package writer

import (
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// turn is what the holder of the slot does for jobs: the one that got the slot,
// and those that join it in its transaction.
type turn struct {
	w    *Writer
	jobs []*job // all that were taken; guarded by Writer.mu
}

// newTurn is called when first has got the slot. lead is to follow.
func (w *Writer) newTurn(first *job) *turn {
	t := &turn{w: w, jobs: []*job{first}}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside++ // first is inside, so that nobody has found the Writer empty
	w.turn = t
	return t
}

// lead runs first, and what waits and can share its transaction, and passes the
// slot on.
func (t *turn) lead(first *job) {
	w := t.w
	defer w.leave()
	var over []*member
	if first.alone || !w.mayShare(first) {
		over = []*member{{j: first, outcome: w.runAlone(first)}}
	} else {
		over = t.share(first)
	}
	w.ended = time.Now()
	w.mu.Lock()
	w.turn = nil
	w.mu.Unlock()
	for _, m := range over {
		if m.state == lonely {
			m.j.alone = true
			w.slot.requeue(m.j.ctx, w.opts.BusyTimeout, m.j.req)
		}
	}
	w.slot.release()
	for _, m := range over {
		if m.state != lonely {
			w.finish(m.j, m.outcome)
		}
	}
}

// share runs first in a transaction together with what joins. Of the jobs that it
// returns the lonely ones are to be run alone, and nothing of them has run; the
// others have their outcomes.
func (t *turn) share(first *job) (over []*member) {
	w := t.w
	if w.crowd > 1 && time.Since(w.ended) < w.pause {
		w.slot.gather(w.crowd-1, w.pause)
	}
	again := []*job{first}
	for joining := true; len(again) > 0; joining = false {
		g := &group{t: t, joining: joining}
		var ended []*member
		ended, again = g.run(again)
		over = append(over, ended...)
		if w.crowd = len(g.members); !g.began.IsZero() {
			w.pause = time.Since(g.began) / 2
		}
	}
	return over
}

// take notes that j belongs to this turn.
func (t *turn) take(j *job) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.jobs = append(t.jobs, j)
}

// abandon answers the jobs of the present turn of which nothing has run yet: SQLite
// can sit for ten seconds on a LiteFS mount that is gone.
func (w *Writer) abandon(reason error) {
	w.mu.Lock()
	var jobs []*job
	if w.turn != nil {
		jobs = append(jobs, w.turn.jobs...)
	}
	w.mu.Unlock()
	for _, j := range jobs {
		w.turnAway(j, reason)
	}
}

// errAnswered ends the run of a job that was answered already.
func errAnswered() error { return fault.Refuse(fault.Closed, "it was answered") }
