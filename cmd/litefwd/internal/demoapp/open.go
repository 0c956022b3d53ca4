package demoapp

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/litefwd/litefwd"
)

const (
	// Driver is the SQLite driver that the application imports.
	Driver = "sqlite"
	// SecretEnv names the variable with the nodes' secret, if their engine
	// does not make one: other users can read a process's arguments.
	SecretEnv = "LITEFWD_SECRET"
	// closeTime is how long a node that ends waits for the writes that it runs.
	closeTime = 2 * time.Second
)

// Database is an open database and what its node knows about roles.
type Database struct {
	DB *sql.DB
	// Copy is this node's copy of it, as it is.
	Copy *sql.DB
	// Role returns the node's role and the primary's name, "" if unknown.
	Role func() (role, primary string)
	// Watch calls changed with the present role and at every change, until ctx
	// ends.
	Watch func(ctx context.Context, changed func(role, primary string))
	// Close ends the node.
	Close func() error
}

// Opener opens the application's database.
type Opener func(ctx context.Context, cfg litefwd.Config) (*Database, error)

// Open is the Opener that uses litefwd.
func Open(ctx context.Context, cfg litefwd.Config) (*Database, error) {
	cfg.Secret = os.Getenv(SecretEnv)
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	node, err := litefwd.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Database{
		DB:   node.DB(),
		Copy: node.Local(),
		Role: func() (string, string) {
			s := node.Status()
			return s.Role.String(), s.Primary.Name
		},
		Watch: func(ctx context.Context, changed func(role, primary string)) {
			for s := range node.WatchRole(ctx) {
				changed(s.Role.String(), s.Primary.Name)
			}
		},
		Close: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), closeTime)
			defer cancel()
			return node.Shutdown(ctx)
		},
	}, nil
}
