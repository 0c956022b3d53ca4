package litefstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/litefwd/litefwd/internal/consultest"
)

// Cluster is several LiteFS processes. Nodes are numbered from 0; a number that
// is no node's panics. Methods may be called from several goroutines, but those
// that start or end one node only one at a time.
type Cluster struct {
	dir     string
	nodes   []*node
	links   []*link // of an isolatable cluster
	consul  *consultest.Server
	spawner *spawner
	closing sync.Once
	closed  error // Close's result
}

// Start starts a cluster and waits until all its nodes are mounted and node 0 is
// their primary; at most until ctx ends, or 30 s. On failure nothing is left.
func Start(ctx context.Context, opts Options) (*Cluster, error) {
	if err := Available(); err != nil {
		return nil, fmt.Errorf("litefstest: %w", err)
	}
	opts, err := opts.normalize()
	if err != nil {
		return nil, fmt.Errorf("litefstest: %w", err)
	}
	sweep()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	c := &Cluster{spawner: newSpawner()}
	err = c.prepare(opts)
	if err == nil {
		err = c.startAll(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("litefstest: %w", errors.Join(err, c.Close()))
	}
	return c, nil
}

// prepare makes everything that the nodes need: Consul, files, ports.
func (c *Cluster) prepare(opts Options) error {
	prefix, err := ownPrefix()
	if err != nil {
		return err
	}
	base, err := filepath.EvalSymlinks(opts.Dir) // as mountinfo will have it
	if err != nil {
		return err
	}
	if base, err = filepath.Abs(base); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp(base, prefix); err != nil {
		return err
	}
	if opts.Lease == Consul {
		if c.consul, err = consultest.Start(); err != nil {
			return err
		}
	}
	addrs, err := FreeAddrs(opts.Nodes)
	if err != nil {
		return err
	}
	out := &lockedWriter{w: opts.Log}
	for i, addr := range addrs {
		n := &node{
			name:     fmt.Sprintf("node%d", i),
			dir:      filepath.Join(c.dir, fmt.Sprintf("node%d", i)),
			hostname: opts.Hostnames[i],
			addr:     addr,
			program:  opts.Binary,
			spawner:  c.spawner,
		}
		n.mount = filepath.Join(n.dir, mountName)
		n.log = &tail{name: n.name, out: out}
		c.nodes = append(c.nodes, n)
		if opts.Isolatable {
			l, err := newLink(addr)
			if err != nil {
				return err
			}
			c.links = append(c.links, l)
		}
		if err := c.writeConfig(i, opts); err != nil {
			return err
		}
	}
	return nil
}

// writeConfig makes node i's directories and its litefs.yml.
func (c *Cluster) writeConfig(i int, opts Options) error {
	n := c.nodes[i]
	cfg := config{
		opts:      opts,
		data:      filepath.Join(n.dir, "data"),
		mount:     n.mount,
		addr:      n.addr,
		hostname:  n.hostname,
		candidate: true,
	}
	advertised := i
	if opts.Lease == Static && i > 0 {
		// Here a replica's lease settings are the primary's.
		cfg.hostname, cfg.candidate = c.nodes[0].hostname, false
		advertised = 0
	}
	cfg.advertiseURL = "http://" + c.nodes[advertised].addr
	if c.links != nil {
		cfg.advertiseURL = "http://" + c.links[advertised].addr()
	}
	if c.consul != nil {
		cfg.consulURL = c.consul.URL(n.name, consulPrefix)
	}
	for _, dir := range []string{cfg.data, n.mount} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(n.configPath(), []byte(cfg.yaml()), 0o600)
}

// startAll starts node 0, so that it is primary, and then the others.
func (c *Cluster) startAll(ctx context.Context) error {
	if err := c.nodes[0].start(); err != nil {
		return err
	}
	if err := c.nodes[0].waitMounted(ctx); err != nil {
		return err
	}
	if _, err := c.WaitPrimary(ctx, 0); err != nil {
		return c.nodes[0].withLog(err)
	}
	for _, n := range c.nodes[1:] {
		if err := n.start(); err != nil {
			return err
		}
	}
	for _, n := range c.nodes[1:] {
		if err := n.waitMounted(ctx); err != nil {
			return err
		}
	}
	if _, err := c.WaitPrimary(ctx, 0); err != nil {
		for _, n := range c.nodes {
			err = n.withLog(err)
		}
		return err
	}
	return nil
}

// Nodes returns how many nodes there are.
func (c *Cluster) Nodes() int { return len(c.nodes) }

// Mount returns the directory where node i's databases are.
func (c *Cluster) Mount(i int) string { return c.nodes[i].mount }

// URL returns the base URL of node i's HTTP API.
func (c *Cluster) URL(i int) string { return "http://" + c.nodes[i].addr }

// Hostname returns node i's lease.hostname.
func (c *Cluster) Hostname(i int) string { return c.nodes[i].hostname }

// Log returns the end of node i's log, over all of its runs.
func (c *Cluster) Log(i int) string { return c.nodes[i].log.String() }

// Consul returns the stand-in that has the lease, under LeaseKey; nil under the
// static lease. Node i is its client node<i>.
func (c *Cluster) Consul() *consultest.Server { return c.consul }

// Close ends all nodes, unmounts and removes everything; it never gives up on
// one because of another. It fails if something is left, or if this process
// still has files of a mount open: close databases before.
func (c *Cluster) Close() error {
	c.closing.Do(func() { c.closed = c.close() })
	return c.closed
}

func (c *Cluster) close() error {
	errs := make([]error, len(c.nodes))
	open := c.openFiles()
	var ending sync.WaitGroup
	for i, n := range c.nodes {
		ending.Go(func() { errs[i] = n.end() })
	}
	ending.Wait()
	c.spawner.stop()
	for _, l := range c.links {
		l.close()
	}
	err := errors.Join(append(errs, open)...)
	if c.consul != nil {
		err = errors.Join(err, c.consul.Close())
	}
	if c.dir != "" {
		err = errors.Join(err, removeDir(c.dir))
	}
	return err
}

// openFiles returns an error that names the files of mounts that are open here.
func (c *Cluster) openFiles() error {
	var err error
	fds, _ := filepath.Glob("/proc/self/fd/*") // the pattern is well-formed
	for _, fd := range fds {
		if target, linkErr := os.Readlink(fd); linkErr == nil && c.dir != "" && strings.HasPrefix(target, c.dir+"/") {
			err = errors.Join(err, fmt.Errorf("%s is still open", target))
		}
	}
	return err
}

// FreeAddrs returns n free addresses on loopback. Their ports are below those
// that the kernel gives to clients (32768 and up), so nobody takes one by
// chance while its node is down.
func FreeAddrs(n int) ([]string, error) {
	var addrs []string
	var err error
	for range 100 * n {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))); err != nil {
			continue
		}
		defer l.Close() // all are held until all are chosen
		if addrs = append(addrs, l.Addr().String()); len(addrs) == n {
			return addrs, nil
		}
	}
	return nil, fmt.Errorf("no free ports: %w", err)
}
