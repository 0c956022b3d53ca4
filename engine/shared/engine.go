//go:build linux || darwin || freebsd

package shared

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Engine implements [engine.Engine] for one directory, and [engine.Secreter].
// Several Engines of one directory are independent nodes, whether they are in
// one process or not.
type Engine struct {
	place    place
	opts     Options
	identity *identity

	// snap is what Watch returns. Only publish replaces it.
	snap atomic.Pointer[snapshot]
	// tenure is set while this node is primary. Only the loop, and Close
	// after it, change it.
	tenure atomic.Pointer[tenure]

	// kick is buffered to 1 so that Suspect never blocks and wake-ups coalesce.
	kick chan struct{}
	// stop is closed by Close, done by the loop when it has ended.
	stop, done chan struct{}

	// mu guards the following.
	mu        sync.Mutex
	started   bool
	closed    bool
	closeErr  error
	databases map[string]*database

	// node belongs to Start until the loop runs, then to the loop, then to Close.
	node node
}

var (
	_ engine.Engine   = (*Engine)(nil)
	_ engine.Secreter = (*Engine)(nil)
)

// snapshot is one State and the channel that says that there is another.
type snapshot struct {
	state   engine.State
	changed chan struct{}
}

// tenure is one period as primary: all that the fence needs.
type tenure struct {
	lock  *lockFile
	epoch uint64
	mark  mark
}

// Open prepares the engine for the databases in dir, which must exist: it
// makes dir/.litefwd with the secret and the cluster's identity if they are
// missing. Nothing runs before Start. Errors are of kind fault.Config.
func Open(dir string, opts Options) (*Engine, error) {
	opts, err := opts.normalize()
	if err != nil {
		return nil, err
	}
	place, err := findPlace(dir)
	if err != nil {
		return nil, err
	}
	id, err := ensureIdentity(filepath.Join(place.dir, stateDir), nil)
	if err != nil {
		return nil, dirError(dir, err)
	}
	e := &Engine{
		place:     place,
		opts:      opts,
		identity:  id,
		kick:      make(chan struct{}, 1),
		stop:      make(chan struct{}),
		done:      make(chan struct{}),
		databases: make(map[string]*database),
	}
	e.snap.Store(&snapshot{
		state:   engine.State{Problem: errNotStarted},
		changed: make(chan struct{}),
	})
	return e, nil
}

// Start implements [engine.Engine]. If another node is primary it waits, for
// at most a quarter of a second, until that node's address is known. When ctx
// ends first its error is returned, and Close must still be called.
func (e *Engine) Start(ctx context.Context, self engine.Self) error {
	if self.Name == "" {
		return fault.New(fault.Config, "engine shared needs the node's name; it is empty")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.begin(self); err != nil {
		return err
	}
	timeout := time.NewTimer(addressWait)
	defer timeout.Stop()
	for {
		state, changed := e.Watch()
		if !errors.Is(state.Problem, errUnpublished) {
			return nil
		}
		select {
		case <-changed:
		case <-timeout.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin takes the first turn and starts the loop.
func (e *Engine) begin(self engine.Self) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return fault.New(fault.Closed, "the engine of %s is closed", e.place.dir)
	}
	if e.started {
		return fault.New(fault.Config, "the engine of %s was started twice", e.place.dir)
	}
	e.started = true
	e.node = newNode(self, e.opts)
	wait := e.turn(time.Now())
	go e.loop(wait)
	return nil
}

// Watch implements [engine.Engine].
func (e *Engine) Watch() (engine.State, <-chan struct{}) {
	s := e.snap.Load()
	return s.state, s.changed
}

// Suspect implements [engine.Engine]: the lock is tried at once and then
// every millisecond for a tenth of a second.
func (e *Engine) Suspect() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// Cluster implements [engine.Engine].
func (e *Engine) Cluster() string { return e.identity.cluster }

// Secret implements [engine.Secreter]. The caller may keep and change it.
func (e *Engine) Secret() ([]byte, error) {
	return append([]byte(nil), e.identity.secret...), nil
}

// Close implements [engine.Engine]. It removes nothing: the released lock
// lets the next node in, and its epoch makes this one's address void.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return e.closeErr
	}
	e.closed = true
	close(e.stop)
	if e.started {
		<-e.done
	}
	e.tenure.Store(nil)
	e.closeErr = e.node.drop()
	e.publish(engine.State{Term: e.node.term, Problem: errClosed})
	return e.closeErr
}
