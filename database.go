package litefwd

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/await"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/gate"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
	"github.com/litefwd/litefwd/internal/writer"
)

// database is one database file of a node.
type database struct {
	core       *core
	name, path string
	connector  driver.Connector
	engine     engine.Database
	replica    engine.Replicated // engine, if its copies are replaced; or nil
	tracker    *await.Tracker
	classifier *sqlclass.Classifier
	stats      stats

	pool  *sql.DB // Node.DB
	local *sql.DB // Node.Local

	leases leases
	gate   gate.Gate // which local reads pass, with the node's, if copies are replaced
	pacer  *gate.Pacer
	// commits are those of this node's writer.
	commits commits
	news    atomic.Pointer[news]
	looked  atomic.Int64 // see lookForNews
	// saidLong: a long read was logged.
	saidLong atomic.Bool

	// behind is what reads of this process must see and the local copy has not;
	// nil when it has caught up.
	behind      atomic.Pointer[floor]
	unconfirmed unconfirmed
	// redirected bounds the reads that go to the primary while behind.
	redirected chan struct{}

	// generation rises whenever the connections opened before must not be used
	// any more.
	generation atomic.Uint64

	// rowTypes is what rowset.RowTypes says of the local driver, once learned.
	rowTypes, learned atomic.Bool

	mu         sync.Mutex // guards the following
	writer     *writer.Writer
	writerTerm uint64 // the term for which writer was made
	draining   bool

	// keeping holds one while somebody uses keeper, which takes I/O; see keep.
	keeping chan struct{}
	keeper  *keeper // or nil
}

// maxRedirected bounds the reads of one database that go to the primary at
// once because the local copy is behind.
const maxRedirected = 32

func newDatabase(c *core, name string) (*database, error) {
	path := filepath.Join(c.cfg.dir(), name)
	connector, err := c.cfg.connectorFor(path)
	if err != nil {
		return nil, err
	}
	if checker, ok := c.engine.(engine.DriverChecker); ok {
		if err := checker.CheckDriver(connector.Driver()); err != nil {
			return nil, err
		}
	}
	engineDB, err := c.engine.Database(path)
	if err != nil {
		return nil, err
	}
	db := &database{
		core:       c,
		name:       name,
		path:       path,
		connector:  connector,
		engine:     engineDB,
		tracker:    await.New(engineDB),
		classifier: sqlclass.New(),
		redirected: make(chan struct{}, maxRedirected),
		keeping:    make(chan struct{}, 1),
	}
	db.unconfirmed.kick = make(chan struct{}, 1)
	db.leases.db = db
	if r, ok := engineDB.(engine.Replicated); ok {
		db.replica = r
		db.pacer = newPacer(db)
		c.goroutines.Go(func() { db.pacer.Run(c.background) })
		c.goroutines.Go(db.followWAL)
		c.goroutines.Go(db.followHistory)
		_, breaks := r.Breaks(0)
		c.goroutines.Go(func() { db.followLosses(breaks) })
	}
	db.pool = sql.OpenDB(&nodeConnector{db: db})
	db.local = sql.OpenDB(&nodeConnector{db: db, localOnly: true})
	return db, nil
}

// discard gets rid of all connections to the local copy: the file may have been
// replaced under them, which SQLite cannot see. Those in use go when they come
// back to the pool. It returns at once.
func (db *database) discard() {
	db.generation.Add(1)
	for _, pool := range []*sql.DB{db.pool, db.local} {
		db.core.goroutines.Go(func() { flushIdle(pool) })
	}
	db.core.goroutines.Go(func() { db.leases.flush(false) })
}

// flushing is the context key with which flushIdle asks for connections: it
// wants the idle ones, and none must be opened for it.
type flushing struct{}

var errFlushing = errors.New("litefwd: no new connection while idle ones are discarded")

// flushIdle takes every idle connection out of the pool, by which database/sql
// finds out that it is not valid any more, and closes it. (SetMaxIdleConns
// would do that too, but the application's own limit could not be restored.)
func flushIdle(pool *sql.DB) {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), flushing{}, true), time.Second)
	defer cancel()
	for range pool.Stats().Idle {
		if c, err := pool.Conn(ctx); err == nil {
			defer c.Close() // opened since; given back when all the others are out
		}
	}
}

