package litefwdtest

import (
	"database/sql/driver"

	"github.com/litefwd/litefwd"
)

// Option changes what New makes.
type Option func(*options)

type options struct {
	driver      string
	connector   func(path string) (driver.Connector, error)
	wal         bool
	staleCaches bool
	unchecked   bool
	secret      string
	config      []func(i int, cfg *litefwd.Config)
}

// WithDriver names the registered driver that all nodes use: "sqlite"
// (modernc.org/sqlite) or "sqlite3" (github.com/mattn/go-sqlite3). The
// default is the one of them that the test imports, the first of both.
func WithDriver(name string) Option { return func(o *options) { o.driver = name } }

// WithConnector is litefwd.Config.Connector for all nodes. It must not set
// the journal mode; see WithWAL.
func WithConnector(f func(path string) (driver.Connector, error)) Option {
	return func(o *options) { o.connector = f }
}

// WithWAL has the primary keep its databases in WAL mode, whichever node that
// is. Copies on replicas are in rollback-journal form all the same, so that
// readers hold up replication as they do on LiteFS.
func WithWAL() Option { return func(o *options) { o.wal = true } }

// WithStaleCaches makes a connection that was open while its node's diverged
// copy was replaced answer from its page cache, with data that the failover
// discarded, until the next transaction arrives. LiteFS does this when both
// histories have the same change counter; a node must discard connections
// that are older than its history.
func WithStaleCaches() Option { return func(o *options) { o.staleCaches = true } }

// WithoutChecks turns off the checks at the end of a test: integrity_check
// on each file, and that no replica's file was written behind the engine's
// back. They cost a few milliseconds for each file.
func WithoutChecks() Option { return func(o *options) { o.unchecked = true } }

// WithConfig lets f change each node's Config before the node is opened. It
// must leave Path, CustomEngine and Connector alone. Listen "" makes the node
// a client, which forwards everything and cannot become primary.
func WithConfig(f func(i int, cfg *litefwd.Config)) Option {
	return func(o *options) { o.config = append(o.config, f) }
}
