package e2e

import (
	"bytes"
	bits "encoding/binary"
	"errors"
	"slices"
	"syscall"
	"testing"
)

// opens watches which files of mounts this process opens (inotify(7)).
type opens struct {
	t  *testing.T
	fd int
}

func watchOpens(t *testing.T) *opens {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	return &opens{t, fd}
}

func (o *opens) watch(dir string) {
	o.t.Helper()
	if _, err := syscall.InotifyAddWatch(o.fd, dir, syscall.IN_OPEN); err != nil {
		o.t.Fatal(err)
	}
}

// names returns the names of the files that were opened since it was called last.
func (o *opens) names() (names []string) {
	o.t.Helper()
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(o.fd, buf)
		if errors.Is(err, syscall.EAGAIN) {
			slices.Sort(names)
			return slices.Compact(names)
		}
		if err != nil {
			o.t.Fatal(err)
		}
		for rest := buf[:n]; len(rest) >= syscall.SizeofInotifyEvent; {
			size := syscall.SizeofInotifyEvent + int(bits.NativeEndian.Uint32(rest[12:]))
			if name := bytes.TrimRight(rest[syscall.SizeofInotifyEvent:size], "\x00"); len(name) > 0 {
				names = append(names, string(name))
			}
			rest = rest[size:]
		}
	}
}
