package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// fate is what a writer was told of one write.
type fate uint8

const (
	acked   fate = iota
	unknown      // it may or may not be there
	refused      // it is certain that it did not run
)

// write is one entry of the history: row (writer, seq), and when it was asked
// for and answered.
type write struct {
	Writer       string
	Seq          int
	Begun, Ended time.Duration // since the history began
	Fate         fate
	Err          string // "" if there was none
	Missing      bool   // the writer looked for the row on its own node, and did not find it
}

// history is what all writers did.
type history struct {
	began time.Time // without a monotonic reading where other processes write, too

	mu     sync.Mutex // guards the following
	writes []write
}

// createW has a rowid that rises with each commit and is never used again.
const createW = "CREATE TABLE w(id INTEGER PRIMARY KEY AUTOINCREMENT, writer TEXT, seq INTEGER)"

// run writes through node, one write after the other, until stop is closed.
func (h *history) run(a *app, node *litefwd.Node, writer string, deadline time.Duration, stop <-chan struct{}) {
	for seq := 0; ; seq++ {
		select {
		case <-stop:
			return
		default:
			h.add(h.attempt(a.ctx, node, writer, seq, deadline))
		}
	}
}

// attempt makes one write through node, and looks for every tenth on that node.
func (h *history) attempt(ctx context.Context, node *litefwd.Node, writer string, seq int, deadline time.Duration) write {
	db := node.DB()
	w := write{Writer: writer, Seq: seq, Begun: time.Since(h.began)}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	_, err := db.ExecContext(ctx, "INSERT INTO w(writer, seq) VALUES (?, ?)", writer, seq)
	w.Ended = time.Since(h.began)
	switch {
	case err == nil:
		w.Fate = acked
	case litefwd.SafeToRetry(err):
		w.Fate, w.Err = refused, err.Error()
	default: // also where the error is SQLite's own: that is for the checker to hold against
		w.Fate, w.Err = unknown, err.Error()
	}
	if w.Fate == acked && seq%10 == 0 {
		var n int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM w WHERE writer = ? AND seq = ?", writer, seq).Scan(&n)
		w.Missing = err == nil && n == 0
	}
	return w
}

func (h *history) add(w write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes = append(h.writes, w)
}

// row is one row of the table in the end.
type row struct {
	id     int64
	writer string
	seq    int
}

// rows reads the table of node i's copy.
func (h *history) rows(a *app, i int) []row {
	a.t.Helper()
	rs, err := a.nodes[i].Local().QueryContext(a.ctx, "SELECT id, writer, seq FROM w ORDER BY id")
	a.must("rows", err)
	defer rs.Close()
	var rows []row
	for rs.Next() {
		var r row
		a.must("scan", rs.Scan(&r.id, &r.writer, &r.seq))
		rows = append(rows, r)
	}
	a.must("rows", rs.Err())
	return rows
}

// check holds the history against the rows that are there in the end:
//
//   - an acknowledged write is there, once, unless mayLose says that it could
//     be lost; a refused one is not; any other at most once
//   - nobody's row is there that nobody wrote
//   - writes took effect between being asked for and answered: one that was
//     answered before another was asked for has the smaller rowid
//   - a writer that looked for its acknowledged row found it
//
// It returns the acknowledged writes that are lost.
func (h *history) check(rows []row, mayLose func(write) bool) (lost []write, err error) {
	type key struct {
		writer string
		seq    int
	}
	ids := map[key][]int64{}
	for _, r := range rows {
		k := key{r.writer, r.seq}
		ids[k] = append(ids[k], r.id)
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	known := map[key]bool{}
	for _, w := range h.writes {
		k := key{w.Writer, w.Seq}
		known[k] = true
		isLost := false
		switch n := len(ids[k]); {
		case n > 1:
			bad("%s/%d is there %d times", w.Writer, w.Seq, n)
		case w.Fate == acked && n == 0:
			lost = append(lost, w)
			if isLost = mayLose(w); !isLost {
				bad("%s/%d was acknowledged at %v and is lost", w.Writer, w.Seq, w.Ended)
			}
		case w.Fate == refused && n == 1:
			bad("%s/%d was refused, with nothing having run, and is there: %v", w.Writer, w.Seq, w.Err)
		}
		if w.Missing && !isLost {
			bad("%s/%d was acknowledged, and its writer's node did not show it", w.Writer, w.Seq)
		}
	}
	for k := range ids {
		if !known[k] {
			bad("%s/%d is there, and nobody wrote it", k.writer, k.seq)
		}
	}

	// Real time: over the writes in the order in which they were asked for, the
	// largest id among those answered before must be smaller.
	byBegin := slices.Clone(h.writes)
	slices.SortFunc(byBegin, func(a, b write) int { return int(a.Begun - b.Begun) })
	byEnd := slices.Clone(h.writes)
	slices.SortFunc(byEnd, func(a, b write) int { return int(a.Ended - b.Ended) })
	largest, before := int64(0), write{}
	for _, w := range byBegin {
		for len(byEnd) > 0 && byEnd[0].Ended < w.Begun {
			e := byEnd[0]
			byEnd = byEnd[1:]
			if at := ids[key{e.Writer, e.Seq}]; e.Fate == acked && len(at) > 0 && at[0] > largest {
				largest, before = at[0], e
			}
		}
		if at := ids[key{w.Writer, w.Seq}]; len(at) > 0 && at[0] < largest {
			bad("%s/%d (rowid %d) was asked for after %s/%d (rowid %d) was acknowledged, and came before it",
				w.Writer, w.Seq, at[0], before.Writer, before.Seq, largest)
		}
	}
	if len(errs) > 10 {
		errs = append(errs[:10], fmt.Errorf("and %d more", len(errs)-10))
	}
	return lost, errors.Join(errs...)
}

// longest is the longest time that a write which was under way between from
// and to took.
func (h *history) longest(from, to time.Duration) (longest time.Duration) {
	for _, w := range h.writes {
		if w.Begun < to && w.Ended > from {
			longest = max(longest, w.Ended-w.Begun)
		}
	}
	return longest
}

func nothing(write) bool { return false }

// percentile of durations, which it sorts.
func percentile(p int, ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[(len(ds)-1)*p/100]
}

// awaitAcks waits until n more writes are acknowledged, to the writers named, or
// to any.
func (h *history) awaitAcks(a *app, n int, writers ...string) {
	a.t.Helper()
	goal := h.acks(writers) + n
	a.must("acknowledged writes", litefstest.Wait(a.ctx, "acknowledged writes", func(context.Context) error {
		if have := h.acks(writers); have < goal {
			return fmt.Errorf("%d of %d by %v", have, goal, writers)
		}
		return nil
	}))
}

func (h *history) acks(writers []string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.writes {
		if w.Fate == acked && (len(writers) == 0 || slices.Contains(writers, w.Writer)) {
			n++
		}
	}
	return n
}
