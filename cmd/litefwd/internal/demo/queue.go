package demo

import (
	"context"
	"sync"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// queue hands each line to one writer, until every line is settled. A line
// that was certainly not written is put back.
type queue struct {
	total   int
	waiting chan demoapp.Line // holds all lines, so that putBack never blocks

	mu      sync.Mutex // guards the following
	settled int
	marks   map[int]chan struct{} // closed when so many lines are settled
}

func newQueue(lines []demoapp.Line) *queue {
	q := &queue{
		total:   len(lines),
		waiting: make(chan demoapp.Line, len(lines)),
		marks:   map[int]chan struct{}{},
	}
	for _, line := range lines {
		q.waiting <- line
	}
	return q
}

// take waits for a line. It returns false when all are settled or stop or ctx
// ends. Whoever takes a line must settle it or put it back.
func (q *queue) take(ctx context.Context, stop <-chan struct{}) (demoapp.Line, bool) {
	select {
	case line := <-q.waiting:
		return line, true
	case <-q.reached(q.total):
	case <-stop:
	case <-ctx.Done():
	}
	return demoapp.Line{}, false
}

func (q *queue) putBack(line demoapp.Line) { q.waiting <- line }

// settle says that the fate of one line is recorded.
func (q *queue) settle() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settled++
	if mark, ok := q.marks[q.settled]; ok {
		close(mark)
	}
}

// reached returns a channel that is closed once count lines are settled.
func (q *queue) reached(count int) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	mark, ok := q.marks[count]
	if !ok {
		mark = make(chan struct{})
		q.marks[count] = mark
		if q.settled >= count {
			close(mark)
		}
	}
	return mark
}

// progress returns how many lines are settled.
func (q *queue) progress() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settled
}
