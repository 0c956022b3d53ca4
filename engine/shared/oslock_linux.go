package shared

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the exclusive lock on f without waiting, and reports whether
// f has it now. Trying again on the same f is harmless.
func tryLock(f *os.File) (bool, error) {
	err := ofd(f, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart})
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// unlock releases the lock at once, also where a child that is just being
// started still has a copy of the descriptor.
func unlock(f *os.File) error {
	return ofd(f, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart})
}

// lockedElsewhere reports whether another open file has the lock, without
// taking it. known is false where the system cannot tell.
func lockedElsewhere(f *os.File) (locked, known bool, err error) {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err = ofd(f, unix.F_OFD_GETLK, &lk)
	return lk.Type != unix.F_UNLCK, err == nil, err
}

func ofd(f *os.File, cmd int, lk *unix.Flock_t) error {
	return withDescriptor(f, func(fd uintptr) error { return unix.FcntlFlock(fd, cmd, lk) })
}
