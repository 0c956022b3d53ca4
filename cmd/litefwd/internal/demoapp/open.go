package demoapp

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/litefwd/litefwd"
)

// closeTime is how long a node that ends waits for the writes that it runs.
const closeTime = 2 * time.Second

// Database is an open database and what its node knows about roles.
type Database struct {
	DB *sql.DB
	// Role returns the node's role and the primary's name, "" if unknown.
	Role func() (role, primary string)
	// Watch calls changed with the present role and at every change, until ctx
	// ends.
	Watch func(ctx context.Context, changed func(role, primary string))
	// Close ends the node.
	Close func() error
}

// Opener opens the application's database in dir for the node called name.
type Opener func(ctx context.Context, dir, name string) (*Database, error)

// Open is the Opener that uses litefwd: with the shared engine all processes
// of this machine open the same file.
func Open(ctx context.Context, dir, name string) (*Database, error) {
	node, err := litefwd.Open(ctx, litefwd.Config{
		Path:   filepath.Join(dir, "app.db"),
		Engine: "shared",
		Driver: "sqlite",
		Listen: "127.0.0.1:0",
		Name:   name,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return nil, err
	}
	return &Database{
		DB: node.DB(),
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
