package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/litefwd/litefwd"
)

// processEnv makes the test binary an application of its own: see runProcess.
const processEnv = "LITEFWD_E2E_PROCESS"

// attemptTime bounds each write of a process.
const attemptTime = 10 * time.Second

// runProcess is one node's application: it opens dsn and writes as writer until
// its standard input ends, while so many goroutines read without a pause. On standard output it tells of each write twice: before
// it asks for it (Ended is 0), and what it was told. began is the history's, in
// nanoseconds of Unix.
func runProcess(dsn, writer, began, readers string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, writer+":", err)
		return 1
	}
	cfg, err := litefwd.ParseDSN(dsn)
	if err != nil {
		return fail(err)
	}
	nanos, err := strconv.ParseInt(began, 10, 64)
	if err != nil {
		return fail(err)
	}
	n, err := strconv.Atoi(readers)
	if err != nil {
		return fail(err)
	}
	h := &history{began: time.Unix(0, nanos)}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with the process or its parent
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	node, err := litefwd.Open(ctx, cfg)
	if err != nil {
		return fail(err)
	}
	defer node.Close()
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	spin(ctx, &reading, node.DB(), n, func(ctx context.Context) error {
		node.DB().QueryRowContext(ctx, "SELECT count(*) FROM w").Scan(new(int)) //nolint:errcheck // they may fail while something is killed
		return nil
	})
	out := json.NewEncoder(os.Stdout)
	for seq := 0; ctx.Err() == nil; seq++ {
		asked := write{Writer: writer, Seq: seq, Begun: time.Since(h.began)}
		told := func() write { return h.attempt(context.WithoutCancel(ctx), node, writer, seq, attemptTime) }
		if out.Encode(asked) != nil || out.Encode(told()) != nil {
			break
		}
	}
	return 0
}

// spin starts n goroutines that read from db without a pause until ctx ends, or one
// fails, which is returned.
func spin(ctx context.Context, running *sync.WaitGroup, db *sql.DB, n int, read func(context.Context) error) (failed <-chan error) {
	db.SetMaxIdleConns(n + 8) // for those that write, too
	errs := make(chan error, n)
	for range n {
		running.Go(func() {
			for ctx.Err() == nil {
				if err := read(ctx); err != nil && ctx.Err() == nil {
					errs <- err
					return
				}
			}
		})
	}
	return errs
}

// process is an application that writes on its own, and can be killed.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when it has ended, and all that it was told is in the history
}

// startProcess starts the application of node i, whose writes go into h.
func (a *app) startProcess(h *history, i int, writer string) *process {
	a.t.Helper()
	return a.startReadingProcess(h, i, writer, 0)
}

// startReadingProcess is startProcess with goroutines that read.
func (a *app) startReadingProcess(h *history, i int, writer string, readers int) *process {
	a.t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], a.config(i).DSN(), writer, strconv.FormatInt(h.began.UnixNano(), 10), strconv.Itoa(readers))
	p.cmd.Env = append(os.Environ(), processEnv+"=1")
	p.cmd.Stderr = &a.log
	stdin, err := p.cmd.StdinPipe()
	a.must("stdin", err)
	p.stdin = stdin
	out, err := p.cmd.StdoutPipe()
	a.must("stdout", err)
	a.must("start the application", p.cmd.Start())
	a.t.Cleanup(func() { p.kill(); <-p.done })
	go func() { // ends with the process
		defer close(p.done)
		h.follow(out)
		p.cmd.Wait() // how it ended is known
	}()
	return p
}

// follow adds the writes of a process. The one that it was killed in may have been
// committed.
func (h *history) follow(out io.Reader) {
	var asked *write
	for lines := json.NewDecoder(out); ; {
		var w write
		if lines.Decode(&w) != nil {
			break
		}
		if w.Ended == 0 {
			asked = &w
			continue
		}
		asked = nil
		h.add(w)
	}
	if asked != nil {
		asked.Ended, asked.Fate, asked.Err = time.Since(h.began), unknown, "killed"
		h.add(*asked)
	}
}

// kill sends SIGKILL.
func (p *process) kill() error { return p.cmd.Process.Kill() }

// stop lets the process end in order and waits for that.
func (p *process) stop() {
	p.stdin.Close()
	<-p.done
}
