package litefwd_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine"
)

// disk is what the copies of a node are on, until it is gone, as a mount whose LiteFS
// has died: nothing that needs a page works any more.
type disk struct{ gone atomic.Bool }

func (d *disk) use() error {
	if d.gone.Load() {
		return sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrRead}
	}
	return nil
}

type (
	diskConnector struct {
		driver.Connector
		disk *disk
	}
	diskConn struct {
		*sqlite3.SQLiteConn
		disk *disk
	}
	diskStmt struct {
		*sqlite3.SQLiteStmt
		disk *disk
	}
)

func (c diskConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.disk.gone.Load() {
		return nil, sqlite3.Error{Code: sqlite3.ErrCantOpen}
	}
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return diskConn{conn.(*sqlite3.SQLiteConn), c.disk}, nil
}

func (c diskConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.disk.use(); err != nil {
		return nil, err
	}
	s, err := c.SQLiteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return diskStmt{s.(*sqlite3.SQLiteStmt), c.disk}, nil
}

func (c diskConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.disk.use(); err != nil {
		return nil, err
	}
	return c.SQLiteConn.QueryContext(ctx, query, args)
}

func (s diskStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.disk.use(); err != nil {
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
type lateEngine struct{ engine.Engine }

type lateDatabase struct {
	engine.Database
	engine.Replicated
}

func (e lateEngine) Database(path string) (engine.Database, error) {
	db, err := e.Engine.Database(path)
	if err != nil {
		return nil, err
	}
	return lateDatabase{db, db.(engine.Replicated)}, nil
}

func (lateDatabase) Failed(error) {}

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
					cfg.CustomEngine = lateEngine{cfg.CustomEngine}
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
