package sqlclass

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
)

// Classifier classifies texts and remembers what it found.
//
// What a text is depends on the text alone as long as a connection has the
// main database and nothing else: SQLite's grammar tells queries from writes,
// a query stays one whatever happens to the schema, and a write can reach
// main only. So one shared classifier serves all such connections, on
// replicas and on the primary.
//
// With temp objects or attached databases the same text may mean another
// table; such a connection has a private classifier ([NewPrivate]).
type Classifier struct {
	cache     *cache
	private   bool
	forgotten atomic.Uint64

	// A private classifier's view of its connection; its lock is never
	// contended, as a connection is used by one goroutine at a time.
	mu    sync.Mutex
	known bool      // guarded by mu; dbs is what the connection has
	dbs   databases // guarded by mu
}

// New returns a classifier for connections that have neither temp objects nor
// attached databases. It is safe for concurrent use.
func New() *Classifier {
	return &Classifier{cache: newCache(maxCachedTexts, maxCachedBytes)}
}

// NewPrivate returns a classifier for the one connection that it is always
// given. Use it from when the connection has run a statement with TempSchema,
// or from the start if [HasOwnObjects] says so.
func NewPrivate() *Classifier {
	const part = 16 // of the shared cache's size
	return &Classifier{private: true, cache: newCache(maxCachedTexts/part, maxCachedBytes/part)}
}

// Changed makes a private classifier forget all that it knows. The owner calls
// it after a rollback, whether SQLite or the caller asked for it, as that may
// undo what happened to temp objects. Statements that Classify itself gave
// with TempSchema, Rollback or RollbackTo need no call: the classifier expects
// them to have run when it is next asked.
func (cl *Classifier) Changed() {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.changedLocked()
}

func (cl *Classifier) changedLocked() {
	if cl.private {
		cl.known, cl.dbs = false, nil
		cl.cache.clear()
	}
}

// Forget makes the next Classify ask about sql anew. What a statement is does not
// change (see Classifier), but whether it is Short does, with the schema.
func (cl *Classifier) Forget(sql string) {
	cl.cache.forget(sql)
	cl.forgotten.Add(1)
}

// Forgotten is how often Forget was called, for those who keep what Classify said.
func (cl *Classifier) Forgotten() uint64 { return cl.forgotten.Load() }

// Known returns what Classify would, if it is remembered.
func (cl *Classifier) Known(sql string) ([]Statement, bool) { return cl.cache.get(sql) }

// Classify splits sql into statements and classifies each. There is at least
// one; a text of only space and comments is one Empty statement. The caller
// must not change what it gets.
//
// q is the local connection that the statements are for, with query_only on.
// Nothing of sql is run. The classes are those that the statements have now: after
// one with TempSchema, the rest of the text must be classified again (see
// [RouteOf]).
//
// An error means that the connection could not be asked (the context has
// ended, or its list of databases cannot be read); a statement that does not
// compile is Unsure and no error.
func (cl *Classifier) Classify(ctx context.Context, q Querier, sql string) ([]Statement, error) {
	if stmts, ok := cl.cache.get(sql); ok {
		return stmts, nil
	}
	dbs, err := cl.databases(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(sql) <= maxCachedText {
		sql = strings.Clone(sql) // the cache must not hold a larger text alive
	}
	stmts, err := classify(ctx, q, dbs, sql)
	if err != nil {
		return nil, err
	}
	if cl.mayChange(stmts) {
		cl.Changed()
	} else if cl.mayCache(stmts) {
		cl.cache.put(sql, stmts)
	}
	return stmts, nil
}

func classify(ctx context.Context, q Querier, dbs databases, sql string) ([]Statement, error) {
	if strings.IndexByte(sql, 0) >= 0 {
		s := Statement{SQL: sql}
		s.refuse("the text has a NUL byte, at which some drivers stop and others go on")
		return []Statement{s}, nil
	}
	pieces := Split(sql)
	if len(pieces) == 0 {
		return []Statement{{SQL: sql, Kind: Empty}}, nil
	}
	stmts := make([]Statement, len(pieces))
	for i, piece := range pieces {
		var err error
		if stmts[i], err = statement(ctx, q, dbs, piece); err != nil {
			return nil, err
		}
	}
	return stmts, nil
}

// databases returns those of the connection, asking for them if need be.
func (cl *Classifier) databases(ctx context.Context, q Querier) (databases, error) {
	if !cl.private {
		return nil, nil
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if !cl.known {
		dbs, err := listDatabases(ctx, q)
		if err != nil {
			return nil, err
		}
		cl.dbs, cl.known = dbs, true
	}
	return cl.dbs, nil
}

// mayChange reports whether the statements, once run, change what a private
// classifier knows.
func (cl *Classifier) mayChange(stmts []Statement) bool {
	if !cl.private {
		return false
	}
	for i := range stmts {
		if s := &stmts[i]; s.TempSchema || s.Kind == Rollback || s.Kind == RollbackTo {
			return true
		}
	}
	return false
}

// mayCache reports whether the text will be the same the next time. What
// failed to compile may compile then. On a connection with temp objects a
// TempWrite is asked for anew each time: were a rollback to take the temp
// table away unnoticed, the text would write the local copy of a table of the
// same name in main.
func (cl *Classifier) mayCache(stmts []Statement) bool {
	for i := range stmts {
		switch stmts[i].Kind {
		case Unsure:
			return false
		case TempWrite:
			if cl.private {
				return false
			}
		}
	}
	return true
}
