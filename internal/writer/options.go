package writer

import (
	"cmp"
	"context"
	"database/sql/driver"
	"log/slog"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// Classifier says what the statements of a text do, as *sqlclass.Classifier
// does; q is the connection that is going to run them. It may be used from
// several goroutines, each with its own q.
type Classifier interface {
	Classify(ctx context.Context, q sqlclass.Querier, sql string) ([]sqlclass.Statement, error)
}

// Options say which database a Writer writes and within what bounds.
type Options struct {
	// Connector opens connections to the database file. It is the one that
	// local reads use, so that the writer's connections have the same
	// functions, collations and hooks. Required.
	Connector driver.Connector
	// Database is the engine's view of the database. Required.
	Database engine.Database
	// Term is the one in which this node is primary: the Writer writes in no
	// other, because its connections may have an older history's cache.
	Term uint64
	// Classifier is required.
	Classifier Classifier
	// Logger is told of connections given up and transactions expired; nil
	// discards it.
	Logger *slog.Logger

	// BusyTimeout bounds the wait for the slot, and that for a read
	// connection. Zero means 5 s, negative means not to wait.
	BusyTimeout time.Duration
	// IdleLimit ends a transaction, or a stream of rows, in which nothing
	// has run or been fetched for so long. Zero means 5 s.
	IdleLimit time.Duration
	// TotalLimit ends a transaction that long after it began, and a stream of
	// rows whose reader has kept it waiting for so long in all. Zero means 30 s.
	TotalLimit time.Duration
	// MaxResult and MaxResultRows bound the rows that a write returns
	// (RETURNING), which are collected before it is committed: their bytes
	// and their number. Zero means 64 MiB and 1,048,576 rows.
	MaxResult     int
	MaxResultRows int
	// ReadConns is how many reads of other nodes run at a time. Zero means 8.
	ReadConns int
	// MaxGroup, MaxGroupBytes and MaxGroupTime bound the transaction that
	// autocommit statements share: their number, the bytes of their texts and
	// arguments, and the time after which nobody joins any more; one that runs
	// longer than MaxGroupTime while others have run before it is interrupted,
	// and runs alone. Zero means 1024, 4 MiB and 25 ms.
	MaxGroup      int
	MaxGroupBytes int
	MaxGroupTime  time.Duration
	// ClearReads makes local reads give their locks up and keeps new ones out until
	// let is called, which is soon. It waits for them no longer than a moment. nil:
	// they hold locks only while they read.
	ClearReads func() (let func())
	// Committing is called before SQLite commits, and over when the engine has said
	// where that led: in between readers may see it, and the engine not know of it.
	// nil: nobody needs to know.
	Committing func() (over func())
	// Outcomes is how many outcomes are remembered. Zero means 65,536.
	Outcomes int
	// StatementCache is how many prepared statements the writing connection
	// keeps. Zero means 64, negative none.
	StatementCache int
}

// normalize returns o with its defaults filled in.
func (o Options) normalize() Options {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	o.BusyTimeout = max(cmp.Or(o.BusyTimeout, 5*time.Second), 0)
	o.IdleLimit = cmp.Or(o.IdleLimit, 5*time.Second)
	o.TotalLimit = cmp.Or(o.TotalLimit, 30*time.Second)
	o.MaxResultRows = cmp.Or(o.MaxResultRows, 1<<20)
	o.MaxResult = cmp.Or(o.MaxResult, 64<<20)
	o.ReadConns = cmp.Or(o.ReadConns, 8)
	o.MaxGroup = cmp.Or(o.MaxGroup, 1024)
	o.MaxGroupBytes = cmp.Or(o.MaxGroupBytes, 4<<20)
	o.MaxGroupTime = cmp.Or(o.MaxGroupTime, 25*time.Millisecond)
	o.Outcomes = cmp.Or(o.Outcomes, 1<<16)
	o.StatementCache = max(cmp.Or(o.StatementCache, 64), 0)
	return o
}
