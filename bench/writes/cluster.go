package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// process is a worker of this benchmark.
type process = rig.Process[order, report]

// cluster is two LiteFS nodes with an application on each.
type cluster struct {
	litefs           *rig.Cluster
	primary, replica *process
	pos              *rig.Position // the replica's
}

const schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, n INT)"

func startCluster(ctx context.Context, o rig.Options) (_ *cluster, err error) {
	c := &cluster{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	if c.litefs, err = rig.StartCluster(ctx, o, schema); err != nil {
		return nil, err
	}
	for i, p := range []**process{&c.primary, &c.replica} {
		if *p, err = rig.Start[order, report](ctx, c.litefs.Litefwd(i)); err != nil {
			return nil, err
		}
	}
	c.pos, err = rig.OpenPosition(c.litefs.Path(1))
	return c, err
}

func (c *cluster) stop() error {
	var errs []error
	if c.pos != nil {
		errs = append(errs, c.pos.Close())
	}
	for _, p := range []*process{c.replica, c.primary} {
		if p != nil {
			errs = append(errs, p.Stop())
		}
	}
	if c.litefs != nil {
		errs = append(errs, c.litefs.Close())
	}
	return errors.Join(errs...)
}

// lag measures how much later than COMMIT's return the replica has a commit.
func (c *cluster) lag(o rig.Options, n int) (time.Duration, error) {
	db, err := sql.Open(o.Driver, rig.BareDSN(o.Driver, c.litefs.Path(0), ""))
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var all []time.Duration
	for i := range n {
		before, err := c.pos.TXID()
		if err != nil {
			return 0, err
		}
		if _, err := db.Exec(insert, "lag", i); err != nil {
			return 0, err
		}
		committed := time.Now()
		for now := before; now == before; {
			if now, err = c.pos.TXID(); err != nil {
				return 0, err
			}
			if time.Since(committed) > 5*time.Second {
				return 0, errors.New("the replica does not follow")
			}
			rig.Pause(50 * time.Microsecond)
		}
		all = append(all, time.Since(committed))
	}
	p50, _, _, _ := rig.Quantiles(all)
	return p50, nil
}
