package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// pairSide is one side of the reads of a plain file.
type pairSide struct {
	P50, P99 time.Duration
	Allocs   float64 // per read
}

// pair reads in turn with the bare driver and with litefwd, in one process: on a plain
// file a read takes a few microseconds, of which processes would differ by more than
// what is to be found.
func pair(w *rig.Worker, o order) (r report, err error) {
	var ops []func() error
	for _, db := range []*sql.DB{w.Bare, w.Node.DB()} {
		db.SetMaxOpenConns(1)
		stmt, err := db.Prepare(point)
		if err != nil {
			return r, err
		}
		defer stmt.Close()
		ops = append(ops, newReader(stmt, o, 1).read)
	}
	end := time.Now().Add(o.For)
	times, err := rig.Interleave(func() bool { return time.Now().Before(end) }, ops...)
	if err != nil {
		return r, err
	}
	for i, op := range ops {
		p50, p99, _, _ := rig.Quantiles(times[i])
		allocs, err := allocsOf(op)
		if err != nil {
			return r, err
		}
		r.Plain = append(r.Plain, pairSide{p50, p99, allocs})
	}
	return r, nil
}

func allocsOf(op func() error) (float64, error) {
	const times = 2000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		if err := op(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / times, nil
}

// plain is the pair's parent. Each side has a file of its own.
func plain(ctx context.Context, o options) (_ []pairSide, err error) {
	dir, err := os.MkdirTemp("", "litefwd-reads-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	bare, path := filepath.Join(dir, "bare.db"), filepath.Join(dir, "app.db")
	for _, p := range []string{bare, path} {
		if err := rig.Prepare(o.Driver, p, append([]string{"PRAGMA journal_mode=WAL"}, schema...)...); err != nil {
			return nil, err
		}
	}
	w, err := rig.Start[order, report](ctx, rig.WorkerConfig{
		Path: path, Driver: o.Driver, DSN: rig.BareDSN(o.Driver, bare, ""),
		Node: &rig.NodeConfig{
			Path: path, Engine: "shared", Driver: o.Driver, DriverDSN: rig.BareDSN(o.Driver, "{path}", ""),
			Listen: "127.0.0.1:0", Name: "plain",
		},
	})
	if err != nil {
		return nil, err
	}
	r, err := w.Do(order{Do: "plain", For: o.Each, Hot: o.hot})
	if stopErr := w.Stop(); err == nil {
		err = stopErr
	}
	return r.Plain, err
}
