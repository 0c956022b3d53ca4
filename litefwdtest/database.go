package litefwdtest

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/litefwdtest/internal/dbfile"
)

// attach opens the node's copy of the database called name, which is created
// empty if there is none. It stays open until the cluster ends.
func (m *member) attach(ctx context.Context, name string) (*database, error) {
	m.attaching.Lock()
	defer m.attaching.Unlock()
	c := m.c
	c.mu.Lock()
	known, isPrimary := m.dbs[name], m.tenure != nil
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	path := filepath.Join(m.dir, name)
	connector, err := c.opts.connector(path)
	if err != nil {
		return nil, fmt.Errorf("connector for %s: %w", path, err)
	}
	file, err := dbfile.Open(ctx, path, connector)
	if err != nil {
		return nil, err
	}
	d := &database{m: m, name: name, file: file, changed: make(chan struct{}), historyChanged: make(chan struct{})}
	if err := d.firstLook(ctx, isPrimary); err != nil {
		file.Close()
		return nil, err
	}
	c.mu.Lock()
	m.dbs[name] = d
	c.bumpLocked()
	c.mu.Unlock()
	return d, nil
}

// firstLook gives a file that a test put into the directory a position of its
// own: copies of one file on every node are one history.
func (d *database) firstLook(ctx context.Context, isPrimary bool) error {
	image, _, wal, err := d.readFile(ctx, nil)
	if err != nil {
		return err
	}
	if isPrimary && d.m.c.opts.wal && !wal {
		if err := d.file.SetWAL(ctx); err != nil {
			return err
		}
		if image, _, wal, err = d.readFile(ctx, nil); err != nil {
			return err
		}
	}
	d.image, d.wal, d.stale = image, wal, wal && !isPrimary
	if image != nil {
		d.pos = engine.Position{TXID: 1, Checksum: image.Checksum()}
		d.line.Jump(d.pos, 0)
	}
	return nil
}

// readFile returns what is committed in the file and how it differs from base.
func (d *database) readFile(ctx context.Context, base *dbfile.Image) (*dbfile.Image, *dbfile.Change, bool, error) {
	image, err := d.file.Capture(ctx, base)
	if err != nil {
		return nil, nil, false, fmt.Errorf("read %s on node %d: %w", d.name, d.m.index, err)
	}
	wal, err := d.file.IsWAL()
	return image, dbfile.Diff(base, image), wal, err
}

// recover is what LiteFS does with each database of a node whose role
// changes: it waits for every lock and takes stock. A commit that the node
// made as primary and that is in no log yet gets a transaction of its own.
func (d *database) recover(ctx context.Context) error {
	c := d.m.c
	d.content.Lock()
	defer d.content.Unlock()
	c.mu.Lock()
	base := d.image
	c.mu.Unlock()
	image, err := d.file.Recover(ctx, base)
	if err != nil {
		return fmt.Errorf("recover %s on node %d: %w", d.name, d.m.index, err)
	}
	change := dbfile.Diff(base, image)
	c.mu.Lock()
	defer c.mu.Unlock()
	d.stale = false
	if change != nil {
		d.appendLocked(change, image, d.line.Term())
	}
	c.bumpLocked() // connections that waited for the end of the WAL
	return nil
}

// replace makes image the contents of the file and pos its position. log
// changes the log accordingly.
func (d *database) replace(ctx context.Context, image *dbfile.Image, pos engine.Position, keepCounter bool, logLocked func()) error {
	c := d.m.c
	d.content.Lock()
	defer d.content.Unlock()
	c.mu.Lock()
	base := d.image
	c.mu.Unlock()
	// Readers are still excluded while the position is published: one that
	// has seen it and then starts to read finds the contents.
	return d.file.Apply(ctx, base, image, keepCounter, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		d.image = image
		logLocked()
		d.setPosLocked(pos)
	})
}
