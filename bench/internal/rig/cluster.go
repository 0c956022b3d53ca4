package rig

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// Database is the name of the database on LiteFS.
const Database = "app.db"

// Cluster is two LiteFS nodes, of which the first is primary, with one database.
type Cluster struct {
	*litefstest.Cluster
	driver string
	addrs  []string // of litefwd's nodes
}

// StartCluster starts it; the statements make the database.
func StartCluster(ctx context.Context, o Options, statements ...string) (_ *Cluster, err error) {
	c := &Cluster{driver: o.Driver}
	if c.Cluster, err = litefstest.Start(ctx, litefstest.Options{Nodes: 2, Lease: litefstest.Static}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	statements = append([]string{"PRAGMA journal_mode=" + o.Journal}, statements...)
	if err := Prepare(o.Driver, c.Path(0), statements...); err != nil {
		return nil, err
	}
	if err := c.WaitReplicated(ctx, 0, Database); err != nil {
		return nil, err
	}
	c.addrs, err = litefstest.FreeAddrs(2)
	return c, err
}

// Path returns the database's path on node i.
func (c *Cluster) Path(i int) string { return filepath.Join(c.Mount(i), Database) }

// Addr returns the address of litefwd's node on node i.
func (c *Cluster) Addr(i int) string { return c.addrs[i] }

// Bare is an application on node i without litefwd.
func (c *Cluster) Bare(i int) WorkerConfig {
	return WorkerConfig{Path: c.Path(i), Driver: c.driver, DSN: BareDSN(c.driver, c.Path(i), "")}
}

// Litefwd is an application on node i with litefwd.
func (c *Cluster) Litefwd(i int) WorkerConfig {
	cfg := c.Bare(i)
	cfg.Node = &NodeConfig{
		Path: c.Path(i), Engine: "litefs", LiteFSURL: c.URL(i), Driver: c.driver, Listen: c.addrs[i], Name: c.Hostname(i),
		Peers: map[string]string{c.Hostname(0): c.addrs[0], c.Hostname(1): c.addrs[1]},
	}
	return cfg
}
