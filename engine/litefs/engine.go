package litefs

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Engine implements [engine.Engine] for one LiteFS mount, and
// [engine.Promoter].
type Engine struct {
	dir    string
	opts   Options
	timing timing
	api    *api
	alone  context.Context // ends with Close
	cancel context.CancelFunc

	// snap is what Watch returns. Only update replaces it.
	snap atomic.Pointer[snapshot]
	// tenure is set while this node is primary. Only update changes it.
	tenure atomic.Pointer[tenure]
	// cluster is LiteFS's cluster id, once /info has told it.
	cluster atomic.Pointer[string]

	// Kicks are buffered to 1, so that they never block and coalesce.
	kickStream, kickLook, kickInfo chan struct{}
	// lookBegan is when the running look at the mount began, in nanoseconds
	// since began; 0 while none runs.
	began     time.Time
	lookBegan atomic.Int64

	// running are the goroutines that end soon after cancel; stuck ones, which
	// the kernel or a user's function may hold, close a channel in loose.
	running sync.WaitGroup

	// mu guards the following. It is never held across I/O or foreign code,
	// and may be held when a database's mutex is taken.
	mu        sync.Mutex
	facts     facts
	resolver  resolver
	started   bool
	stepped   chan struct{} // closed, and replaced, by each update
	loose     map[chan struct{}]struct{}
	databases map[string]*database // by file name, as events call them
}

var (
	_ engine.Engine   = (*Engine)(nil)
	_ engine.Promoter = (*Engine)(nil)
)

// snapshot is one State and the channel that says that there is another.
type snapshot struct {
	state   engine.State
	changed chan struct{}
}

// tenure is one period as primary; the pointer is its identity.
type tenure struct{ term uint64 }

// Open prepares the engine for the LiteFS mount dir, which need not be mounted
// yet. Nothing runs before Start. Errors are of kind fault.Config.
func Open(dir string, opts Options) (*Engine, error) { return open(dir, opts, defaultTiming) }

func open(dir string, opts Options, t timing) (*Engine, error) {
	opts, err := opts.normalize()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, fault.New(fault.Config, "engine litefs needs the directory of LiteFS's mount; it is empty")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fault.New(fault.Config, "directory %q: %w", dir, err)
	}
	e := &Engine{
		dir: dir, opts: opts, timing: t,
		api:        newAPI(opts.URL),
		kickStream: make(chan struct{}, 1),
		kickLook:   make(chan struct{}, 1),
		kickInfo:   make(chan struct{}, 1),
		began:      time.Now().Add(-time.Nanosecond),
		facts:      facts{dir: dir, url: opts.URL, staleAfter: t.staleAfter},
		resolver:   newResolver(opts),
		stepped:    make(chan struct{}),
		loose:      make(map[chan struct{}]struct{}),
		databases:  make(map[string]*database),
	}
	e.alone, e.cancel = context.WithCancel(context.Background())
	e.snap.Store(&snapshot{
		state:   engine.State{Problem: errNotStarted},
		changed: make(chan struct{}),
	})
	return e, nil
}

// Start implements [engine.Engine]. It waits, for at most
// Options.StartTimeout, until the directory is a LiteFS mount and LiteFS's
// HTTP API has told the role; its error says which of them is missing. Close
// must be called even then.
func (e *Engine) Start(ctx context.Context, self engine.Self) error {
	if self.Name == "" {
		return fault.New(fault.Config, "engine litefs needs the node's name; it is empty")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.begin(self); err != nil {
		return err
	}
	timeout := time.NewTimer(e.opts.StartTimeout)
	defer timeout.Stop()
	for {
		missing, stepped := e.missing()
		if missing == nil {
			return nil
		}
		select {
		case <-stepped:
		case <-timeout.C:
			return fault.New(fault.Config, "LiteFS was not ready within %s: %w", e.opts.StartTimeout, missing)
		case <-ctx.Done():
			return fmt.Errorf("%w while LiteFS was not ready: %w", ctx.Err(), missing)
		case <-e.alone.Done():
			return errClosed
		}
	}
}

func (e *Engine) begin(self engine.Self) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.facts.closed {
		return fault.New(fault.Closed, "the engine of %s is closed", e.dir)
	}
	if e.started {
		return fault.New(fault.Config, "the engine of %s was started twice", e.dir)
	}
	e.started = true
	e.facts.self = self
	e.running.Go(e.runStream)
	e.running.Go(e.runInfo)
	e.goLoose(e.runLookout)
	return nil
}

// missing says what Start still waits for, or nil, and when to ask again.
func (e *Engine) missing() (error, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.missingLocked(), e.stepped
}

func (e *Engine) missingLocked() error {
	f := &e.facts
	switch {
	case !f.mount.looked:
		return fmt.Errorf("reading %s hangs", e.dir)
	case f.mount.err != nil:
		return f.mount.err
	case !f.connected && f.streamErr != nil:
		return f.streamErr
	case !f.connected:
		return fmt.Errorf("%s/events has not answered: is litefs_url LiteFS's HTTP API (http.addr in litefs.yml)?", e.opts.URL)
	case !f.infoKnown && f.infoErr != nil:
		return f.infoErr
	case !f.infoKnown:
		return fmt.Errorf("%s/info has not answered", e.opts.URL)
	case f.role.isPrimary && f.mount.primary != "" && !f.mount.foreign:
		return fmt.Errorf("LiteFS says that it is primary while %s/.primary names %s", e.dir, f.mount.primary)
	case f.role.isPrimary && f.self.Addr == "" && f.ownHost == "",
		e.snap.Load().state.Problem == errResolving:
		return e.snap.Load().state.Problem
	default:
		return nil
	}
}

// Watch implements [engine.Engine].
func (e *Engine) Watch() (engine.State, <-chan struct{}) {
	s := e.snap.Load()
	return s.state, s.changed
}

// Suspect implements [engine.Engine]: it connects to /events now if they are
// not received, asks /info, looks at the mount, and asks again for an address
// that was not found.
func (e *Engine) Suspect() {
	kick(e.kickStream)
	kick(e.kickInfo)
	kick(e.kickLook)
}

func kick(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Cluster implements [engine.Engine]: LiteFS's cluster id. A node that has
// never had a primary has none.
func (e *Engine) Cluster() string {
	if id := e.cluster.Load(); id != nil {
		return *id
	}
	return ""
}
