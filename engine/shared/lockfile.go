//go:build linux || darwin || freebsd

package shared

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// The lock file's layout: magic, epoch, heartbeat, eight bytes each. Each
// number is aligned and written by one pwrite.
const (
	lockMagic     = "litefwd1"
	epochOffset   = 8
	beatOffset    = 16
	lockFileBytes = 24
)

// maxEpoch separates an epoch that was counted up to from a corrupted one.
const maxEpoch = 1 << 62

// mark is the magic and an epoch: what the fence compares.
type mark [beatOffset]byte

func markOf(epoch uint64) (m mark) {
	copy(m[:], lockMagic)
	binary.BigEndian.PutUint64(m[epochOffset:], epoch)
	return m
}

// header is what the lock file says. Both are 0 in an empty, truncated or
// foreign file: the lock counts, the contents can be written again.
type header struct {
	epoch uint64
	beat  uint64
}

// lockFile is one open lock file. Whoever holds a *lockFile keeps the
// *os.File, and with it the kernel lock, from Go's garbage collector.
type lockFile struct {
	path string
	file *os.File
	// dev and ino identify the file that was opened.
	dev, ino uint64
}

func openLockFile(path string) (*lockFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	err = withDescriptor(f, func(fd uintptr) error { return unix.Fstat(int(fd), &st) })
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &lockFile{path: path, file: f, dev: uint64(st.Dev), ino: uint64(st.Ino)}, nil
}

func (l *lockFile) close() error { return l.file.Close() }

// errReplaced: the open lock file is not, or no longer, the one at its path.
var errReplaced = errors.New("the lock file was deleted or replaced")

// current returns nil if the file at the path is the one that is open. It
// looks at the path, not at the link count: moving the directory away leaves
// the count as it was.
func (l *lockFile) current() error {
	var st unix.Stat_t
	err := unix.Stat(l.path, &st)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return errReplaced
	case err != nil:
		return &os.PathError{Op: "stat", Path: l.path, Err: err}
	case uint64(st.Dev) != l.dev || uint64(st.Ino) != l.ino:
		return errReplaced
	}
	return nil
}

// readMark reads what the fence compares; missing bytes are zero.
func (l *lockFile) readMark() (m mark, err error) {
	if _, err = l.file.ReadAt(m[:], 0); errors.Is(err, io.EOF) {
		err = nil
	}
	return m, err
}

func (l *lockFile) readHeader() (header, error) {
	var b [lockFileBytes]byte
	if _, err := l.file.ReadAt(b[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return header{}, err
	}
	if !bytes.HasPrefix(b[:], []byte(lockMagic)) {
		return header{}, nil
	}
	h := header{
		epoch: binary.BigEndian.Uint64(b[epochOffset:]),
		beat:  binary.BigEndian.Uint64(b[beatOffset:]),
	}
	if h.epoch >= maxEpoch {
		h.epoch = 0
	}
	return h, nil
}

// writeHeader is called only with the kernel lock held.
func (l *lockFile) writeHeader(h header) error {
	m := markOf(h.epoch)
	_, err := l.file.WriteAt(binary.BigEndian.AppendUint64(m[:], h.beat), 0)
	return err
}

// writeBeat is called only with the kernel lock held.
func (l *lockFile) writeBeat(beat uint64) error {
	_, err := l.file.WriteAt(binary.BigEndian.AppendUint64(nil, beat), beatOffset)
	return err
}

// withDescriptor runs a system call on f that cannot outlive a close of it.
func withDescriptor(f *os.File, call func(fd uintptr) error) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	if err := rc.Control(func(fd uintptr) {
		callErr = call(fd)
		for callErr == unix.EINTR {
			callErr = call(fd)
		}
	}); err != nil {
		return err
	}
	return callErr
}
