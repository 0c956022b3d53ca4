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

// maxAlone bounds the jobs of a turn that turn out not to share.
const maxAlone = 4

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
	if w.crowd > 1 {
		w.slot.gather(w.crowd-1, w.pause)
	}
	for _, j := range t.share(first) {
		w.runAlone(j)
	}
	w.mu.Lock()
	w.turn = nil
	w.mu.Unlock()
	w.slot.release()
	for _, j := range t.jobs {
		if j.phase != jobRefused { // nobody sets it any more
			w.finish(j)
		}
	}
}

// take notes that j belongs to this turn.
func (t *turn) take(j *job) {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.jobs = append(t.jobs, j)
}

// share runs first in a transaction together with what joins, and returns the jobs
// that have to be run alone; it has undone what it ran of them.
func (t *turn) share(first *job) (alone []*job) {
	again := []*job{first}
	for joining := true; len(again) > 0; joining = false {
		g := &group{t: t, joining: joining}
		var lonely []*job
		again, lonely = g.run(again)
		if t.w.crowd = len(g.members); t.w.crowd > 0 {
			t.w.pause = time.Since(g.began) / 2
		}
		alone = append(alone, lonely...)
	}
	return alone
}

// abandon answers the jobs of the present turn of which nothing has run yet: SQLite
// can sit for ten seconds on a LiteFS mount that is gone.
func (w *Writer) abandon(reason error) {
	w.mu.Lock()
	var idle []*job
	if w.turn != nil {
		for _, j := range w.turn.jobs {
			if j.phase == jobTaken {
				j.phase = jobRefused
				idle = append(idle, j)
			}
		}
	}
	w.mu.Unlock()
	for _, j := range idle {
		w.refuseJob(j, reason)
	}
}

// errAbandoned ends the run of a job that was answered already.
func errAbandoned() error { return fault.Refuse(fault.Closed, "it was refused") }
