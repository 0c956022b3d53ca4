package litefwd_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd"
)

// The one line that changes in an application, and its end.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "litefwd")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	node, err := litefwd.Open(ctx, litefwd.Config{
		Path:   filepath.Join(dir, "app.db"),
		Engine: "shared",
		Driver: "sqlite",
		Listen: "127.0.0.1:0",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer node.Shutdown(ctx)

	db := node.DB() // *sql.DB, used as ever
	if _, err := db.Exec("CREATE TABLE visits(page TEXT)"); err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO visits VALUES (?), (?)", "/", "/about"); err != nil {
		log.Fatal(err)
	}
	var n int
	if err := db.QueryRow("SELECT count(*) FROM visits").Scan(&n); err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, "visits;", node.Role())
	// Output: 2 visits; primary
}

// A program that takes only a driver's name and a DSN.
func ExampleParseDSN() {
	cfg, err := litefwd.ParseDSN("/data/app.db?engine=shared&driver=sqlite&listen=127.0.0.1:0&await_timeout=2s")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.Path, cfg.Engine, cfg.AwaitTimeout)

	_, err = sql.Open("litefwd", "/data/app.db?enigne=shared")
	fmt.Println(errors.Is(err, litefwd.ErrConfig))
	// Output:
	// /data/app.db shared 2s
	// true
}

// What to do with each kind of failure of a write.
func ExampleSafeToRetry() {
	write := func(db *sql.DB) error {
		_, err := db.Exec("UPDATE accounts SET balance = balance - 10 WHERE id = 1")
		var known *litefwd.Error
		switch {
		case err == nil:
			return nil // committed, and visible to this process's reads
		case litefwd.SafeToRetry(err):
			return fmt.Errorf("nothing ran; try again later: %w", err)
		case errors.Is(err, litefwd.ErrOutcomeUnknown) && errors.As(err, &known):
			return fmt.Errorf("perhaps it ran; ask node.Outcome(ctx, %q): %w", known.RequestID, err)
		case errors.Is(err, &litefwd.SQLError{Code: 19}): // SQLITE_CONSTRAINT
			return fmt.Errorf("not enough money: %w", err)
		default:
			return err
		}
	}
	_ = write
}

// A read-only transaction is a snapshot of this node's copy: it asks nobody.
func ExampleNode_DB_readOnly() {
	report := func(ctx context.Context, db *sql.DB) (total, open int, err error) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return 0, 0, err
		}
		defer tx.Rollback()
		if err := tx.QueryRow("SELECT count(*) FROM orders").Scan(&total); err != nil {
			return 0, 0, err
		}
		err = tx.QueryRow("SELECT count(*) FROM orders WHERE NOT paid").Scan(&open)
		return total, open, err
	}
	_ = report
}

// A bulk load need not wait for the local copy after each row, nor may its
// transaction rest for long.
func ExampleWithAwait() {
	load := func(ctx context.Context, db *sql.DB, lines []string) error {
		ctx = litefwd.WithAwait(ctx, litefwd.AwaitNone)
		tx, err := db.BeginTx(litefwd.WithTxLimits(ctx, time.Second, 10*time.Second), nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		for _, line := range lines {
			if _, err := tx.Exec("INSERT INTO lines VALUES (?)", line); err != nil {
				return err
			}
		}
		return tx.Commit()
	}
	_ = load
}
