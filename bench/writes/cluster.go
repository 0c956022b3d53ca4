package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// cluster is two LiteFS nodes with an application on each.
type cluster struct {
	litefs           *litefstest.Cluster
	primary, replica *process
	addr             string   // of the primary's node
	pos              *os.File // the replica's
}

const schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT)"

func startCluster(ctx context.Context, o options) (_ *cluster, err error) {
	c := &cluster{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	if c.litefs, err = litefstest.Start(ctx, litefstest.Options{Nodes: 2, Lease: litefstest.Static}); err != nil {
		return nil, err
	}
	path := filepath.Join(c.litefs.Mount(0), "app.db")
	if err := prepare(o.driver, path, "PRAGMA journal_mode="+o.journal, schema); err != nil {
		return nil, err
	}
	if err := c.litefs.WaitReplicated(ctx, 0, "app.db"); err != nil {
		return nil, err
	}
	addrs, err := litefstest.FreeAddrs(2)
	if err != nil {
		return nil, err
	}
	c.addr = addrs[0]
	peers := map[string]string{c.litefs.Hostname(0): addrs[0], c.litefs.Hostname(1): addrs[1]}
	for i, p := range []**process{&c.primary, &c.replica} {
		path := filepath.Join(c.litefs.Mount(i), "app.db")
		cfg := workerConfig{Driver: o.driver, DSN: bareDSN(o.driver, path, ""), Node: &nodeConfig{
			Path: path, Engine: "litefs", LiteFSURL: c.litefs.URL(i), Peers: peers, Driver: o.driver,
			Listen: addrs[i], Name: c.litefs.Hostname(i),
		}}
		if *p, err = start(ctx, cfg); err != nil {
			return nil, err
		}
	}
	c.pos, err = os.Open(filepath.Join(c.litefs.Mount(1), "app.db-pos"))
	return c, err
}

func (c *cluster) stop() error {
	var errs []error
	if c.pos != nil {
		errs = append(errs, c.pos.Close())
	}
	for _, p := range []*process{c.replica, c.primary} {
		if p != nil {
			errs = append(errs, p.stop())
		}
	}
	if c.litefs != nil {
		errs = append(errs, c.litefs.Close())
	}
	return errors.Join(errs...)
}

// lag measures how much later than COMMIT's return the replica has a commit.
func (c *cluster) lag(o options, n int) (time.Duration, error) {
	db, err := sql.Open(o.driver, bareDSN(o.driver, filepath.Join(c.litefs.Mount(0), "app.db"), ""))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var all []time.Duration
	var before, now [34]byte
	for i := range n {
		if _, err := c.pos.ReadAt(before[:], 0); err != nil {
			return 0, err
		}
		if _, err := db.Exec(insert, "lag", i); err != nil {
			return 0, err
		}
		committed := time.Now()
		for now = before; now == before; {
			if _, err := c.pos.ReadAt(now[:], 0); err != nil {
				return 0, err
			}
			if time.Since(committed) > 5*time.Second {
				return 0, errors.New("the replica does not follow")
			}
			// Leave the processor to LiteFS. time.Sleep takes a millisecond at least.
			unix.Nanosleep(&unix.Timespec{Nsec: 50_000}, nil) //nolint:errcheck // shorter does not matter
		}
		all = append(all, time.Since(committed))
	}
	p50, _, _, _ := quantiles(all)
	return p50, nil
}

// prepare runs statements on a database of its own.
func prepare(driver, path string, statements ...string) error {
	db, err := sql.Open(driver, bareDSN(driver, path, ""))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// bareDSN is the local driver's DSN; more are PRAGMAs, as name(value).
func bareDSN(driver, path, more string) string {
	dsn := "file:" + path + "?"
	for pragma := range strings.FieldsSeq("busy_timeout(5000) " + more) {
		name, value, _ := strings.Cut(strings.TrimSuffix(pragma, ")"), "(")
		if driver == "sqlite" {
			dsn += "_pragma=" + pragma + "&"
		} else {
			dsn += "_" + name + "=" + value + "&"
		}
	}
	return dsn
}
