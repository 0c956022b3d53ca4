package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// flood is what 10,000 writes of 1 KB cost the primary that wait for its lock.
type flood struct {
	Before, During uint64 // resident memory of the primary's process, in bytes
	Written        int64
	FirstError     string
}

const (
	floodNodes = 10
	floodEach  = 1000 // below the bound of statements per connection
)

func floods(ctx context.Context, o rig.Options, c *cluster) (f *flood, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := c.primary.Do(order{Do: "memory"})
	if err != nil {
		return nil, err
	}
	f = &flood{Before: r.Memory}
	db, err := sql.Open(o.Driver, rig.BareDSN(o.Driver, c.litefs.Path(0), ""))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	credentials, err := secure.Secret([]byte(rig.Secret))
	if err != nil {
		return nil, err
	}
	text := strings.Repeat("x", 1000)
	var left sync.WaitGroup
	var failed atomic.Pointer[error]
	for n := range floodNodes {
		p, err := link.Dial(link.Options{Addr: c.litefs.Addr(0), Credentials: credentials, Name: fmt.Sprint("flood", n)})
		if err != nil {
			return nil, err
		}
		defer p.Close()
		for i := range floodEach {
			left.Go(func() {
				st := forward.Statement{ID: forward.NewID(), SQL: insert, Args: sqldriver.Args(text, int64(i))}
				if _, err := p.Database(rig.Database).Exec(ctx, st); err != nil {
					failed.Store(&err)
					return
				}
				atomic.AddInt64(&f.Written, 1)
			})
		}
	}
	for began := time.Now(); time.Since(began) < time.Second; { // all are to be written within BusyTimeout
		time.Sleep(100 * time.Millisecond)
		if r, err = c.primary.Do(order{Do: "memory"}); err != nil {
			return nil, err
		}
		f.During = max(f.During, r.Memory)
	}
	if _, err := db.Exec("ROLLBACK"); err != nil {
		return nil, err
	}
	left.Wait()
	if e := failed.Load(); e != nil {
		f.FirstError = (*e).Error()
	}
	return f, nil
}

func (f *flood) show() {
	extra := int64(f.During) - int64(f.Before)
	fmt.Printf("\n%d writes of 1 KB that wait for the primary's lock take %.1f MB of its memory; goal ≤ 64: %s (%d were written then) %.200s\n",
		floodNodes*floodEach, float64(extra)/1e6, rig.Verdict(extra <= 64e6), f.Written, f.FirstError)
}
