package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/bench/internal/rig"
)

// obey is what a worker does: with its node, if it has one, else with the bare driver.
func obey(w *rig.Worker, o order) (report, error) {
	db := w.Bare
	if w.Node != nil {
		db = w.Node.DB()
	}
	switch o.Do {
	case "warm":
		return report{}, warm(w, db, o)
	case "load":
		return load(w, db, o)
	case "plain":
		return pair(w, o)
	}
	return report{}, fmt.Errorf("unknown order %q", o.Do)
}

// warm opens a connection for each goroutine, and waits for the node's link to the
// primary.
func warm(w *rig.Worker, db *sql.DB, o order) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	n := max(o.Readers+min(o.Writes, 1), 1)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	if w.Node != nil {
		if err := waitPrimary(ctx, w.Node); err != nil {
			return err
		}
		if _, err := db.ExecContext(ctx, update, 1); err != nil {
			return err
		}
	}
	for range o.Fill {
		if _, err := db.ExecContext(ctx, update, rand.IntN(o.Hot)+1); err != nil {
			return err
		}
	}
	conns := make([]*sql.Conn, n) // all are held until all are open
	var err error
	for i := range conns {
		c, connErr := db.Conn(ctx)
		if err = errors.Join(err, connErr); connErr != nil {
			break
		}
		defer c.Close()
		var v string
		err = errors.Join(err, c.QueryRowContext(ctx, point, i+1).Scan(&v))
	}
	return err
}

func waitPrimary(ctx context.Context, node *litefwd.Node) error {
	for s := range node.WatchRole(ctx) {
		if s.Primary.Addr != "" {
			return nil
		}
	}
	return fmt.Errorf("no primary: %w", context.Cause(ctx))
}

// load reads and writes until the time is over.
func load(w *rig.Worker, db *sql.DB, o order) (r report, err error) {
	query := point
	if o.Scan > 0 {
		query = scan
	}
	stmt, err := db.Prepare(query)
	if err != nil {
		return r, err
	}
	defer stmt.Close()
	var remote uint64
	if w.Node != nil {
		remote = w.Node.Stats().ForwardedReads
	}
	readers := make([]*reader, o.Readers)
	for i := range readers {
		readers[i] = newReader(stmt, o, uint64(i))
	}
	gate, err := gateOf(w, o, readers)
	if err != nil {
		return r, err
	}
	var writes writer
	var all sync.WaitGroup
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	for _, one := range readers {
		all.Go(func() { one.run(began, began.Add(o.For)) })
	}
	var gateErr error
	if gate != nil {
		all.Go(func() { gateErr = errors.Join(gate.run(began.Add(o.For)), gate.close()) })
	}
	if o.Writes > 0 {
		all.Go(func() { writes.run(w.Path, db, o, began) })
	}
	all.Wait()
	r.Took = time.Since(began)
	runtime.ReadMemStats(&after)
	if w.Node != nil {
		r.Remote = w.Node.Stats().ForwardedReads - remote
	}
	gather(&r, readers)
	if r.Reads > 0 {
		r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(r.Reads)
	}
	r.Commits = writes.commits
	r.add(writes.failures)
	return r, gateErr
}

// gateOf puts a gate before the readers if the order says so.
func gateOf(w *rig.Worker, o order, readers []*reader) (*handGate, error) {
	if o.Gate == "" {
		return nil, nil
	}
	g, err := openHandGate(w.Path, o.Gate)
	if err != nil {
		return nil, err
	}
	for _, r := range readers {
		r.gate = g
	}
	return g, nil
}
