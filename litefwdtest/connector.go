package litefwdtest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"slices"
)

// gatedConnector makes the connections that a node uses. While a former
// primary's file is being taken out of WAL mode it lets nobody in: that needs
// a moment in which nobody else has the file open, and overlapping
// connections would never leave one.
type gatedConnector struct {
	driver.Connector
	m    *member
	name string
}

func (g *gatedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	c := g.m.c
	err := c.await(ctx, func() bool {
		d := g.m.dbs[g.name]
		if d == nil || !d.stale || g.m.down || c.ctx.Err() != nil {
			return true
		}
		wal, err := d.file.IsWAL()
		return !wal || err != nil
	})
	if err != nil {
		return nil, err
	}
	return g.Connector.Connect(ctx)
}

// Close closes the user's connector, if it can be closed.
func (g *gatedConnector) Close() error {
	if closer, ok := g.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// connectorFor is what a node of the cluster is given as litefwd.Config.Connector.
func (m *member) connectorFor(path string) (driver.Connector, error) {
	connector, err := m.c.opts.connector(path)
	if err != nil {
		return nil, err
	}
	return &gatedConnector{Connector: connector, m: m, name: filepath.Base(path)}, nil
}

// knownDrivers are tried in this order when a test names none.
var knownDrivers = []string{"sqlite", "sqlite3"}

// registeredDriver makes connectors of a driver registered with database/sql,
// or of the first known one if name is "".
func registeredDriver(name string) (func(path string) (driver.Connector, error), error) {
	if name == "" {
		for _, known := range knownDrivers {
			if slices.Contains(sql.Drivers(), known) {
				name = known
				break
			}
		}
	}
	if name == "" {
		return nil, errors.New("no SQLite driver is registered: import one, or use WithConnector")
	}
	db, err := sql.Open(name, ":memory:") // connects to nothing
	if err != nil {
		return nil, err
	}
	d := db.Driver()
	if err := db.Close(); err != nil {
		return nil, err
	}
	return func(path string) (driver.Connector, error) {
		// Each driver ignores the other's parameter.
		dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String() +
			"?_busy_timeout=5000&_pragma=busy_timeout(5000)"
		return dsnConnector{driver: d, dsn: dsn}, nil
	}, nil
}

type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

func (c dsnConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.driver.Open(c.dsn)
}

func (c dsnConnector) Driver() driver.Driver { return c.driver }
