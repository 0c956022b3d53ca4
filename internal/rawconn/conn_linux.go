package rawconn

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// maxRaw bounds what is copied by a system call that the runtime does not know of, and
// from which it cannot take the processor back.
const maxRaw = 32 << 10

// conn is a socket.
type conn struct {
	net.Conn
	raw syscall.RawConn
}

// Wrap returns c with cheap reads and writes if it is a socket, and else c itself.
func Wrap(c net.Conn) net.Conn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c // it is closed
	}
	return &conn{c, raw}
}

func (c *conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return c.Conn.Read(b)
	}
	b = b[:min(len(b), maxRaw)]
	n, errno := 0, syscall.Errno(0)
	err := c.raw.Read(func(fd uintptr) bool {
		n, errno = call(syscall.SYS_READ, fd, b)
		return errno != syscall.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case errno != 0:
		return 0, c.failed("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (c *conn) Write(b []byte) (sent int, err error) {
	if len(b) == 0 || len(b) > maxRaw {
		return c.Conn.Write(b)
	}
	for sent < len(b) {
		n, errno := 0, syscall.Errno(0)
		err := c.raw.Write(func(fd uintptr) bool {
			n, errno = call(syscall.SYS_WRITE, fd, b[sent:])
			return errno != syscall.EAGAIN
		})
		switch {
		case err != nil:
			return sent, err
		case errno != 0:
			return sent, c.failed("write", errno)
		}
		sent += n
	}
	return sent, nil
}

// failed is the error as package net gives it.
func (c *conn) failed(op string, errno syscall.Errno) error {
	return &net.OpError{
		Op: op, Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(),
		Err: os.NewSyscallError(op, errno),
	}
}

// call is read(2) or write(2), again if a signal came between; n is 0 where it fails.
func call(number, fd uintptr, b []byte) (n int, errno syscall.Errno) {
	for {
		done, _, errno := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(done), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
