package litefs

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"

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
	txid, err := parseHex16(string(b[:16]))
	if err != nil {
		return engine.Position{}, err
	}
	sum, err := parseHex16(string(b[17:33]))
	if err != nil {
		return engine.Position{}, err
	}
	return engine.Position{TXID: txid, Checksum: sum}, nil
}

// parseHex16 reads a number of exactly 16 hexadecimal digits.
func parseHex16(s string) (uint64, error) {
	if len(s) != 16 || s[0] == '+' {
		return 0, fmt.Errorf("%.40q does not have 16 hexadecimal digits", s)
	}
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("%q does not have 16 hexadecimal digits", s)
	}
	return n, nil
}

// posFile reads one "-pos" file through a descriptor that it keeps: LiteFS
// drops the kernel's cached page at every change (db.go, setPos), so a read
// that finds it cached costs one system call.
//
// It avoids os.File, whose Close would wait for a read that hangs in the
// kernel because LiteFS is frozen.
type posFile struct {
	path string

	// mu guards the following. It is never held across I/O.
	mu     sync.Mutex
	open   *descriptor
	gen    uint64 // counts the descriptors opened
	closed bool
}

// descriptor is closed when the last of its users lets go, so that its number
// cannot come to mean another file under a reader.
type descriptor struct {
	fd   handle
	gen  uint64
	refs int // guarded by posFile.mu; the posFile itself holds one
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
			p.release(d)
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
		p.release(d)
		return engine.Position{}, &fs.PathError{Op: "read", Path: p.path, Err: err}
	}
	p.release(d)
	pos, err := parsePosition(buf[:n])
	if err != nil {
		p.drop(d)
		return pos, fmt.Errorf("%s: %w", p.path, err)
	}
	return pos, nil
}

func (p *posFile) acquire() *descriptor {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != nil {
		p.open.refs++
	}
	return p.open
}

// install keeps fd unless another was faster, and acquires the one that is kept.
func (p *posFile) install(fd handle) *descriptor {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		closeFile(fd)
		return nil
	}
	if p.open != nil {
		closeFile(fd)
	} else {
		p.gen++
		p.open = &descriptor{fd: fd, gen: p.gen, refs: 1}
	}
	p.open.refs++
	return p.open
}

func (p *posFile) release(d *descriptor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseLocked(d)
}

func (p *posFile) releaseLocked(d *descriptor) {
	if d.refs--; d.refs == 0 {
		closeFile(d.fd)
	}
}

// drop makes the next read open the file again.
func (p *posFile) drop(d *descriptor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == d {
		p.open = nil
		p.releaseLocked(d)
	}
}

// reopen makes the next read open the file again: the descriptor of a mount that
// is gone goes on to read what the kernel has cached of it, without an error.
func (p *posFile) reopen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != nil {
		p.releaseLocked(p.open)
		p.open = nil
	}
}

// alive asks LiteFS for the file's attributes, which the kernel does not cache,
// through the descriptor gen: nil says that it answered.
func (p *posFile) alive(gen uint64) error {
	d := p.acquire()
	if d == nil {
		return fmt.Errorf("%s is not open", p.path)
	}
	defer p.release(d)
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		return 0
	}
	return p.open.gen
}

// close lets go of the descriptor; a reader that is stuck keeps it until it
// returns.
func (p *posFile) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.open != nil {
		p.releaseLocked(p.open)
		p.open = nil
	}
}
