package writer

import (
	"context"
	"sync"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// Writer runs the writes of one database. Its methods may be called from
// several goroutines.
type Writer struct {
	opts Options
	// replicated is opts.Database, if it is that too; or nil.
	replicated engine.Replicated

	slot     queue
	outcomes *outcomes
	readers  readPool
	counts   counts
	commit   commitPhase // set by the slot's holder

	// confirming is the engine's time to confirm a commit; it ends only when
	// Close has waited for drainGrace.
	confirming  context.Context
	stopConfirm context.CancelFunc

	conn *conn // writes; it belongs to the slot's holder
	// crowd is how many had a part in the last turn. They may be about to come again,
	// which one that follows at once waits for, so that they come together: at most
	// half as long as that one took, pause, since it ended. The slot's holder's.
	crowd int
	pause time.Duration
	ended time.Time

	probing sync.Mutex // guards probed, and traits until it is set
	probed  bool
	traits  traits

	settingNames sync.Map // string → true: what the classifier calls settings
	writeTexts   textSet  // texts that Query need not try as reads

	// mu guards the following. Whoever has it may ask the slot, but not give it up:
	// the next one takes mu.
	mu     sync.Mutex
	stage  stage
	inside int           // calls and transactions that are under way
	empty  chan struct{} // closed when inside is 0; nil if nobody waits for that
	// refused is why nobody is admitted, and resumed is closed when that is
	// over; both are nil while calls are admitted.
	refused error
	resumed chan struct{}
	// background ends when nothing is to be waited for any more: it
	// interrupts the statements that run. Resume replaces it.
	background context.Context
	giveUp     context.CancelFunc
	open       map[*tx]struct{}
	turn       *turn // of the slot's holder, or nil
	hold       *hold // SQLite's write lock, held or being taken, or nil
	finished   bool
}

var (
	_ forward.Target    = (*Writer)(nil)
	_ forward.Submitter = (*Writer)(nil)
)

// Open returns a Writer. It opens no connection before one is needed. Close it.
func Open(opts Options) *Writer {
	opts = opts.normalize()
	w := &Writer{
		opts:     opts,
		outcomes: newOutcomes(opts.Outcomes),
		open:     map[*tx]struct{}{},
	}
	w.replicated, _ = opts.Database.(engine.Replicated)
	w.readers.init(opts.ReadConns)
	w.background, w.giveUp = context.WithCancel(context.Background())
	w.confirming, w.stopConfirm = context.WithCancel(context.Background())
	return w
}

// Outcome returns what became of the statement or transaction id, which it
// waits for while it runs. For an id that this Writer does not know the error
// is of kind fault.OutcomeUnknown.
func (w *Writer) Outcome(ctx context.Context, id forward.ID) (forward.Result, error) {
	o := w.outcomes.find(id)
	if o == nil {
		return forward.Result{}, unknown(id, "it was never seen by this primary since it took over")
	}
	return w.outcomes.wait(ctx, o)
}

// enter admits a call, unless the Writer is paused, draining or closed. Each
// enter is followed by one leave.
func (w *Writer) enter() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refused != nil {
		return w.refused
	}
	w.inside++
	return nil
}

func (w *Writer) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inside--
	if w.inside == 0 && w.empty != nil {
		close(w.empty)
		w.empty = nil
	}
}

// interrupts returns the context that ends when what runs is to be interrupted.
func (w *Writer) interrupts() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.background
}

// withConn runs f on the writing connection, which must not hold a
// transaction, for a caller whose session has the given settings. The caller
// holds the slot.
func (w *Writer) withConn(ctx context.Context, pragmas map[string]string, f func(*conn) error) error {
	c, err := w.writing(ctx, pragmas)
	if err != nil {
		return err
	}
	err = guard(c, func() error { return f(c) })
	w.keepIfUsable(c)
	return err
}

// writing returns the writing connection. The caller holds the slot.
func (w *Writer) writing(ctx context.Context, pragmas map[string]string) (*conn, error) {
	if w.conn != nil && w.conn.history == w.history() && w.conn.canAdopt(pragmas) {
		return w.conn, nil
	}
	w.dropConn()
	history := w.history()
	c, err := connect(ctx, w.opts.Connector, false, w.opts.StatementCache)
	if err != nil {
		return nil, err
	}
	c.history = history
	if err := w.learnTraits(c); err != nil {
		c.close()
		return nil, err
	}
	w.conn = c
	return c, nil
}

// history is the engine's number for connections that are opened now: the
// database may be dropped, and made again, while this node is primary.
func (w *Writer) history() uint64 {
	if w.replicated == nil {
		return 0
	}
	return w.replicated.HistoryNow()
}

// Discard closes the connections that are not in use and were opened in an older
// history: SQLite shares what it knows of a file among all connections to it.
// Those in use go when they come back.
func (w *Writer) Discard() {
	if w.enter() != nil {
		return // paused or closed
	}
	defer w.leave()
	history := w.history()
	w.readers.discard(history)
	if !w.slot.seize() {
		return // its next holder will see
	}
	defer w.slot.release()
	if w.conn != nil && w.conn.history != history {
		w.dropConn()
	}
}

func (w *Writer) keepIfUsable(c *conn) {
	if c.usable() {
		return
	}
	if !c.temp || c.spoilt != nil {
		w.opts.Logger.Warn("writer: gave its connection up", "err", c.spoilt)
	}
	w.dropConn()
}

func (w *Writer) dropConn() {
	if w.conn != nil {
		w.conn.close()
		w.conn = nil
	}
}

func (w *Writer) learnTraits(c *conn) error {
	w.probing.Lock()
	defer w.probing.Unlock()
	if w.probed {
		return nil
	}
	t, err := probe(c)
	if err != nil {
		return err
	}
	w.traits, w.probed = t, true
	return nil
}

// draining is the refusal while the role is given up: another node is, or
// may soon be, primary.
func draining() error {
	return fault.Refuse(fault.NotPrimary, "this node is giving the primary role up")
}

func closed() error {
	return fault.Refuse(fault.Closed, "the writer of this database is closed")
}
