package demo

import (
	"context"
	"sync"
	"testing"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

func numbered(count int) []demoapp.Line {
	lines := make([]demoapp.Line, count)
	for i := range lines {
		lines[i] = demoapp.Line{N: i + 1, Text: "light"}
	}
	return lines
}

func TestQueueHandsOutEachLineUntilSettled(t *testing.T) {
	t.Parallel()
	const count = 200
	q := newQueue(numbered(count))
	var mu sync.Mutex
	taken := map[int]int{}
	var writers sync.WaitGroup
	for range 5 {
		writers.Go(func() {
			for {
				line, ok := q.take(t.Context(), nil)
				if !ok {
					return
				}
				mu.Lock()
				taken[line.N]++
				again := taken[line.N] == 1 && line.N%3 == 0
				mu.Unlock()
				if again {
					q.putBack(line)
				} else {
					q.settle()
				}
			}
		})
	}
	writers.Wait()
	for n := 1; n <= count; n++ {
		want := 1
		if n%3 == 0 {
			want = 2
		}
		if taken[n] != want {
			t.Errorf("line %d was taken %d times, want %d", n, taken[n], want)
		}
	}
	if q.progress() != count {
		t.Errorf("progress %d", q.progress())
	}
}

func TestQueueTakeEnds(t *testing.T) {
	t.Parallel()
	q := newQueue(numbered(1))
	q.take(t.Context(), nil) // the only line, not settled: the next take waits
	gone := make(chan struct{})
	close(gone)
	if _, ok := q.take(t.Context(), gone); ok {
		t.Error("a line for a node that is gone")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok := q.take(ctx, nil); ok {
		t.Error("a line after the end")
	}
}

func TestQueueReached(t *testing.T) {
	t.Parallel()
	q := newQueue(numbered(3))
	early := q.reached(2)
	isClosed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	q.settle()
	if isClosed(early) {
		t.Error("reached 2 after 1")
	}
	q.settle()
	if !isClosed(early) || !isClosed(q.reached(1)) || isClosed(q.reached(3)) {
		t.Error("wrong marks after 2")
	}
}
