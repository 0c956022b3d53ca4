//go:build unix

package litefs

import "syscall"

// handle is an open file. These functions go around os.File, which would
// register a FUSE file with the poller and wait for it when closing.
type handle = int

func openFile(path string) (handle, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != syscall.EINTR { // FUSE may return it whatever SA_RESTART says
			return fd, err
		}
	}
}

func readAt(fd handle, buf []byte, off int64) (int, error) {
	for {
		n, err := syscall.Pread(fd, buf, off)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

func statFile(fd handle) error {
	var st syscall.Stat_t
	for {
		if err := syscall.Fstat(fd, &st); err != syscall.EINTR {
			return err
		}
	}
}

func closeFile(fd handle) { _ = syscall.Close(fd) }
