package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/bench/internal/rig"
)

// order is what the parent tells a worker to do; its answer is a report.
type order struct {
	Do      string        // bare, write, gorm or memory
	Callers int           // that write at the same time
	Await   litefwd.Await // of write and gorm
	For     time.Duration // how long
	Tx      bool          // gorm: with its default transaction
	Times   bool          // report each write's
	// Begin is when to begin, for processes that write at the same time; zero is when
	// each caller has had its first write.
	Begin time.Time
}

// report is what came of an order.
type report struct {
	Writes         int
	Took           time.Duration
	P50, P99, P999 time.Duration
	Max            time.Duration
	Times          []time.Duration `json:",omitempty"`
	Allocs         float64         // per write, in this process
	Errors         int
	FirstError     string
	Memory         uint64 // of the process, resident, in bytes
}

// rate is writes per second.
func (r report) rate() float64 { return float64(r.Writes) / r.Took.Seconds() }

const insert = "INSERT INTO t(name, n) VALUES (?, ?)"

// obey is what a worker does.
func obey(w *rig.Worker, o order) (report, error) {
	if w.Node != nil {
		w.Node.DB().SetMaxIdleConns(1024)
	}
	ctx := context.Background()
	if o.Await != "" {
		ctx = litefwd.WithAwait(ctx, o.Await)
	}
	var write func(i int) error
	switch o.Do {
	case "bare":
		stmt, err := w.Bare.Prepare(insert)
		if err != nil {
			return report{}, err
		}
		defer stmt.Close()
		write = func(i int) error { _, err := stmt.Exec("somebody", i); return err }
	case "write":
		stmt, err := w.Node.DB().Prepare(insert)
		if err != nil {
			return report{}, err
		}
		defer stmt.Close()
		write = func(i int) error { _, err := stmt.ExecContext(ctx, "somebody", i); return err }
	case "gorm":
		db, err := openGORM(w.Node, o.Tx)
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

// measure runs write by all callers until the time is over. A write that has not
// ended by then does not count, but how long it took does.
func measure(o order, write func(i int) error) report {
	var mu sync.Mutex // guards what follows
	var all []time.Duration
	var r report
	var callers sync.WaitGroup
	if o.Begin.IsZero() {
		for range min(o.Callers, 16) { // connections, statements
			if err := write(0); err != nil {
				r.Errors, r.FirstError = r.Errors+1, err.Error()
			}
		}
		o.Begin = time.Now()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	time.Sleep(time.Until(o.Begin))
	end := o.Begin.Add(o.For)
	for range o.Callers {
		callers.Go(func() {
			var mine []time.Duration
			var failed error
			writes, failures := 0, 0
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
				took := time.Since(t)
				mine = append(mine, took)
				if !t.Add(took).After(end) {
					writes++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			r.Writes += writes
			r.Errors += failures
			if failed != nil && r.FirstError == "" {
				r.FirstError = failed.Error()
			}
		})
	}
	callers.Wait()
	r.Took = o.For
	runtime.ReadMemStats(&after)
	r.P50, r.P99, r.P999, r.Max = rig.Quantiles(all)
	if o.Times {
		r.Times = all
	}
	if r.Writes > 0 {
		r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(r.Writes)
	}
	return r
}
