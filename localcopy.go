package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// connectLocal opens a connection to this node's copy that cannot write it.
//
// standIn says that there is no copy yet, and none may be made here, or that it
// cannot be reached because LiteFS is gone: the connection is to an empty
// database elsewhere, and the copy's part is the primary's. With must set, a copy
// that cannot be reached is an error.
func (db *database) connectLocal(ctx context.Context, must bool) (_ *sqldriver.Conn, standIn bool, err error) {
	if db.replica != nil && !db.replica.MayCreate() && !db.exists() {
		conn, err := db.connectStandIn(ctx)
		return conn, true, err
	}
	conn, err := db.connectCopy(ctx)
	if err == nil {
		return conn, false, nil
	}
	err = db.connectFailed(err)
	if db.replica != nil && fault.OfStorage(err) && !must {
		db.core.log.Debug("this node's copy cannot be reached; the primary is asked", "db", db.name, "err", err)
		conn, e := db.connectStandIn(ctx)
		return conn, true, e
	}
	return nil, false, err
}

func (db *database) connectCopy(ctx context.Context) (*sqldriver.Conn, error) {
	if err := db.keep(ctx); err != nil {
		return nil, err
	}
	return db.connect(ctx, db.connector)
}

func (db *database) connectStandIn(ctx context.Context) (*sqldriver.Conn, error) {
	path, err := db.core.standInPath(db.name)
	if err != nil {
		return nil, err
	}
	connector, err := db.core.cfg.connectorFor(path)
	if err != nil {
		return nil, err
	}
	return db.connect(ctx, connector)
}

func (db *database) connect(ctx context.Context, connector driver.Connector) (*sqldriver.Conn, error) {
	conn, err := sqldriver.Connect(ctx, connector)
	if err != nil {
		return nil, err
	}
	if err := db.prepareLocal(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// connectFailed explains why the local driver could not connect.
func (db *database) connectFailed(err error) error {
	switch {
	case db.replica == nil:
	case fault.Code(err) == fault.CodeReadOnly:
		// Nothing of ours writes before query_only is on.
		return configError("driver_dsn", "the local driver's connections write to %s as they are opened, and this node's copy "+
			"is a replica; the usual reason is a journal_mode other than the file's: leave it out, or make it the same: %w", db.name, err)
	case fault.OfStorage(err):
		db.replica.Failed(err)
	}
	return err
}

func (db *database) prepareLocal(ctx context.Context, conn *sqldriver.Conn) error {
	// First of all: another node that is just closing may hold the file's locks.
	if err := conn.SetBusyTimeout(ctx, db.core.cfg.BusyTimeout); err != nil {
		return err
	}
	if err := db.firstUse(ctx, conn, func() error { return sqldriver.CheckJournal(ctx, conn) }); err != nil {
		return err
	}
	if !db.learned.Load() {
		rowTypes, err := rowset.RowTypes(ctx, conn)
		if err != nil {
			return err
		}
		db.rowTypes.Store(rowTypes)
		db.learned.Store(true)
	}
	return setQueryOnly(ctx, conn, true)
}

// keeper is an idle connection that keeps SQLite from closing the database
// altogether.
type keeper struct {
	conn *sqldriver.Conn
	file uint64 // the engine's number for the file that it has open
}

// keep sees to it that a connection to this node's copy stays open while the
// file is the same. When the last one of a WAL database is closed, SQLite deletes
// the -wal and -shm files, and makes them anew with the next; on LiteFS, close to
// a change of roles, when all others are given up, that gave SQLITE_READONLY, a
// fault in the mapped memory, and commits whose success could not be told.
func (db *database) keep(ctx context.Context) error {
	if db.replica == nil {
		return nil
	}
	select {
	case db.keeping <- struct{}{}:
		defer func() { <-db.keeping }()
	case <-ctx.Done():
		return ctx.Err()
	}
	file := db.replica.File()
	if db.core.stopping() || db.keeper != nil && db.keeper.file == file {
		return nil
	}
	db.dropKeptConn()
	conn, err := sqldriver.Connect(ctx, db.connector)
	if err != nil {
		return err
	}
	err = conn.SetBusyTimeout(ctx, db.core.cfg.BusyTimeout)
	if err == nil {
		err = setQueryOnly(ctx, conn, true)
	}
	if err == nil { // it opens the WAL with its first read
		err = db.firstUse(ctx, conn, func() error {
			_, err := conn.QueryRow(ctx, "SELECT 1 FROM sqlite_schema LIMIT 1")
			return err
		})
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	db.keeper = &keeper{conn, file}
	db.lookAtSHM()
	return nil
}

// lookAtSHM makes the kernel ask LiteFS for the size of the -shm file, which
// SQLite has mapped into memory. While SQLite makes the file, LiteFS may write it
// too (db.go, updateSHM), past the kernel; if that has remembered the smaller
// size, every touch of the rest is a fault: an error with each COMMIT in
// modernc.org/sqlite, the end of the process in mattn/go-sqlite3. Seen at 3 of
// 150 starts under load, and at none with this.
func (db *database) lookAtSHM() {
	if db.replica != nil {
		os.Stat(db.path + "-shm") //nolint:errcheck // there is none in rollback modes
	}
}

// dropKeeper closes the keeper, or only one whose file is another one by now.
func (db *database) dropKeeper(onlyOld bool) {
	db.keeping <- struct{}{}
	defer func() { <-db.keeping }()
	if db.keeper != nil && (!onlyOld || db.keeper.file != db.replica.File()) {
		db.dropKeptConn()
	}
}

// dropKeptConn closes the keeper for its user.
func (db *database) dropKeptConn() {
	if db.keeper == nil {
		return
	}
	if err := db.keeper.conn.Close(); err != nil {
		db.core.log.Debug("closing the connection that kept the file open", "db", db.name, "err", err)
	}
	db.keeper = nil
}

// exists reports whether this node has a file of the database. A file that
// cannot be looked for is taken to exist: opening it will say what is wrong.
func (db *database) exists() bool {
	_, err := os.Stat(db.path)
	return !errors.Is(err, os.ErrNotExist)
}

// history is the engine's number for what connections opened now will show.
func (db *database) history() uint64 {
	if db.replica == nil {
		return 0
	}
	return db.replica.HistoryNow()
}

// followHistory discards the connections of an older history as soon as there
// is another one, the writer's too: a database can be dropped, and made again,
// on the primary. It ends with the node.
func (db *database) followHistory() {
	last := db.history()
	for {
		h, changed := db.replica.History()
		if h != last {
			last = h
			db.dropKeeper(true)
			db.discard()
			if w := db.currentWriter(); w != nil {
				w.Discard()
			}
		}
		select {
		case <-changed:
		case <-db.core.stop:
			return
		}
	}
}

// standInPath is where a stand-in for a database is made. The node removes it
// when it stops.
func (c *core) standInPath(name string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.standIns == "" {
		dir, err := os.MkdirTemp("", "litefwd-")
		if err != nil {
			return "", fmt.Errorf("litefwd: a place for an empty database, until %s is replicated to this node: %w", name, err)
		}
		c.standIns = dir
	}
	return filepath.Join(c.standIns, name), nil
}

// removeStandIns is called when no connection is open any more.
func (c *core) removeStandIns() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.standIns == "" {
		return nil
	}
	return os.RemoveAll(c.standIns)
}
