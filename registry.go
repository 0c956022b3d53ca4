package litefwd

import (
	"context"
	"fmt"
	"sync"
)

// registry holds the nodes that this process has open, by directory, so that
// opening one twice shares it: two nodes on one directory would contend for
// one role, and two SQLite libraries on one file would undo each other's
// POSIX locks. It is the only mutable package-level state.
type registry struct {
	mu    sync.Mutex // guards nodes
	nodes map[string]*registered
}

// registered is a directory's node while it starts, runs and stops.
type registered struct {
	ready chan struct{} // closed once core or err is set
	gone  chan struct{} // closed once the node is stopped and forgotten
	core  *core
	err   error
}

var openNodes = registry{nodes: map[string]*registered{}}

// open returns the directory's running node after join has accepted it, or
// starts one.
func (r *registry) open(ctx context.Context, dir string, start func() (*core, error), join func(*core) (bool, error)) (*core, error) {
	for {
		r.mu.Lock()
		e, found := r.nodes[dir]
		if !found {
			e = &registered{ready: make(chan struct{}), gone: make(chan struct{})}
			r.nodes[dir] = e
		}
		r.mu.Unlock()

		if !found {
			e.core, e.err = start()
			if e.err != nil {
				r.forget(dir)
			}
			close(e.ready)
			return e.core, e.err
		}
		if err := waitFor(ctx, e.ready); err != nil {
			return nil, err
		}
		if e.err != nil {
			continue // the other opener failed; try ourselves
		}
		if joined, err := join(e.core); joined || err != nil {
			return e.core, err
		}
		if err := waitFor(ctx, e.gone); err != nil {
			return nil, err
		}
	}
}

// forget makes room for a new node on dir.
func (r *registry) forget(dir string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, found := r.nodes[dir]; found {
		delete(r.nodes, dir)
		close(e.gone)
	}
}

func waitFor(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("litefwd: waiting for this process's node on the same directory: %w", ctx.Err())
	}
}
