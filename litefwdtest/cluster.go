package litefwdtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/litefwdtest/internal/faultnet"
)

// TB is what New needs of a *testing.T. It is an interface so that programs
// that are not tests need not link package testing; see also Open.
type TB interface {
	Helper()
	TempDir() string
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Cluster is several litefwd nodes in one process, whose roles, replication
// and network the test controls. Nodes are numbered from 0, and node 0 is
// primary at first. A number that is no node's panics.
//
// All methods may be called from several goroutines.
type Cluster struct {
	*core

	nodesMu sync.Mutex // guards the following
	nodes   []*litefwd.Node
}

// New starts a cluster of n nodes, each with a directory of its own and a
// database app.db. The test's cleanup closes it and fails the test if a file
// is damaged, was written on a replica, or something does not close; close
// your own connections to those files before.
func New(tb TB, n int, opts ...Option) *Cluster {
	tb.Helper()
	c, err := Open(tb.TempDir(), n, opts...)
	if err != nil {
		tb.Fatalf("litefwdtest: %v", err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Errorf("litefwdtest: %v", err)
		}
	})
	return c
}

// Open is New for a program that is no test. The nodes' directories are made
// in dir; Close ends the cluster.
func Open(dir string, n int, opts ...Option) (*Cluster, error) {
	if n < 1 {
		return nil, errors.New("a cluster has at least one node")
	}
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	o.secret = rand.Text()
	dirs := make([]string, n)
	for i := range dirs {
		dirs[i] = filepath.Join(dir, fmt.Sprintf("node%d", i))
		if err := os.MkdirAll(dirs[i], 0o700); err != nil {
			return nil, err
		}
	}
	base, err := newCore(dirs, o)
	if err != nil {
		return nil, err
	}
	c := &Cluster{core: base, nodes: make([]*litefwd.Node, n)}
	for i := range n {
		if err := c.openNode(base.ctx, i); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}

func (c *Cluster) openNode(ctx context.Context, i int) error {
	m := c.members[i]
	cfg := litefwd.Config{
		Path:         filepath.Join(m.dir, databaseName),
		CustomEngine: c.Engine(i),
		Connector:    m.connectorFor,
		Listen:       "127.0.0.1:0",
		Name:         fmt.Sprintf("node%d", i),
		Secret:       c.opts.secret,
	}
	for _, change := range c.opts.config {
		change(i, &cfg)
	}
	node, err := litefwd.Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open node %d: %w", i, err)
	}
	c.nodesMu.Lock()
	defer c.nodesMu.Unlock()
	c.nodes[i] = node
	return nil
}

// databaseName is the file that Cluster.DB serves.
const databaseName = "app.db"

// Node returns node i. After Crash it is closed; Restart makes a new one.
func (c *Cluster) Node(i int) *litefwd.Node {
	c.nodesMu.Lock()
	defer c.nodesMu.Unlock()
	return c.nodes[i]
}

// DB returns node i's app.db: reads run on its copy, writes on the primary.
func (c *Cluster) DB(i int) *sql.DB { return c.Node(i).DB() }

// Local returns node i's copy of app.db as it is, for tests to look into.
func (c *Cluster) Local(i int) *sql.DB { return c.Node(i).Local() }

// Engine returns a new engine for node i, for tests that open a node of their
// own. A node has one running engine at a time.
func (c *Cluster) Engine(i int) engine.Engine { return &nodeEngine{c.members[i]} }

// Crash ends node i without warning to anyone: its connections break, it loses
// the primary role if it has it, and nobody takes that over. Its copy stays as
// it is; what was not committed is gone.
func (c *Cluster) Crash(i int) error {
	m := c.members[i]
	c.mu.Lock()
	m.endTenureLocked(false)
	m.down = true
	c.connectLocked(m)
	for _, l := range c.links[i] {
		if l != nil {
			l.Cut()
		}
	}
	c.publishLocked()
	c.mu.Unlock()
	m.hold()()
	return closeNode(c.Node(i))
}

// closeNode ends what runs on a node; that something ran is no failure.
func closeNode(node *litefwd.Node) error {
	err := node.Close()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Restart starts node i again after Crash, with the copy that it had. It is a
// replica; Failover makes it primary.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	m := c.members[i]
	c.mu.Lock()
	if !m.down {
		c.mu.Unlock()
		return fmt.Errorf("node %d has not crashed", i)
	}
	m.down = false
	c.eachLink(func(from, to int, l *faultnet.Link) {
		if from == i && !c.cut[pairOf(m, c.members[to])] {
			l.Heal()
		}
	})
	c.publishLocked()
	c.mu.Unlock()
	return c.openNode(ctx, i)
}

// Close closes the nodes and then the files, and reports what no test may
// leave behind; see New. It may be called once.
func (c *Cluster) Close() error {
	var errs []error
	c.nodesMu.Lock()
	nodes := c.nodes
	c.nodesMu.Unlock()
	for i, node := range nodes {
		c.mu.Lock()
		down := c.members[i].down
		c.mu.Unlock()
		if node != nil && !down {
			errs = append(errs, closeNode(node))
		}
	}
	c.stop()
	if !c.opts.unchecked {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		errs = append(errs, c.check(ctx))
	}
	return errors.Join(append(errs, c.close())...)
}
