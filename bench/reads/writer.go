package main

import (
	"database/sql"
	"math/rand/v2"
	"time"

	"github.com/litefwd/litefwd/bench/internal/rig"
)

// writer makes writes at a given rate, one at a time.
type writer struct {
	commits []commit
	failures
}

// run writes from began on.
func (w *writer) run(path string, db *sql.DB, o order, began time.Time) {
	pos, err := rig.OpenPosition(path)
	if err != nil {
		w.failed(err)
		return
	}
	defer pos.Close()
	stmt, err := db.Prepare(update)
	if err != nil {
		w.failed(err)
		return
	}
	defer stmt.Close()
	period := time.Second / time.Duration(o.Writes)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for next := time.Duration(0); next < o.For && !w.tooMany(); {
		// Not on the beat: what else has a period on this machine would always
		// meet the commits in the same phase.
		timer.Reset(time.Until(began.Add(next + rand.N(period/2))))
		<-timer.C
		t := time.Now()
		if _, err := stmt.Exec(rand.IntN(o.Hot) + 1); err != nil {
			w.failed(err)
		} else {
			c := commit{Took: time.Since(t), Returned: rig.Now()}
			if c.TXID, err = pos.TXID(); err != nil {
				w.failed(err)
			}
			w.commits = append(w.commits, c)
		}
		// What was missed meanwhile is not made up for: the rate is a bound.
		for next += period; began.Add(next + period/2).Before(time.Now()); {
			next += period
		}
	}
}
