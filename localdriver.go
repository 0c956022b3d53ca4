package litefwd

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// driverConnector finds the driver registered as name and makes a connector
// for dsn.
func driverConnector(name, dsn string) (driver.Connector, error) {
	// database/sql gives a registered driver out only through a DB. Opening
	// one connects to nothing.
	db, err := sql.Open(name, dsn)
	if err != nil {
		return nil, configError("driver", "%q: %w; import the SQLite driver's package (registered now: %s)",
			name, err, strings.Join(sql.Drivers(), ", "))
	}
	d := db.Driver()
	if err := db.Close(); err != nil {
		return nil, configError("driver", "%q: %w", name, err)
	}
	if dc, ok := d.(driver.DriverContext); ok {
		connector, err := dc.OpenConnector(dsn)
		if err != nil {
			return nil, configError("driver_dsn", "%q: %w", dsn, err)
		}
		return connector, nil
	}
	return dsnConnector{driver: d, dsn: dsn}, nil
}

// dsnConnector is the Connector of a driver that has none.
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

// writerConnector makes the connections of the primary's writer: the
// application's own, with the journal mode that the engine needs.
type writerConnector struct {
	driver.Connector
	engine      engine.Database
	term        uint64
	busyTimeout time.Duration
}

func (c writerConnector) Connect(ctx context.Context) (driver.Conn, error) {
	raw, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	if err := c.prepare(ctx, sqldriver.Wrap(raw)); err != nil {
		return nil, errors.Join(c.failed(ctx, err), raw.Close())
	}
	return raw, nil
}

// failed asks the engine about a file that cannot be opened: its mount may have
// died a moment ago.
func (c writerConnector) failed(ctx context.Context, err error) error {
	err = fault.FromDriver(err)
	if r, ok := c.engine.(engine.Replicated); ok && fault.OfStorage(err) {
		return r.Settle(ctx, c.term, false, err)
	}
	return err
}

func (c writerConnector) prepare(ctx context.Context, conn *sqldriver.Conn) error {
	if err := conn.SetBusyTimeout(ctx, c.busyTimeout); err != nil {
		return err
	}
	if j, ok := c.engine.(engine.Journaler); ok {
		return conn.SetJournalMode(ctx, j.JournalMode())
	}
	return nil
}
