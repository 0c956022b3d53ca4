package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

const scanTime = 2 * time.Millisecond

// calibrate finds how many rows a scan has to read, to take scanTime of the processor
// with the bare driver on a plain file, and what it takes then.
func calibrate(o options) (n int, takes time.Duration, err error) {
	dir, err := os.MkdirTemp("", "litefwd-reads-")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "scan.db")
	if err := rig.Prepare(o.Driver, path, schema...); err != nil {
		return 0, 0, err
	}
	db, err := sql.Open(o.Driver, rig.BareDSN(o.Driver, path, ""))
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	n = rows / 10
	for range 3 {
		if takes, err = scanOnce(db, n); err != nil {
			return 0, 0, err
		}
		n = min(int(float64(n)*float64(scanTime)/float64(takes)), rows)
	}
	takes, err = scanOnce(db, n)
	return n, takes, err
}

// scanOnce returns the processor time of a scan of n rows, the median of several.
func scanOnce(db *sql.DB, n int) (time.Duration, error) {
	runtime.LockOSThread() // the query runs on this thread
	defer runtime.UnlockOSThread()
	var all []time.Duration
	for range 11 {
		var sum int
		began := rig.ThreadTime()
		if err := db.QueryRow(scan, n).Scan(&sum); err != nil {
			return 0, err
		}
		all = append(all, rig.ThreadTime()-began)
	}
	return slices.Sorted(slices.Values(all))[len(all)/2], nil
}
