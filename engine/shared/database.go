//go:build linux || darwin || freebsd

package shared

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// database implements [engine.Database]. All processes read one WAL, so every
// position is reached at once.
type database struct {
	engine *Engine
	path   string
}

var _ engine.Database = (*database)(nil)

// never is the channel of what never changes.
var never = make(chan struct{})

// Database implements [engine.Engine]. The file must be in the engine's
// directory itself: not below it, where another engine's directory could be,
// and not a link out of it, which another directory's lock could cover too.
func (e *Engine) Database(path string) (engine.Database, error) {
	resolved, err := e.place.resolve(path)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	db := e.databases[resolved]
	if db == nil {
		db = &database{engine: e, path: resolved}
		e.databases[resolved] = db
	}
	return db, nil
}

// resolve returns the database file's path without symbolic links.
func (p place) resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fault.New(fault.Config, "database %q: %w", path, err)
	}
	resolved, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		if _, linkErr := os.Lstat(abs); linkErr == nil {
			return "", fault.New(fault.Config, "database %s is a symbolic link that leads nowhere", path)
		}
		// The database need not exist yet; its directory must.
		var parent string
		parent, err = filepath.EvalSymlinks(filepath.Dir(abs))
		resolved = filepath.Join(parent, filepath.Base(abs))
	}
	if err != nil {
		return "", fault.New(fault.Config, "database %s: %w", path, err)
	}
	if path == "" || filepath.Dir(resolved) != p.dir || filepath.Base(resolved) == stateDir {
		return "", fault.New(fault.Config, "database %q is not a file directly in %s, the engine's directory", path, p.dir)
	}
	return resolved, nil
}

// Watch implements [engine.Database].
func (d *database) Watch() (engine.Position, <-chan struct{}) { return engine.Position{}, never }

// Committed implements [engine.Database]. A commit is proof even if the role
// was lost meanwhile: the package comment says why.
func (d *database) Committed(context.Context) (engine.Position, error) {
	return engine.Position{}, nil
}

// Fence implements [engine.Database]. It costs two system calls.
func (d *database) Fence(term uint64) error {
	e := d.engine
	t := e.tenure.Load()
	if t == nil || t.epoch != term {
		return fault.Refuse(fault.NotPrimary, "%s", e.whoIsPrimary())
	}
	if err := t.check(); err != nil {
		e.Suspect() // step down now rather than at the next heartbeat
		return fault.Refuse(fault.NotPrimary, "this node was primary of %s in term %d, but %w", e.place.dir, t.epoch, err)
	}
	return nil
}

// Serves implements [engine.Database].
func (d *database) Serves(term uint64) error { return d.Fence(term) }

// check returns nil while nobody can have become primary since.
func (t *tenure) check() error {
	if err := t.lock.current(); err != nil {
		return err
	}
	m, err := t.lock.readMark()
	if err != nil {
		return err
	}
	if m == t.mark {
		return nil
	}
	h, err := t.lock.readHeader()
	if err != nil {
		return err
	}
	return fmt.Errorf("the lock file is at term %d now", h.epoch)
}

// whoIsPrimary says it for a refusal.
func (e *Engine) whoIsPrimary() string {
	state, _ := e.Watch()
	switch {
	case state.Primary != engine.Peer{} && state.Role != engine.Primary:
		return fmt.Sprintf("the primary of %s is %s", e.place.dir, state.Primary.Name)
	case state.Problem != nil:
		return state.Problem.Error()
	default:
		return fmt.Sprintf("the primary of %s is not known", e.place.dir)
	}
}
