package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// haltByte is the byte of "<database>-lock" whose lock makes LiteFS forward a
// replica's writes (LiteFS, litefs.go).
const haltByte = 72

// halt measures LiteFS's own write forwarding, for comparison, on a cluster of its
// own: a HALT lock that expires can stop a LiteFS for good.
func halt(ctx context.Context, o options) (r *result, err error) {
	c, err := litefstest.Start(ctx, litefstest.Options{Nodes: 2, Lease: litefstest.Static})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var dbs [2]*sql.DB
	for i := range dbs {
		path := filepath.Join(c.Mount(i), "app.db")
		if i == 0 {
			if err := prepare(o.driver, path, "PRAGMA journal_mode="+o.journal, schema); err != nil {
				return nil, err
			}
			if err := c.WaitReplicated(ctx, 0, "app.db"); err != nil {
				return nil, err
			}
		}
		if dbs[i], err = sql.Open(o.driver, bareDSN(o.driver, path, "")); err != nil {
			return nil, err
		}
		defer dbs[i].Close()
		dbs[i].SetMaxOpenConns(1)
	}
	lock, err := os.OpenFile(filepath.Join(c.Mount(1), "app.db-lock"), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	r = &result{Case: "replica, 1 caller, LiteFS's own forwarding (HALT)"}
	for range o.runs {
		do := order{Callers: 1, For: o.each}
		r.Raw = append(r.Raw, measure(do, func(i int) error { _, err := dbs[0].Exec(insert, "somebody", i); return err }))
		r.Reports = append(r.Reports, measure(do, func(i int) error {
			if err := setHalt(lock, unix.F_WRLCK); err != nil {
				return err
			}
			_, err := dbs[1].Exec(insert, "somebody", i)
			return errors.Join(err, setHalt(lock, unix.F_UNLCK))
		}))
		r.Lag = append(r.Lag, time.Duration(0))
	}
	return r, nil
}

func setHalt(f *os.File, kind int16) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLKW, &unix.Flock_t{Type: kind, Start: haltByte, Len: 1})
}
