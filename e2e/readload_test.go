package e2e

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// sightings is when the counter in the table c was first seen to have each value,
// and when it was written.
type sightings struct {
	mu            sync.Mutex // guards the following
	written, seen []time.Time
}

const createC = "CREATE TABLE c(n INTEGER)"

// wrote is called when the next value is committed.
func (s *sightings) wrote() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = append(s.written, time.Now())
}

// look is a read of the counter.
func (s *sightings) look(ctx context.Context, db *sql.DB) error {
	var n int
	if err := db.QueryRowContext(ctx, "SELECT n FROM c").Scan(&n); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.seen) < n {
		s.seen = append(s.seen, time.Now())
	}
	return nil
}

// lags returns how long after its commit each value was seen; those that are not
// seen yet have the time until now.
func (s *sightings) lags() (lags []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, at := range s.written {
		seen := time.Now()
		if i < len(s.seen) {
			seen = s.seen[i]
		}
		lags = append(lags, max(seen.Sub(at), 0)) // it may be seen before the writer is told
	}
	return lags
}

// Readers on a replica that never pause keep it neither from what litefwd commits
// on the primary, nor from what others commit there while litefwd does not run, of
// which nobody tells it.
func TestReadersDoNotStopReplication(t *testing.T) {
	someSetups(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) { cfg.Strict = true })
		for _, text := range []string{createC, "INSERT INTO c VALUES (0)"} {
			a.mustExec(0, text)
		}
		a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))
		long := 1500 * time.Millisecond
		if isLong() {
			long = 20 * time.Second
		}
		const bump = "UPDATE c SET n = n + 1"

		bare := a.open(driver, 0)
		var told, blind sightings
		run := func(s *sightings, commit func() error, beside func(ctx context.Context) error) {
			ctx, cancel := context.WithTimeout(a.ctx, long)
			defer cancel()
			readCtx, stop := context.WithCancel(a.ctx)
			var running sync.WaitGroup
			failed := spin(readCtx, &running, a.db(1), 16, func(ctx context.Context) error { return s.look(ctx, a.db(1)) })
			defer running.Wait()
			defer stop()
			running.Go(func() {
				for ctx.Err() == nil && beside != nil {
					if err := beside(ctx); err != nil && ctx.Err() == nil {
						t.Errorf("a forwarded write: %v", err)
						return
					}
				}
			})
			every := time.NewTicker(time.Second / 50)
			defer every.Stop()
			for ctx.Err() == nil {
				select {
				case <-every.C:
					a.must("commit", commit())
					s.wrote()
				case err := <-failed:
					t.Fatalf("a reader: %v", err)
				case <-ctx.Done():
				}
			}
			a.eventually("the last commit is seen", func() error {
				s.mu.Lock()
				defer s.mu.Unlock()
				if len(s.seen) < len(s.written) {
					return fmt.Errorf("%d of %d", len(s.seen), len(s.written))
				}
				return nil
			})
		}
		forwarded := 0
		slow := time.NewTicker(time.Second / 10)
		defer slow.Stop()
		run(&told, func() error { _, err := a.db(0).ExecContext(a.ctx, bump); return err }, func(ctx context.Context) error {
			select {
			case <-slow.C:
			case <-ctx.Done():
				return nil
			}
			forwarded++
			_, err := a.db(1).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
			return err
		})
		if s := a.nodes[1].Stats(); s.Behind != 0 || s.ForwardedReads != 0 {
			t.Errorf("%+v", s)
		}
		a.must("close", a.nodes[0].Close())
		a.nodes[0] = nil
		blind.seen = make([]time.Time, len(told.written)) // they are told's
		blind.written = make([]time.Time, len(told.written))
		run(&blind, func() error { return execOne(a.ctx, bare, bump) }, nil)

		known, others := told.lags(), blind.lags()[len(told.written):]
		slices.Sort(known)
		slices.Sort(others)
		if worst := known[len(known)-1]; worst > time.Second || percentile(99, known) > 500*time.Millisecond {
			t.Errorf("the replica lagged %v behind at the most, p99 %v", worst, percentile(99, known))
		}
		if worst := others[len(others)-1]; worst > 5*time.Second {
			t.Errorf("the replica that nobody tells lagged %v behind", worst)
		}
		t.Logf("FIGURE %s, %s, 16 readers on a replica: lag of %d commits p50 %v, p99 %v, max %v, beside %d forwarded writes; of %d that nobody tells of p50 %v, p99 %v, max %v",
			journal, driver, len(known), percentile(50, known), percentile(99, known), percentile(100, known), forwarded,
			len(others), percentile(50, others), percentile(99, others), percentile(100, others))
	})
}

// Readers on the primary that never pause do not keep the WAL from starting anew.
func TestWALIsBounded(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		if driver != "sqlite" && !isLong() {
			t.Skip("only in long runs")
		}
		a := startApp(t, driver, "WAL", static(1), nil)
		const blob, limit = 300_000, 8 << 20
		total := int64(21 << 20)
		if isLong() {
			total *= 10
		}
		a.mustExec(0, "CREATE TABLE big(id INTEGER PRIMARY KEY, v BLOB)")
		ctx, stop := context.WithCancel(a.ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		failed := spin(ctx, &running, a.db(0), 8, func(ctx context.Context) error {
			var n, bytes int64
			// It takes some milliseconds, so that there is always one that has begun before
			// a commit: SQLite by itself would not come to start the WAL anew.
			err := a.db(0).QueryRowContext(ctx, `WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<5000)
				SELECT count(*), ifnull(sum(length(v)), 0) FROM big, (SELECT max(i) FROM k)`).Scan(&n, &bytes)
			if err == nil && bytes != n*blob {
				err = fmt.Errorf("%d rows have %d bytes", n, bytes)
			}
			return err
		})
		v := make([]byte, blob)
		var largest, written int64
		begun := time.Now()
		for k := 0; written < total; k++ {
			rand.Read(v) // so that LiteFS does not compress it
			a.mustExec(0, "INSERT INTO big VALUES (?, ?) ON CONFLICT DO UPDATE SET v = excluded.v", k%8, v)
			written += blob
			info, err := os.Stat(filepath.Join(a.Mount(0), "app.db-wal"))
			a.must("the WAL", err)
			if largest = max(largest, info.Size()); largest > limit {
				t.Fatalf("the WAL has %d bytes when %d were written", largest, written)
			}
			select {
			case err := <-failed:
				t.Fatalf("a reader: %v", err)
			default:
			}
		}
		t.Logf("FIGURE %s, 8 readers on the primary: at most %.1f MB of WAL in %.0f commits of %.0f MB within %v",
			driver, float64(largest)/1e6, float64(written)/blob, float64(written)/1e6, since(begun))
	})
}
