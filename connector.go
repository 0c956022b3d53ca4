package litefwd

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
)

func init() { sql.Register("litefwd", Driver{}) }

// Driver is registered with database/sql as "litefwd", for programs that take
// a driver's name and a DSN (see [ParseDSN]). The DSN is checked by sql.Open;
// the node starts with the first connection and stops when the sql.DB, and
// all others of the same directory, are closed.
type Driver struct{}

var (
	_ driver.Driver        = Driver{}
	_ driver.DriverContext = Driver{}
)

// Open implements driver.Driver. database/sql uses OpenConnector instead. The
// connection holds its node until it is closed.
func (d Driver) Open(dsn string) (driver.Conn, error) {
	connector, err := d.OpenConnector(dsn)
	if err != nil {
		return nil, err
	}
	c, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	c.(*conn).onClose = connector.(io.Closer).Close
	return c, nil
}

// OpenConnector implements driver.DriverContext.
func (Driver) OpenConnector(dsn string) (driver.Connector, error) {
	cfg, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return NewConnector(cfg)
}

// NewConnector returns a connector for sql.OpenDB that opens its own Node with
// the first connection. It checks cfg but starts nothing. Closing the sql.DB
// closes the Node.
func NewConnector(cfg Config) (driver.Connector, error) {
	normalized, err := cfg.normalize()
	if err != nil {
		return nil, err
	}
	return &lazyConnector{cfg: normalized, turn: make(chan struct{}, 1)}, nil
}

// lazyConnector opens a Node when it is first needed.
type lazyConnector struct {
	cfg Config

	turn   chan struct{} // holds one token while somebody uses the following
	node   *Node
	closed bool
}

var (
	_ driver.Connector = (*lazyConnector)(nil)
	_ io.Closer        = (*lazyConnector)(nil)
)

func (c *lazyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	node, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	return newConn(ctx, node.main, false)
}

// open returns the node, starting it for the first caller; the others wait.
func (c *lazyConnector) open(ctx context.Context) (*Node, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.closed {
		return nil, errNodeClosed()
	}
	if c.node == nil {
		node, err := Open(ctx, c.cfg)
		if err != nil {
			return nil, err
		}
		c.node = node
	}
	return c.node, nil
}

func (c *lazyConnector) Driver() driver.Driver { return Driver{} }

// Close closes the node, if it was opened. sql.DB.Close calls it.
func (c *lazyConnector) Close() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.closed = true
	if c.node == nil {
		return nil
	}
	return c.node.Close()
}

// nodeConnector makes the connections of a Node's own pools.
type nodeConnector struct {
	db        *database
	localOnly bool
}

var _ driver.Connector = (*nodeConnector)(nil)

func (c *nodeConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if ctx.Value(flushing{}) != nil {
		return nil, errFlushing
	}
	return newConn(ctx, c.db, c.localOnly)
}

func (c *nodeConnector) Driver() driver.Driver { return Driver{} }

// newConn opens a connection.
func newConn(ctx context.Context, db *database, localOnly bool) (driver.Conn, error) {
	if db.core.stopping() {
		return nil, errNodeClosed()
	}
	h, err := db.openOwn(ctx, localOnly)
	if err != nil {
		return nil, err
	}
	return &conn{db: db, handle: h, localOnly: localOnly, stmts: map[*stmt]struct{}{}}, nil
}

// notBadConn hides driver.ErrBadConn of a connection attempt: database/sql would
// answer it by connecting again for ever.
func notBadConn(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return errors.New("litefwd: the local driver cannot connect: " + err.Error())
	}
	return err
}
