package litefwdtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/litefwdtest/internal/dbfile"
	"github.com/litefwd/litefwd/litefwdtest/internal/faultnet"
)

// patience bounds waits that have no context of the caller's.
const patience = 10 * time.Second

// core is the cluster below litefwd: files, roles, replication, network.
type core struct {
	opts    options
	id      string
	members []*member
	// links are the ways from one node (first index) to another; nil from a
	// node to itself.
	links   [][]*faultnet.Link
	ctx     context.Context // ends with the cluster
	cancel  context.CancelFunc
	running sync.WaitGroup // one goroutine for each member
	roles   chan struct{}  // capacity 1: held by whoever changes roles

	mu sync.Mutex // guards the following, and much of members and their databases; held for no I/O
	// primary is the node that the cluster considers primary; nil if none.
	primary  *member
	term     uint64
	cut      map[[2]int]bool
	progress chan struct{} // closed and replaced whenever anything changes
	atFence  func()
	atCommit func()
}

// newCore starts the core for one node per directory; the first is primary.
func newCore(dirs []string, opts options) (_ *core, err error) {
	if opts.connector == nil {
		if opts.connector, err = registeredDriver(opts.driver); err != nil {
			return nil, err
		}
	}
	c := &core{
		opts:     opts,
		id:       "litefwdtest-" + rand.Text(),
		roles:    make(chan struct{}, 1),
		cut:      make(map[[2]int]bool),
		progress: make(chan struct{}),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.listen(len(dirs)); err != nil {
		return nil, errors.Join(err, c.close())
	}
	for i, dir := range dirs {
		c.members = append(c.members, &member{
			c: c, index: i, dir: dir,
			self:    engine.Self{Name: fmt.Sprintf("node%d", i)},
			wake:    make(chan struct{}, 1),
			changed: make(chan struct{}),
			dbs:     make(map[string]*database),
		})
	}
	c.mu.Lock()
	c.beginTenureLocked(c.members[0])
	c.mu.Unlock()
	for _, m := range c.members {
		c.running.Go(m.replicate)
	}
	return c, nil
}

func (c *core) listen(n int) error {
	for i := range n {
		row := make([]*faultnet.Link, n)
		c.links = append(c.links, row)
		for j := range n {
			if i == j {
				continue
			}
			l, err := faultnet.Listen()
			if err != nil {
				return err
			}
			row[j] = l
		}
	}
	return nil
}

// stop ends replication. The nodes are closed before, so that nobody else
// uses the files.
func (c *core) stop() {
	c.cancel()
	c.running.Wait()
}

// close closes the files and the network; stop was called before.
func (c *core) close() error {
	c.cancel()
	var errs []error
	for _, m := range c.members {
		for _, d := range m.dbs {
			errs = append(errs, d.file.Close())
		}
	}
	c.eachLink(func(_, _ int, l *faultnet.Link) { errs = append(errs, l.Close()) })
	return errors.Join(errs...)
}

// check looks for what no test may leave behind; stop was called before.
func (c *core) check(ctx context.Context) error {
	var errs []error
	for _, m := range c.members {
		errs = append(errs, m.broken)
		for _, d := range m.dbs {
			if err := d.file.Check(ctx); err != nil {
				errs = append(errs, fmt.Errorf("node %d, %s: %w", m.index, d.name, err))
			}
			errs = append(errs, d.checkUntouched(ctx))
		}
	}
	return errors.Join(errs...)
}

// checkUntouched checks that only the engine has changed a replica's file.
func (d *database) checkUntouched(ctx context.Context) error {
	if d.m.tenure != nil || d.stale || d.m.broken != nil {
		return nil // a primary's file is written by others
	}
	image, _, _, err := d.readFile(ctx, d.image)
	if err == nil && dbfile.Diff(d.image, image) != nil {
		err = fmt.Errorf("node %d is a replica, but %s was written there, past the primary", d.m.index, d.name)
	}
	return err
}
