package litefwdtest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/litefwdtest"
)

// openCluster is litefwdtest.New for an example, which has no *testing.T.
func openCluster(opts ...litefwdtest.Option) (*litefwdtest.Cluster, func()) {
	dir, err := os.MkdirTemp("", "litefwdtest")
	if err != nil {
		log.Fatal(err)
	}
	c, err := litefwdtest.Open(dir, 3, opts...)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.DB(0).Exec("CREATE TABLE orders (item TEXT)"); err != nil {
		log.Fatal(err)
	}
	return c, func() {
		if err := c.Close(); err != nil {
			log.Fatal(err)
		}
		os.RemoveAll(dir)
	}
}

// A replica whose copy is late answers with its own writes all the same.
func ExampleNew_readYourOwnWrite() {
	c, closeCluster := openCluster(litefwdtest.WithConfig(func(_ int, cfg *litefwd.Config) {
		cfg.AwaitTimeout = 10 * time.Millisecond
	}))
	defer closeCluster()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Settle(ctx); err != nil {
		log.Fatal(err)
	}

	c.Lag(1, time.Hour)
	if _, err := c.DB(1).ExecContext(ctx, "INSERT INTO orders VALUES ('tea')"); err != nil {
		log.Fatal(err)
	}
	var seen, copied int
	if err := c.DB(1).QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&seen); err != nil {
		log.Fatal(err)
	}
	if err := c.Local(1).QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&copied); err != nil {
		log.Fatal(err)
	}
	fmt.Println("the application sees", seen, "order, the copy has", copied)

	c.Lag(1, 0)
	if err := c.Settle(ctx); err != nil {
		log.Fatal(err)
	}
	if err := c.Local(1).QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&copied); err != nil {
		log.Fatal(err)
	}
	fmt.Println("later the copy has", copied)
	// Output:
	// the application sees 1 order, the copy has 0
	// later the copy has 1
}

// The primary is lost while it is about to commit a forwarded write: nothing
// ran, so litefwd runs it on the next primary.
func ExampleCluster_AtFence() {
	c, closeCluster := openCluster()
	defer closeCluster()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Settle(ctx); err != nil {
		log.Fatal(err)
	}

	c.AtFence(func() {
		if err := c.Failover(ctx, 2); err != nil {
			log.Fatal(err)
		}
	})
	_, err := c.DB(1).ExecContext(ctx, "INSERT INTO orders VALUES ('tea')")
	var n int
	if err := c.DB(2).QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(&n); err != nil {
		log.Fatal(err)
	}
	fmt.Println("error:", err)
	fmt.Println("orders on the new primary:", n)
	// Output:
	// error: <nil>
	// orders on the new primary: 1
}

// The write runs and its reply is lost: the caller is told that the outcome is
// unknown, and can ask.
func ExampleCluster_DropReply() {
	c, closeCluster := openCluster()
	defer closeCluster()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	c.DropReply(1)
	_, err := c.DB(1).ExecContext(ctx, "INSERT INTO orders VALUES ('tea')")
	fmt.Println("outcome unknown:", errors.Is(err, litefwd.ErrOutcomeUnknown))

	var failure *litefwd.Error
	if errors.As(err, &failure) {
		err = c.Node(1).Outcome(ctx, failure.RequestID)
		fmt.Println("committed after all:", err == nil)
	}
	// Output:
	// outcome unknown: true
	// committed after all: true
}
