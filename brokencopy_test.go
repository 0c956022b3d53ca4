package litefwd_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine"
)

// disk is what the copies of a node are on, until it is gone, as a mount whose LiteFS
// has died: nothing that needs a page works any more.
type disk struct {
	gone atomic.Bool
	// Connections that were made before the disk was mounted for the locked-th time
	// find it locked for ever.
	mounted, locked atomic.Int64
	// opened: while it is locked, connecting does not even end before this is closed.
	opened chan struct{}
}

func (c *diskConn) use(query string) error {
	reads := !strings.Contains(query, "busy_timeout") && !strings.Contains(query, "query_only")
	switch {
	case c.disk.gone.Load():
		return sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrRead}
	case c.made < c.disk.locked.Load() && reads:
		return sqlite3.Error{Code: sqlite3.ErrBusy}
	default:
		return nil
	}
}

type (
	diskConnector struct {
		driver.Connector
		disk *disk
	}
	diskConn struct {
		*sqlite3.SQLiteConn
		disk *disk
		made int64
	}
	diskStmt struct {
		*sqlite3.SQLiteStmt
		c     *diskConn
		query string
	}
)

func (c diskConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.disk.gone.Load() {
		return nil, sqlite3.Error{Code: sqlite3.ErrCantOpen}
	}
	if c.disk.mounted.Load() < c.disk.locked.Load() && c.disk.opened != nil {
		<-c.disk.opened
		return nil, sqlite3.Error{Code: sqlite3.ErrBusy}
	}
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &diskConn{conn.(*sqlite3.SQLiteConn), c.disk, c.disk.mounted.Load()}, nil
}

func (c *diskConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.use(query); err != nil {
		return nil, err
	}
	s, err := c.SQLiteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return diskStmt{s.(*sqlite3.SQLiteStmt), c, query}, nil
}

func (c *diskConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.use(query); err != nil {
		return nil, err
	}
	return c.SQLiteConn.QueryContext(ctx, query, args)
}

func (s diskStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.c.use(s.query); err != nil {
		return nil, err
	}
	return s.SQLiteStmt.QueryContext(ctx, args)
}

// under puts the database at path on the disk.
func (d *disk) under(path string, connector func(string) (driver.Connector, error)) func(string) (driver.Connector, error) {
	return func(of string) (driver.Connector, error) {
		c, err := connector(of)
		if of == path && err == nil {
			c = diskConnector{c, d}
		}
		return c, err
	}
}

// lateEngine takes its time to find out what is wrong with a copy.
type lateEngine struct {
	engine.Engine
	broken *atomic.Uint64 // it has found out that often
}

type lateDatabase struct {
	engine.Database
	engine.Replicated
	broken *atomic.Uint64
}

func (e lateEngine) Database(path string) (engine.Database, error) {
	db, err := e.Engine.Database(path)
	if err != nil {
		return nil, err
	}
	return lateDatabase{db, db.(engine.Replicated), e.broken}, nil
}

func (lateDatabase) Failed(error) {}

func (d lateDatabase) HistoryNow() uint64 { return d.Replicated.HistoryNow() + d.broken.Load() }

func (d lateDatabase) Snapshot(ctx context.Context, history uint64) (engine.Position, error) {
	return d.Replicated.Snapshot(ctx, history-d.broken.Load())
}

// A read whose copy has broken is the primary's, however many handles have it open,
// and whatever the read needs the copy for first.
func TestBrokenCopy(t *testing.T) {
	for name, read := range map[string]func(db *sql.DB) (int64, error){
		"known text": func(db *sql.DB) (n int64, err error) {
			return n, db.QueryRow("SELECT count(*) FROM t").Scan(&n)
		},
		"new text": func(db *sql.DB) (n int64, err error) {
			return n, db.QueryRow("SELECT sum(1) FROM t").Scan(&n)
		},
		"new statement": func(db *sql.DB) (n int64, err error) {
			s, err := db.Prepare("SELECT sum(1) FROM t WHERE v > ?")
			if err != nil {
				return 0, err
			}
			defer s.Close()
			return n, s.QueryRow(0).Scan(&n)
		},
		"transaction": func(db *sql.DB) (n int64, err error) {
			tx, err := db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
			if err != nil {
				return 0, err
			}
			defer tx.Rollback() //nolint:errcheck // it is over, or failed
			return n, tx.QueryRow("SELECT count(*) FROM t").Scan(&n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := new(disk)
			c := newCluster(t, 2, "sqlite3", longLeases, func(cfg *litefwd.Config) {
				cfg.ReadBuffer = 1
				if cfg.Name == "node1" {
					cfg.CustomEngine = lateEngine{cfg.CustomEngine, new(atomic.Uint64)}
					cfg.Connector = disk.under(cfg.Path, cfg.Connector)
				}
			})
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2), (3)")
			settle(t, c)
			db := c.DB(1)
			db.SetMaxIdleConns(3 * litefwd.MaxLeases)
			var all []*sql.Rows
			for range 3 * litefwd.MaxLeases { // each has a handle of its own
				rows, err := db.Query("SELECT v FROM t")
				if err != nil || !rows.Next() {
					t.Fatal(err)
				}
				all = append(all, rows)
			}
			for _, rows := range all {
				rows.Close()
			}
			mustBe(t, read, db)
			endLeases(t, c.Node(1))
			disk.gone.Store(true)
			for range 2 {
				mustBe(t, read, db)
			}
		})
	}
}

func mustBe(t *testing.T, read func(db *sql.DB) (int64, error), db *sql.DB) {
	t.Helper()
	if n, err := read(db); err != nil || n != 3 {
		t.Errorf("%d, %v", n, err)
	}
}

// On a mount that has died SQLite takes its own process's locks for held for ever.
// Whoever waits for them goes on as soon as it is found out that the copy is another.
func TestLocksOfABrokenCopy(t *testing.T) {
	for _, in := range []string{"the driver's connecting", "opening a handle", "a lease"} {
		t.Run(in, func(t *testing.T) {
			disk, broken := new(disk), new(atomic.Uint64)
			c := newCluster(t, 2, "sqlite3", func(cfg *litefwd.Config) {
				cfg.BusyTimeout = time.Hour
				if cfg.Name == "node1" {
					cfg.CustomEngine = lateEngine{cfg.CustomEngine, broken}
					cfg.Connector = disk.under(cfg.Path, cfg.Connector)
				}
			})
			mustExec(t, c.DB(0), "INSERT INTO t VALUES (1), (2), (3)")
			settle(t, c)
			switch in {
			case "the driver's connecting":
				disk.opened = make(chan struct{})
			case "a lease":
				queryInt(t, c.DB(1), "SELECT count(*) FROM t")
				endLeases(t, c.Node(1))
			}
			disk.locked.Store(1)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			done := make(chan error, 1)
			go func() {
				var n int64
				err := c.DB(1).QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&n)
				if err == nil && n != 3 {
					err = fmt.Errorf("%d rows", n)
				}
				done <- err
			}()
			select {
			case err := <-done:
				t.Fatalf("it was not locked: %v", err)
			case <-time.After(20 * time.Millisecond): // it most likely waits by then
			}
			disk.mounted.Store(1)
			broken.Add(1)
			if disk.opened != nil {
				close(disk.opened)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
