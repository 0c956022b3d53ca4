//go:build darwin || freebsd

package shared

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the exclusive lock on f without waiting, and reports whether
// f has it now. Trying again on the same f is harmless.
func tryLock(f *os.File) (bool, error) {
	err := flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// unlock releases the lock at once, also where a child that is just being
// started still has a copy of the descriptor.
func unlock(f *os.File) error { return flock(f, unix.LOCK_UN) }

// lockedElsewhere reports whether another open file has the lock. With flock
// only taking it could tell, which a client must not do; it goes by the
// heartbeat alone.
func lockedElsewhere(*os.File) (locked, known bool, err error) { return true, false, nil }

func flock(f *os.File, how int) error {
	return withDescriptor(f, func(fd uintptr) error { return unix.Flock(int(fd), how) })
}
