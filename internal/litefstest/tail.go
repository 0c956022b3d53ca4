package litefstest

import (
	"bytes"
	"io"
	"sync"
)

// tailSize is how much of a node's log is kept.
const tailSize = 16 << 10

// tail keeps the end of a node's log and copies whole lines, with the node's
// name, to out.
type tail struct {
	name string
	out  io.Writer // shared by all nodes; see lockedWriter

	mu   sync.Mutex // guards the following
	text []byte
	line []byte // not yet ended
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text) - tailSize; n > 0 {
		t.text = bytes.Clone(t.text[n:])
	}
	t.line = append(t.line, p...)
	for {
		i := bytes.IndexByte(t.line, '\n')
		if i < 0 {
			return len(p), nil
		}
		// The log is an aid; a node must not stop because it cannot be written.
		t.out.Write(append([]byte(t.name+": "), t.line[:i+1]...))
		t.line = t.line[i+1:]
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// lockedWriter lets several nodes write to one writer.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
