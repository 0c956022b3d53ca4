package litefs

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// database implements [engine.Database] and [engine.Replicated].
type database struct {
	engine *Engine
	name   string // as LiteFS calls it: the file's name
	file   posFile

	// helpers counts the goroutines that read for somebody who will not wait
	// for ever.
	helpers atomic.Int32

	// known is track's mark, for those who read.
	known atomic.Pointer[mark]

	// mu guards the following. It is never held across I/O.
	mu     sync.Mutex
	track  track
	moved  signal         // the position is another, or standings are
	raised signal         // track.history is another
	news   signal         // any step of track
	verify bool           // the lookout must read "-pos"
	failed bool           // the lookout must look, and raise the history
	dead   bool           // the lookout has found the mount dead, last time
	fileNo uint64         // see File
	fenced fenced         // the last Fence that passed
	breaks []engine.Break // the last maxBreaks ones
	broken uint64         // how many there have been
}

var (
	_ engine.Database   = (*database)(nil)
	_ engine.Replicated = (*database)(nil)
)

// signal is a channel that is closed when something changes, made when
// somebody asks for it.
type signal struct{ ch chan struct{} }

func (s *signal) wait() <-chan struct{} {
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) fire() {
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}

// reserved are the endings that LiteFS gives a meaning of its own
// (fuse/fuse.go, ParseFilename).
var reserved = []string{"-journal", "-wal", "-shm", "-pos", "-lock"}

// Database implements [engine.Engine]. The file must be in the mount's
// directory itself: LiteFS has no others. It reads the position, for which it
// waits two seconds at most.
func (e *Engine) Database(path string) (engine.Database, error) {
	name, err := e.nameOf(path)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	if e.facts.closed {
		e.mu.Unlock()
		return nil, errClosed
	}
	d := e.databases[name]
	fresh := d == nil
	if fresh {
		d = &database{engine: e, name: name}
		d.file.path = filepath.Join(e.dir, name) + "-pos"
		d.track.live = e.facts.connected
		d.track.attached = true
		d.known.Store(&mark{})
		e.databases[name] = d
	}
	e.mu.Unlock()
	if fresh {
		m := d.mark()
		if pos, err := d.readWithin(e.alone, e.timing.readWait); err == nil {
			d.step(func(t *track) change { return t.read(m, pos) })
		}
		kick(e.kickLook) // in case a connection to LiteFS began in between
	}
	return d, nil
}

func (e *Engine) nameOf(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fault.New(fault.Config, "database %q: %w", path, err)
	}
	dir, name := filepath.Split(abs)
	if dir = filepath.Clean(dir); dir != e.dir {
		// The same directory by another name?
		a, errA := filepath.EvalSymlinks(dir)
		b, errB := filepath.EvalSymlinks(e.dir)
		if errA != nil || errB != nil || a != b {
			return "", fault.New(fault.Config, "database %q is not a file directly in %s, LiteFS's mount", path, e.dir)
		}
	}
	if path == "" || strings.HasPrefix(name, ".") ||
		slices.ContainsFunc(reserved, func(end string) bool { return strings.HasSuffix(name, end) }) {
		return "", fault.New(fault.Config, "database %q has a name that LiteFS keeps for itself", path)
	}
	return name, nil
}

func (e *Engine) allDatabases() []*database {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Values(e.databases))
}

// Watch implements [engine.Database].
func (d *database) Watch() (engine.Position, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.track.line.Last(), d.moved.wait()
}

// History implements [engine.Replicated].
func (d *database) History() (uint64, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.track.history, d.raised.wait()
}

// HistoryNow implements [engine.Replicated].
func (d *database) HistoryNow() uint64 { return d.mark().history }

// Standing implements [engine.Replicated].
func (d *database) Standing(p engine.Position, term uint64) engine.Standing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.track.line.Standing(p, term)
}

// maxBreaks bounds those that are remembered for [engine.Replicated].Breaks.
const maxBreaks = 8

// Breaks implements [engine.Replicated].
func (d *database) Breaks(n uint64) ([]engine.Break, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fresh := min(d.broken-min(n, d.broken), uint64(len(d.breaks)))
	return slices.Clone(d.breaks[uint64(len(d.breaks))-fresh:]), d.broken
}

// File implements [engine.Replicated]. A change of roles, or a snapshot, leaves
// the file where it is: LiteFS writes into it.
func (d *database) File() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fileNo
}

// anotherFile notes that the file may be another one; the history is raised
// afterwards.
func (d *database) anotherFile() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fileNo++
}

// MayCreate implements [engine.Replicated]: on a replica LiteFS would make an
// empty file that belongs to nobody (store.go, CreateDB asks for no role).
func (d *database) MayCreate() bool { return d.engine.tenure.Load() != nil }

func (d *database) mark() mark { return *d.known.Load() }

// step changes the track and wakes whoever waits for what has changed.
func (d *database) step(f func(t *track) change) {
	d.engine.tell(d.name, d.quietStep(f))
}

// quietStep is step for callers that hold e.mu, and tell later.
func (d *database) quietStep(f func(t *track) change) change {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, term := d.track.mark(), d.track.line.Term()
	c := f(&d.track)
	if c.told() {
		d.broken++
		d.breaks = append(d.breaks, c.lost)
		d.breaks = d.breaks[max(0, len(d.breaks)-maxBreaks):]
	}
	if now := d.track.mark(); now != before {
		d.known.Store(&now)
	}
	if d.track.line.Last() != before.pos || d.track.line.Term() != term {
		d.moved.fire()
	}
	if d.track.history != before.history {
		d.raised.fire()
	}
	d.news.fire()
	d.verify = d.verify || c.verify
	return c
}

func (d *database) connect(pos engine.Position, ok, first, another bool) change {
	if !first {
		d.anotherFile()
	}
	return d.quietStep(func(t *track) change { return t.connect(pos, ok, first, another) })
}

func (d *database) disconnect() {
	d.quietStep(func(t *track) change { t.disconnect(); return change{} })
}

func (d *database) event(ev event, replica bool, term uint64) {
	if ev.dropped {
		d.anotherFile()
	}
	d.step(func(t *track) change { return t.event(ev, replica, term) })
	d.mu.Lock()
	verify := d.verify
	d.mu.Unlock()
	if verify {
		kick(d.engine.kickLook)
	}
}

func (d *database) roleChanged() {
	d.quietStep(func(t *track) change {
		t.attached = true
		t.raise()
		return change{}
	})
}

// look is the lookout's: it reads the position where events do not tell it,
// and makes good on Failed. Connections do not survive their mount, and on a dead
// one SQLite tries for ten seconds in WAL mode, at each statement.
func (d *database) look(blind, mounted bool) {
	d.mu.Lock()
	wanted := blind || d.verify || d.failed || !d.track.based
	failed := d.failed || !d.dead && !mounted
	d.verify, d.failed, d.dead = false, false, !mounted
	m := d.track.mark()
	d.mu.Unlock()
	if failed {
		d.file.reopen() // it may be another mount
	}
	if wanted && mounted {
		if pos, _, err := d.file.read(); err == nil {
			d.step(func(t *track) change { return t.read(m, pos) })
		}
	}
	if failed {
		d.anotherFile()
		d.step(func(t *track) change { t.raise(); return change{} })
	}
}

func (d *database) close() { d.file.close() }
