// Command notes is a small web application on litefwd: a list of notes that can
// be added to on any node.
//
//	LITEFWD_DSN='/tmp/notes.db?engine=shared&listen=127.0.0.1:0' go run ./examples/notes
//	curl -d 'buy milk' localhost:8080/notes
//	curl localhost:8080/
//
// On LiteFS it is the same program with another DSN; see deploy/.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/litefwd/litefwd"
)

// The bounds of starting and stopping. Together the last two are less than what
// the deployments in deploy/ allow the process after SIGTERM.
const (
	startTime   = time.Minute
	requestTime = 10 * time.Second // for requests that run
	drainTime   = 20 * time.Second // for writes, and for another node to become primary
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], nil); err != nil {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. ready, if not nil, is told the HTTP address.
func run(ctx context.Context, args []string, ready func(addr string)) (err error) {
	flags := flag.NewFlagSet("notes", flag.ContinueOnError)
	dsn := flags.String("dsn", os.Getenv("LITEFWD_DSN"), "the database, see litefwd.ParseDSN (LITEFWD_DSN)")
	addr := flags.String("http", ":8080", "address of the web server")
	if err := flags.Parse(args); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))

	node, err := open(ctx, *dsn, log)
	if err != nil {
		return err
	}
	defer func() {
		// Not ctx: that has ended, and Shutdown would interrupt what runs.
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		err = errors.Join(err, node.Shutdown(ctx))
	}()
	starting, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := migrate(starting, node.DB()); err != nil {
		return err
	}

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           (&app{node: node, db: node.DB(), log: log}).routes(),
		ReadHeaderTimeout: requestTime,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // ends with Shutdown or Close
	if ready != nil {
		ready(listener.Addr().String())
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("ending")
	finish, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	if server.Shutdown(finish) != nil {
		server.Close() // an error would only say that some requests were cut off
	}
	return nil
}

// open opens the node. The secret has a variable of its own, because a DSN is
// seen in process lists and configuration files.
func open(ctx context.Context, dsn string, log *slog.Logger) (*litefwd.Node, error) {
	cfg, err := litefwd.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	cfg.Driver = "sqlite"
	cfg.Logger = log
	if secret := os.Getenv("LITEFWD_SECRET"); secret != "" {
		cfg.Secret = secret
	}
	return litefwd.Open(ctx, cfg)
}