// setQueryOnly makes SQLite itself refuse every write on conn, or allows them
// (https://www.sqlite.org/pragma.html#pragma_query_only).
func setQueryOnly(ctx context.Context, conn *sqldriver.Conn, on bool) error {
	sql := "PRAGMA query_only=0"
	if on {
		sql = "PRAGMA query_only=1"
	}
	_, err := conn.Exec(ctx, sql, nil)
	return err
}

// writerFor returns the writer of this node's present term as primary.
func (db *database) writerFor(term uint64) (*writer.Writer, error) {
	w, err := db.openWriter(term)
	// Afterwards: a handover that begins later knows of this writer.
	if db.core.handing.Load() != nil {
		return nil, fault.Refuse(fault.NotPrimary, "node %s is handing the primary role over", db.core.cfg.Name)
	}
	return w, err
}

// openWriter is writerFor also during a handover, which pauses the writer.
func (db *database) openWriter(term uint64) (*writer.Writer, error) {
	if db.currentWriter() == nil {
		db.lookAtSHM()
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.draining {
		return nil, errNodeClosed()
	}
	if db.writer != nil && db.writerTerm < term {
		db.closeWriterLocked() // of a term that was lost since
	}
	if db.writer == nil {
		cfg := &db.core.cfg
		db.writer = writer.Open(writer.Options{
			Connector:   writerConnector{db.connector, db.engine, term, cfg.BusyTimeout},
			Database:    db.engine,
			Term:        term,
			ClearReads:  db.clearReads(),
			Committing:  db.commits.begin,
			Classifier:  db.classifier,
			Logger:      db.core.log.With("db", db.name),
			BusyTimeout: cfg.BusyTimeout,
			IdleLimit:   cfg.TxIdleLimit,
			TotalLimit:  cfg.TxTotalLimit,
			MaxResult:   cfg.MaxResult,
		})
		db.writerTerm = term
	}
	return db.writer, nil
}

// currentWriter returns the writer, or nil if there is none.
func (db *database) currentWriter() *writer.Writer {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.writer
}

// retireWriter ends the writer of a term that was lost; the fence has kept it
// from committing since.
func (db *database) retireWriter(now engine.State) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.writer != nil && (now.Role != engine.Primary || db.writerTerm < now.Term) {
		db.closeWriterLocked()
	}
}

// closeWriterLocked closes the writer in the background.
func (db *database) closeWriterLocked() {
	w := db.writer
	db.writer = nil
	db.core.goroutines.Go(func() {
		if err := w.Close(); err != nil {
			db.core.log.Warn("closing the writer of a lost term", "db", db.name, "err", err)
		}
	})
}

// drain refuses new writes and lets the running ones finish until ctx ends.
func (db *database) drain(ctx context.Context) {
	db.mu.Lock()
	db.draining = true
	w := db.writer
	db.mu.Unlock()
	if w == nil {
		return
	}
	if err := w.Drain(ctx); err != nil {
		db.core.log.Warn("writes were ended by the shutdown", "db", db.name, "err", err)
	}
}

// close closes everything; drain was called before.
func (db *database) close() error {
	db.tracker.Close()
	db.gate.EndAll() // the pools' Close waits for nobody
	errs := []error{db.pool.Close(), db.local.Close()}
	db.leases.flush(true)
	db.dropKeeper(false)
	if w := db.currentWriter(); w != nil {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}

// outcome asks the primary about a write by its id.
func (db *database) outcome(ctx context.Context, id forward.ID) error {
	var res forward.Result
	term, err := db.onPrimary(ctx, func(t forward.Target) error {
		o, ok := t.(outcomer)
		if !ok {
			return fault.New(fault.OutcomeUnknown, "this primary keeps no outcomes")
		}
		var err error
		res, err = o.Outcome(ctx, id)
		return err
	})
	if err != nil {
		return err
	}
	return db.awaitCommit(ctx, db.await(ctx), acked{res.Position, term})
}

// outcomer is what both kinds of target offer besides running statements.
type outcomer interface {
	Outcome(ctx context.Context, id forward.ID) (forward.Result, error)
}
