package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/opticks"
)

// ErrWrong is returned by Run when the demo ran to its end and a number in
// its result, which is printed, is not as it must be.
var ErrWrong = errors.New("the result is wrong")

// ErrLeft is returned by Run when something could not be ended or removed.
var ErrLeft = errors.New("something is left behind")

// maxImport is how many lines, the title page and the contents, are written
// in one transaction at first.
const maxImport = 100

// demo is one run.
type demo struct {
	options Options
	lines   []demoapp.Line
	// imported is how many of the first lines one transaction has written.
	imported atomic.Int64
	cluster  *cluster
	servers  *servers // nil with engine shared
	load     *load
	story    *story

	printing sync.Mutex // one line at a time goes to progress
	progress io.Writer
}

// Run runs the demo: it starts this program (exe) again with nodeArgs for
// each node, writes progress and result, and leaves nothing behind. It
// returns nil, ErrWrong, or why it could not come to an end.
func Run(ctx context.Context, o Options, exe string, nodeArgs []string, stdin io.Reader, stdout, stderr io.Writer) (err error) {
	lines, err := firstLines(o.Lines)
	if err != nil {
		return err
	}
	binary := ""
	if o.Engine == engineLiteFS {
		if binary, err = findLiteFS(o.LiteFS); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", demoapp.DirPrefix)
	if err != nil {
		return err
	}
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	d := newDemo(o, lines, exe, nodeArgs, dir, fail)
	d.progress = stdout
	if o.JSON {
		d.progress = stderr
	}
	defer func() { err = errors.Join(err, d.end(dir)) }()

	limited, cancel := context.WithTimeoutCause(running, o.Timeout,
		fmt.Errorf("not finished within %v (-timeout)", o.Timeout))
	defer cancel()
	d.introduce()
	if err := d.prepare(limited, dir, binary, fail); err != nil {
		return err
	}
	r, err := d.run(limited)
	if err != nil {
		if limited.Err() != nil {
			err = context.Cause(limited) // which other errors have come from
		}
		if o.Keep {
			err = fmt.Errorf("%w (kept: %s)", err, dir)
		}
		return err
	}
	if o.Keep {
		r.Dir = dir
	}
	if err := d.show(ctx, r, stdin, stdout); err != nil {
		return err
	}
	if !r.OK {
		return ErrWrong
	}
	return nil
}

// newDemo returns a demo in dir. died is called when something ends that nobody
// has ended.
func newDemo(o Options, lines []demoapp.Line, exe string, nodeArgs []string, dir string, died func(error)) *demo {
	d := &demo{options: o, lines: lines, story: &story{start: time.Now()}}
	head := min(maxImport, len(lines)/10)
	d.load = &load{queue: newQueue(lines[head:]), ledger: newLedger(), writers: o.Writers}
	d.cluster = &cluster{command: command{
		exe: exe, args: nodeArgs, dir: dir, keep: o.Keep, writers: o.Writers,
		role: d.roleChanged,
		died: func(m *member) { died(fmt.Errorf("%s ended by itself: %s", m.name, m.lastWords())) },
	}}
	return d
}

// firstLines returns the first n lines of the book, or all if n is 0.
func firstLines(n int) ([]demoapp.Line, error) {
	texts, err := opticks.Lines()
	if err != nil {
		return nil, err
	}
	if n == 0 || n > len(texts) {
		n = len(texts)
	}
	lines := make([]demoapp.Line, n)
	for i := range lines {
		lines[i] = demoapp.Line{N: i + 1, Text: texts[i]}
	}
	return lines, nil
}

// run is the demo with its progress display, up to the result.
func (d *demo) run(ctx context.Context) (result, error) {
	w := d.watch(ctx, d.progress)
	defer w.stop()

	if err := d.startAll(ctx); err != nil {
		return result{}, err
	}
	head := len(d.lines) - d.load.queue.total
	if err := d.importHead(ctx, head); err != nil {
		return result{}, err
	}
	start := time.Now()
	if err := d.writeAll(ctx); err != nil {
		return result{}, err
	}
	seconds := time.Since(start).Seconds()
	r, err := d.examine(ctx)
	r.Imported = head
	r.Seconds = seconds
	r.PerSecond = float64(d.load.queue.total) / seconds
	return r, err
}

// startAll starts the first node, which becomes primary, and then the others.
func (d *demo) startAll(ctx context.Context) error {
	if _, err := d.cluster.start(ctx, 0); err != nil {
		return err
	}
	errs := make([]error, nodes)
	var others sync.WaitGroup
	for i := 1; i < nodes; i++ {
		others.Go(func() { _, errs[i] = d.cluster.start(ctx, i) })
	}
	others.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if d.servers == nil {
		d.story.tell("three processes serve; any of them takes writes")
	} else {
		d.story.tell("three servers serve, each its own copy; any of them takes writes")
	}
	return nil
}

// importHead writes the first lines in one transaction through the last node,
// which is a replica.
func (d *demo) importHead(ctx context.Context, head int) error {
	m := d.cluster.all()[nodes-1]
	sent := time.Now()
	if err := m.client.importAll(ctx, d.lines[:head]); err != nil {
		return fmt.Errorf("write the first %d lines in one transaction through %s: %w", head, m.name, err)
	}
	for _, line := range d.lines[:head] {
		d.load.ledger.acknowledge(line.N, m.name, sent, time.Now())
	}
	d.imported.Store(int64(head))
	d.story.tell("%s (%s) wrote %d lines in one transaction, in %s", m.name, m.state(), head, millis(time.Since(sent)))
	return nil
}

// writeAll writes the other lines through all nodes, with the failover in the
// middle.
func (d *demo) writeAll(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, m := range d.cluster.all() {
		d.load.through(ctx, m.client, m.gone)
	}
	err := d.failover(ctx)
	if err == nil && !d.waitFor(ctx, 100) {
		err = context.Cause(ctx)
	}
	cancel()
	d.load.wait()
	return err
}

// roleChanged is called for each role that a process reports.
func (d *demo) roleChanged(m *member, e demoapp.Event) {
	if e.Role == "primary" {
		d.load.ledger.announce(m.name, time.Now())
	}
}

// print writes a line to the progress output.
func (d *demo) print(line string) {
	d.printing.Lock()
	defer d.printing.Unlock()
	fmt.Fprintln(d.progress, line)
}
