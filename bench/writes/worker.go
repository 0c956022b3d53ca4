package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/litefwd/litefwd"
)

// order is what the parent tells a worker to do; its answer is a report.
type order struct {
	Do      string        // bare, write, gorm or memory
	Callers int           // that write at the same time
	Await   litefwd.Await // of write and gorm
	For     time.Duration // how long
	Tx      bool          // gorm: with its default transaction
}

// report is what came of an order.
type report struct {
	Writes         int
	Took           time.Duration
	P50, P99, P999 time.Duration
	Max            time.Duration
	Allocs         float64 // per write, in this process
	Errors         int
	FirstError     string
	Memory         uint64 // of the process, resident, in bytes
}

// rate is writes per second.
func (r report) rate() float64 { return float64(r.Writes) / r.Took.Seconds() }

// worker is a process with one application: it obeys orders, a line of JSON each.
type worker struct {
	bare *sql.DB       // the local driver by itself
	node *litefwd.Node // nil for an application without litefwd
}

// workerEnv holds the worker's config, and makes this program one.
const workerEnv = "LITEFWD_BENCH_WORKER"

// workerConfig says how a worker opens the database.
type workerConfig struct {
	Driver, DSN string // of the bare driver
	Node        *nodeConfig
	Schema      string // made by the node when it is open; "" if it is there
}

// nodeConfig is the part of a litefwd.Config that is used.
type nodeConfig struct {
	Path, Engine, LiteFSURL, Driver, DriverDSN, Listen, Name string
	Peers                                                    map[string]string
}

const benchSecret = "a secret of the benchmark's alone"

func (c *nodeConfig) open() (*litefwd.Node, error) {
	cfg := litefwd.Config{
		Path: c.Path, Engine: c.Engine, LiteFSURL: c.LiteFSURL, Driver: c.Driver, DriverDSN: c.DriverDSN,
		Listen: c.Listen, Name: c.Name, Peers: c.Peers,
	}
	if c.Engine == "litefs" {
		cfg.Secret = benchSecret
	}
	return litefwd.Open(context.Background(), cfg)
}

func runWorker(text string) error {
	var cfg workerConfig
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return err
	}
	var w worker
	var err error
	if w.bare, err = sql.Open(cfg.Driver, cfg.DSN); err != nil {
		return err
	}
	defer w.bare.Close()
	w.bare.SetMaxOpenConns(1)
	if cfg.Node != nil {
		if w.node, err = cfg.Node.open(); err != nil {
			return err
		}
		defer w.node.Close()
		w.node.DB().SetMaxIdleConns(1024)
		if cfg.Schema != "" {
			if _, err := w.node.DB().Exec(cfg.Schema); err != nil {
				return err
			}
		}
	}
	fmt.Println(`{}`) // it is ready
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var o order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			return err
		}
		r, err := w.obey(o)
		if err != nil {
			r.FirstError = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	}
	return in.Err()
}

const insert = "INSERT INTO t(name, n) VALUES (?, ?)"

func (w *worker) obey(o order) (report, error) {
	ctx := context.Background()
	if o.Await != "" {
		ctx = litefwd.WithAwait(ctx, o.Await)
	}
	var write func(i int) error
	switch o.Do {
	case "bare":
		stmt, err := w.bare.Prepare(insert)
		if err != nil {
			return report{}, err
		}
		defer stmt.Close()
		write = func(i int) error { _, err := stmt.Exec("somebody", i); return err }
	case "write":
		stmt, err := w.node.DB().Prepare(insert)
		if err != nil {
			return report{}, err
		}
		defer stmt.Close()
		write = func(i int) error { _, err := stmt.ExecContext(ctx, "somebody", i); return err }
	case "gorm":
		db, err := openGORM(w.node, o.Tx)
		if err != nil {
			return report{}, err
		}
		write = func(i int) error {
			return db.WithContext(ctx).Create(&T{Name: "somebody", N: i}).Error
		}
	case "memory":
		return report{Memory: resident()}, nil
	default:
		return report{}, fmt.Errorf("unknown order %q", o.Do)
	}
	return measure(o, write), nil
}

// measure runs write by all callers until the time is over.
func measure(o order, write func(i int) error) report {
	var mu sync.Mutex // guards what follows
	var all []time.Duration
	var r report
	var callers sync.WaitGroup
	for range min(o.Callers, 16) { // connections, statements
		if err := write(0); err != nil {
			r.Errors, r.FirstError = r.Errors+1, err.Error()
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	end := began.Add(o.For)
	for range o.Callers {
		callers.Go(func() {
			var mine []time.Duration
			var failed error
			failures := 0
			for i := 0; ; i++ {
				t := time.Now()
				if t.After(end) {
					break
				}
				if err := write(i); err != nil {
					failures++
					failed = errors.Join(failed, err)
					if failures > 100 {
						break
					}
					continue
				}
				mine = append(mine, time.Since(t))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			r.Errors += failures
			if failed != nil && r.FirstError == "" {
				r.FirstError = failed.Error()
			}
		})
	}
	callers.Wait()
	r.Took = time.Since(began)
	runtime.ReadMemStats(&after)
	r.Writes = len(all)
	r.P50, r.P99, r.P999, r.Max = quantiles(all)
	if r.Writes > 0 {
		r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(r.Writes)
	}
	return r
}
