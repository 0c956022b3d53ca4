package litefs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/litefwd/litefwd/engine"
)

// posSize is the length of a "-pos" file: two 16-digit hexadecimal numbers
// with a slash between and a newline (LiteFS, fuse/pos_node.go).
const posSize = 34

// parsePosition reads the contents of a "-pos" file.
func parsePosition(b []byte) (engine.Position, error) {
	if len(b) != posSize || b[16] != '/' || b[33] != '\n' {
		return engine.Position{}, fmt.Errorf("%.40q is not a LiteFS position", b)
	}
	txid, err := parseHex16(b[:16])
	if err != nil {
		return engine.Position{}, err
	}
	sum, err := parseHex16(b[17:33])
	if err != nil {
		return engine.Position{}, err
	}
	return engine.Position{TXID: txid, Checksum: sum}, nil
}

// parseHex16 reads a number of exactly 16 hexadecimal digits. It allocates nothing: on
// the primary each local read asks for the position.
func parseHex16[T ~string | ~[]byte](s T) (n uint64, err error) {
	if len(s) != 16 {
		return 0, fmt.Errorf("%.40q does not have 16 hexadecimal digits", s)
	}
	for i := range len(s) {
		digit := strings.IndexByte("0123456789abcdef", s[i]|0x20)
		if digit < 0 || s[i] < '0' {
			return 0, fmt.Errorf("%q does not have 16 hexadecimal digits", s)
		}
		n = n<<4 | uint64(digit)
	}
	return n, nil
}

// posFile reads one "-pos" file through a descriptor that it keeps: LiteFS
// drops the kernel's cached page at every change (db.go, setPos), so a read
// that finds it cached costs one system call. It takes no lock then: on the primary
// each local read asks.
//
// It avoids os.File, whose Close would wait for a read that hangs in the
// kernel because LiteFS is frozen.
type posFile struct {
	path string
	open atomic.Pointer[descriptor]

	// mu guards the following, and changes of open. It is never held across I/O.
	mu     sync.Mutex
	gen    uint64 // counts the descriptors opened
	closed bool
}

// descriptor is closed when the last of its users lets go, so that its number
// cannot come to mean another file under a reader.
type descriptor struct {
	fd   handle
	gen  uint64
	refs atomic.Int32 // the posFile itself holds one; 0 is for ever
}

// hold adds a user, unless the last one has let go.
func (d *descriptor) hold() bool {
	for {
		n := d.refs.Load()
		if n == 0 {
			return false
		}
		if d.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (d *descriptor) release() {
	if d.refs.Add(-1) == 0 {
		closeFile(d.fd)
	}
}

// read returns the position, zero while the file does not exist, and the
// number of the descriptor it was read through, 0 for none. After an error
// the descriptor is dropped, so that the next read opens the file again.
func (p *posFile) read() (engine.Position, uint64, error) {
	d := p.acquire()
	if d == nil {
		fd, err := openFile(p.path)
		if errors.Is(err, fs.ErrNotExist) {
			return engine.Position{}, 0, nil
		}
		if err != nil {
			return engine.Position{}, 0, &fs.PathError{Op: "open", Path: p.path, Err: err}
		}
		if d = p.install(fd); d == nil {
			return engine.Position{}, 0, fs.ErrClosed
		}
	}
	pos, err := p.readFrom(d)
	return pos, d.gen, err
}

// readSame is read, but fails if the file has been opened again since gen:
// what it says then may come from another LiteFS.
func (p *posFile) readSame(gen uint64) (engine.Position, error) {
	d := p.acquire()
	if d == nil || d.gen != gen {
		if d != nil {
			d.release()
		}
		return engine.Position{}, fmt.Errorf("%s had to be opened again", p.path)
	}
	return p.readFrom(d)
}

func (p *posFile) readFrom(d *descriptor) (engine.Position, error) {
	// Not a byte more: a read past the end makes the kernel ask LiteFS for the
	// file's size each time (Linux, fuse_cache_read_iter).
	var buf [posSize]byte
	n, err := readAt(d.fd, buf[:], 0)
	if err != nil {
		p.drop(d)
		d.release()
		return engine.Position{}, &fs.PathError{Op: "read", Path: p.path, Err: err}
	}
	d.release()
	pos, err := parsePosition(buf[:n])
	if err != nil {
		p.drop(d)
		return pos, fmt.Errorf("%s: %w", p.path, err)
	}
	return pos, nil
}

func (p *posFile) acquire() *descriptor {
	for {
		d := p.open.Load()
		if d == nil || d.hold() {
			return d
		}
	}
}

// install keeps fd unless another was faster, and acquires the one that is kept.
func (p *posFile) install(fd handle) *descriptor {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		closeFile(fd)
		return nil
	}
	d := p.open.Load()
	if d != nil {
		closeFile(fd)
	} else {
		p.gen++
		d = &descriptor{fd: fd, gen: p.gen}
		d.refs.Store(1)
		p.open.Store(d)
	}
	d.refs.Add(1) // the posFile's own lasts as long as mu is held
	return d
}

// drop makes the next read open the file again.
func (p *posFile) drop(d *descriptor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open.CompareAndSwap(d, nil) {
		d.release()
	}
}

// reopen makes the next read open the file again: the descriptor of a mount that
// is gone goes on to read what the kernel has cached of it, without an error.
func (p *posFile) reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.open.Swap(nil); d != nil {
		d.release()
	}
}

// alive asks LiteFS for the file's attributes, which the kernel does not cache,
// through the descriptor gen: nil says that it answered.
func (p *posFile) alive(gen uint64) error {
	d := p.acquire()
	if d == nil {
		return fmt.Errorf("%s is not open", p.path)
	}
	defer d.release()
	if d.gen != gen {
		return fmt.Errorf("%s had to be opened again", p.path)
	}
	if err := statFile(d.fd); err != nil {
		return &fs.PathError{Op: "stat", Path: p.path, Err: err}
	}
	return nil
}

// generation is the number of the descriptor that is open, 0 if none is.
func (p *posFile) generation() uint64 {
	d := p.open.Load()
	if d == nil {
		return 0
	}
	return d.gen
}

// close lets go of the descriptor; a reader that is stuck keeps it until it
// returns.
func (p *posFile) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.reopen()
}
