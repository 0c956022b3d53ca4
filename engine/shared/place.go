//go:build linux || darwin || freebsd

package shared

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/litefwd/litefwd/internal/fault"
)

// place is the directory of databases, resolved, and what identifies it.
type place struct {
	dir      string
	dev, ino uint64
}

// findPlace resolves dir and refuses directories that this engine must not be
// used on.
func findPlace(dir string) (place, error) {
	if dir == "" {
		return place{}, fault.New(fault.Config, "engine shared needs the directory of the databases; it is empty")
	}
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return place{}, dirError(dir, err)
	}
	p := place{dir: abs}
	if p.dev, p.ino, err = identify(abs); err != nil {
		return place{}, dirError(dir, err)
	}
	// A LiteFS mount is FUSE too, but deserves its own advice.
	switch _, err := os.Lstat(filepath.Join(abs, ".lag")); {
	case err == nil:
		return place{}, fault.New(fault.Config, "%s is a LiteFS mount: use engine litefs", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return place{}, dirError(dir, err)
	}
	name, err := unsuitedFilesystem(abs)
	if err != nil {
		return place{}, dirError(dir, err)
	}
	if name != "" {
		return place{}, fault.New(fault.Config,
			"%s is on a %s filesystem: engine shared needs a local one, because SQLite's WAL needs shared memory", dir, name)
	}
	return p, nil
}

// same reports whether the path still leads to the directory that was opened.
func (p place) same() error {
	dev, ino, err := identify(p.dir)
	if err != nil {
		return dirError(p.dir, err)
	}
	if dev != p.dev || ino != p.ino {
		return fault.New(fault.Config,
			"directory %s was replaced by another while in use: restart this process, its connections still lead to the old files", p.dir)
	}
	return nil
}

func identify(dir string) (dev, ino uint64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0, 0, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0, 0, &os.PathError{Op: "open", Path: dir, Err: unix.ENOTDIR}
	}
	return uint64(st.Dev), uint64(st.Ino), nil
}

// dirError says what to do about an error in the directory or its .litefwd.
func dirError(dir string, err error) error {
	var own *fault.Error
	if errors.As(err, &own) {
		return err
	}
	hint := ""
	switch {
	case errors.Is(err, unix.EROFS):
		hint = "; engine shared keeps its lock there, so the filesystem must be writable"
	case errors.Is(err, fs.ErrPermission):
		hint = "; run as the user who owns the directory"
	case errors.Is(err, fs.ErrNotExist):
		hint = "; create the directory first, or correct its name"
	}
	return fault.New(fault.Config, "directory %s: %w%s", dir, err, hint)
}
