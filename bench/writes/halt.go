package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// haltByte is the byte of "<database>-lock" whose lock makes LiteFS forward a
// replica's writes (LiteFS, litefs.go).
const haltByte = 72

// halt measures LiteFS's own write forwarding, for comparison, on a cluster of its
// own: a HALT lock that expires can stop a LiteFS for good.
func halt(ctx context.Context, o rig.Options) (r *result, err error) {
	c, err := rig.StartCluster(ctx, o, schema)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var dbs [2]*sql.DB
	for i := range dbs {
		if dbs[i], err = sql.Open(o.Driver, rig.BareDSN(o.Driver, c.Path(i), "")); err != nil {
			return nil, err
		}
		defer dbs[i].Close()
		dbs[i].SetMaxOpenConns(1)
	}
	lock, err := os.OpenFile(c.Path(1)+"-lock", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	r = &result{Case: "replica, 1 caller, LiteFS's own forwarding (HALT)"}
	for range o.Runs {
		do := order{Callers: 1, For: o.Each}
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
