package demoapp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/litefwd/litefwd"
)

const (
	// DirPrefix begins the name of the demo's own directory. A process whose
	// parent died removes only a directory that is named so.
	DirPrefix = "litefwd-demo-"
	// Quit is the line on standard input that ends a node's process. The end
	// of standard input without it means that the parent has died.
	Quit = "quit"
	// startTime bounds how long a node may take to open and set up.
	startTime = 30 * time.Second
	// exitTime bounds how long a node may take to end; then it just exits.
	exitTime = 5 * time.Second
	// orphanTime is how much later than SIGTERM the end of standard input may
	// be noticed: a parent's death brings both, in either order.
	orphanTime = 200 * time.Millisecond
)

// process is one node's process.
type process struct {
	dir, name string
	cfg       litefwd.Config
	keepDir   bool

	mu     sync.Mutex // guards events
	events io.Writer
}

// Main runs a node's process until its standard input ends and returns its
// exit code. It tells its parent about itself by [Event] lines on stdout.
func Main(args []string, open Opener, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &process{events: stdout}
	flags := flag.NewFlagSet("demo-node", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&p.dir, "dir", "", "the demo's own directory")
	flags.StringVar(&p.name, "name", "", "the node's name")
	dsn := flags.String("dsn", "", "the database, see litefwd.ParseDSN; its secret comes from "+SecretEnv)
	flags.BoolVar(&p.keepDir, "keep", false, "keep the directory when the parent dies")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if p.dir == "" || p.name == "" || *dsn == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "demo-node is a part of \"litefwd demo\", which starts it")
		return 2
	}
	var err error
	if p.cfg, err = litefwd.ParseDSN(*dsn); err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	p.cfg.Name = p.name
	// A terminal's Ctrl-C goes to the parent and its children alike; the
	// parent is the one to end them. A parent that died must not end this
	// process by SIGPIPE before it has cleaned up.
	signal.Ignore(os.Interrupt, syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := p.run(ctx, open, stdin); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.name, err)
		return 1
	}
	return 0
}

func (p *process) run(ctx context.Context, open Opener, stdin io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	orphaned := make(chan bool, 1) // one value, sent once
	go func() {
		// Stopped by the end of stdin, or with the process.
		died := !saysQuit(stdin)
		orphaned <- died
		cancel()
		time.AfterFunc(exitTime, func() {
			if died {
				p.cleanUp()
			}
			os.Exit(1)
		})
	}()
	err := p.serve(ctx, open)
	if ctx.Err() == nil {
		return err // not told to end: something is wrong
	}
	select {
	case died := <-orphaned:
		if died {
			err = errors.Join(err, p.cleanUp())
		}
	case <-time.After(orphanTime):
	}
	return err
}

// cleanUp does what the parent would have done at its end. All nodes do it,
// and the last one succeeds. LiteFS has died with the parent, and left its
// mounts.
func (p *process) cleanUp() error {
	mounts, err := filepath.Glob(filepath.Join(p.dir, "litefstest-*", "*", "mnt"))
	if err != nil {
		return err
	}
	for _, mount := range mounts {
		// It fails where another node was faster, or nothing is mounted.
		exec.Command("fusermount3", "-u", "-z", mount).Run()
	}
	if p.keepDir || !strings.HasPrefix(filepath.Base(p.dir), DirPrefix) {
		return nil
	}
	return os.RemoveAll(p.dir)
}

// saysQuit reads until the line Quit or the end, which it reports as false.
func saysQuit(stdin io.Reader) bool {
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		if lines.Text() == Quit {
			return true
		}
	}
	return false
}

// serve opens the database, serves HTTP and reports roles until ctx ends.
func (p *process) serve(ctx context.Context, open Opener) (err error) {
	starting, started := context.WithTimeout(ctx, startTime)
	defer started()
	db, err := open(starting, p.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := migrate(starting, db.DB); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	app := &App{Name: p.name, DB: db.DB, Copy: db.Copy, Role: db.Role}
	server := &http.Server{Handler: app.Handler(), ReadHeaderTimeout: startTime}
	p.report(Event{Ready: listener.Addr().String()})

	var parts sync.WaitGroup
	defer parts.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts.Go(func() {
		db.Watch(ctx, func(role, primary string) { p.report(Event{Role: role, Primary: primary}) })
	})
	parts.Go(func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		if server.Shutdown(grace) != nil {
			server.Close()
		}
	})
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// report prints an event. Nobody is left to tell about an error.
func (p *process) report(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	json.NewEncoder(p.events).Encode(e)
}
