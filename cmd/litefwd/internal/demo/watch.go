package demo

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/term"
)

const (
	drawEvery  = 100 * time.Millisecond // on a terminal
	printEvery = time.Second            // elsewhere
	askEvery   = 250 * time.Millisecond // each node for its rows
	askLimit   = time.Second
)

// watcher shows the progress of a demo until it is stopped.
type watcher struct {
	demo   *demo
	out    io.Writer
	style  term.Style
	cancel context.CancelFunc
	done   sync.WaitGroup

	total  meter
	meters [nodes]meter

	mu    sync.Mutex // guards the following
	rows  map[*member]int
	txids map[*member]uint64
}

// watch starts a watcher that writes to out.
func (d *demo) watch(ctx context.Context, out io.Writer) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{demo: d, out: out, style: term.StyleFor(out), cancel: cancel, rows: map[*member]int{}, txids: map[*member]uint64{}}
	if term.Is(out) {
		w.done.Go(func() { w.draw(ctx) })
	} else {
		w.done.Go(func() { w.print(ctx) })
	}
	w.done.Go(func() { w.ask(ctx) })
	return w
}

// stop shows the last state and ends the watcher.
func (w *watcher) stop() {
	w.cancel()
	w.done.Wait()
}

func (w *watcher) draw(ctx context.Context) {
	block := term.NewBlock(w.out)
	defer block.Done()
	for ctx.Err() == nil {
		width, _ := term.Size(w.out)
		block.Draw(w.look().block(w.style, width))
		sleep(ctx, drawEvery)
	}
	width, _ := term.Size(w.out)
	block.Draw(w.look().block(w.style, width))
}

// print writes a line now and then; what is told goes out as it is told.
func (w *watcher) print(ctx context.Context) {
	for ctx.Err() == nil {
		w.demo.print(w.look().line())
		sleep(ctx, printEvery)
	}
	w.demo.print(w.look().line())
}

// ask asks every node, in turn, how many rows it sees.
func (w *watcher) ask(ctx context.Context) {
	for ctx.Err() == nil {
		for i, m := range w.demo.cluster.all() {
			if m != nil && m.serves() {
				w.askOne(ctx, i, m)
			}
		}
		sleep(ctx, askEvery)
	}
}

func (w *watcher) askOne(ctx context.Context, i int, m *member) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	s, err := m.client.status(ctx)
	var txid uint64
	if err == nil && w.demo.servers != nil {
		txid, err = w.demo.servers.position(ctx, i)
	}
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.rows[m], w.txids[m] = s.Rows, txid
	}
}

// look takes a view of the demo.
func (w *watcher) look() view {
	now, d := time.Now(), w.demo
	v := view{
		Elapsed: now.Sub(d.story.start),
		Done:    int(d.imported.Load()) + d.load.queue.progress(),
		Total:   len(d.lines),
		Copies:  d.servers != nil,
	}
	v.Rate = w.total.rate(now, v.Done)
	for i, m := range d.cluster.all() {
		if m == nil {
			continue
		}
		n := nodeView{Name: m.name, PID: m.pid(), Role: m.state(), Written: d.load.ledger.written(m.name), Rows: -1}
		if n.Role == "gone" {
			n.Role = "killed"
		}
		n.Rate = w.meters[i].rate(now, n.Written)
		w.mu.Lock()
		if rows, ok := w.rows[m]; ok {
			n.Rows, n.TXID = rows, w.txids[m]
		}
		w.mu.Unlock()
		v.Nodes = append(v.Nodes, n)
	}
	if term.Is(w.out) {
		v.Story = d.story.told()
	}
	return v
}
