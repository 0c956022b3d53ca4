//go:build linux || darwin || freebsd

package shared

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// Each row is an accident that the primary, which looks at the lock only
// every hour, must learn of from the fence alone.
func TestFenceRefuses(t *testing.T) {
	t.Parallel()
	for name, accident := range map[string]func(t *testing.T, dir string){
		"epoch moved on": func(t *testing.T, dir string) {
			l, err := openLockFile(statePath(dir, "lock"))
			if err != nil {
				t.Fatal(err)
			}
			defer l.close()
			if err := l.writeHeader(header{epoch: 2}); err != nil {
				t.Fatal(err)
			}
		},
		"lock file truncated": func(t *testing.T, dir string) { mustDo(t, os.Truncate(statePath(dir, "lock"), 0)) },
		"lock file deleted":   func(t *testing.T, dir string) { mustDo(t, os.Remove(statePath(dir, "lock"))) },
		"lock file replaced": func(t *testing.T, dir string) {
			b, err := os.ReadFile(statePath(dir, "lock"))
			mustDo(t, err)
			writeFile(t, statePath(dir, "copy"), string(b))
			mustDo(t, os.Rename(statePath(dir, "copy"), statePath(dir, "lock")))
		},
		"state directory deleted": func(t *testing.T, dir string) { mustDo(t, os.RemoveAll(statePath(dir))) },
		"state directory moved":   func(t *testing.T, dir string) { mustDo(t, os.Rename(statePath(dir), statePath(dir)+"-old")) },
		"directory moved":         func(t *testing.T, dir string) { mustDo(t, os.Rename(dir, dir+"-old")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			mustDo(t, os.Mkdir(dir, 0o700))
			e := start(t, dir, "a", lazy)
			db := mustDatabase(t, e)
			if err := db.Fence(1); err != nil {
				t.Fatalf("Fence before the accident = %v", err)
			}
			tenure := e.tenure.Load()
			accident(t, dir)
			if err := tenure.check(); err == nil {
				t.Error("the fence passes after the accident")
			}
		})
	}
}

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A refused fence makes the engine look at once, not at the next heartbeat.
func TestRefusedFenceStepsDown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := start(t, dir, "a", lazy)
	b := start(t, dir, "b", quick)
	loseLock(t, a)
	waitFor(t, b, "the role", isPrimary)
	if s, _ := a.Watch(); s.Role != engine.Primary {
		t.Fatalf("state of the one that does not know yet = %+v", s)
	}
	wantRefused(t, a)
	waitFor(t, a, "the new primary", follows("b"))
	wantPasses(t, b)
	wantRefused(t, a)
}

func openDB(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "app.db")+
		"?_pragma=journal_mode(wal)&_pragma=synchronous(off)&_pragma=busy_timeout(20000)&_txlock=immediate")
	mustDo(t, err)
	t.Cleanup(func() { mustDo(t, db.Close()) })
	return db
}

// The package comment's argument, step by step: the transaction that had
// passed before the takeover commits and is seen by the new primary's first;
// later ones are refused.
func TestFenceSerialisesPrimaries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := t.Context()
	oldDB, newDB := openDB(t, dir), openDB(t, dir)
	exec := func(on interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
	}, query string) {
		t.Helper()
		if _, err := on.ExecContext(ctx, query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(oldDB, "CREATE TABLE t (v TEXT)")
	a := start(t, dir, "a", lazy)
	b := start(t, dir, "b", quick)

	inFlight, err := oldDB.BeginTx(ctx, nil)
	mustDo(t, err)
	wantPasses(t, a)
	exec(inFlight, "INSERT INTO t VALUES ('old, in flight')")

	loseLock(t, a)
	waitFor(t, b, "the role", isPrimary)

	first := make(chan error, 1)
	go func() {
		first <- func() error {
			tx, err := newDB.BeginTx(ctx, nil) // waits for the old one's transaction
			if err != nil {
				return err
			}
			defer tx.Rollback()
			var n int
			if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil {
				return err
			}
			if n != 1 {
				return fmt.Errorf("the new primary's first transaction sees %d rows, want the old one's 1", n)
			}
			if err := fence(t, b); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES ('new')"); err != nil {
				return err
			}
			return tx.Commit()
		}()
	}()
	mustDo(t, inFlight.Commit())
	if pos, err := mustDatabase(t, a).Committed(ctx); err != nil || !pos.IsZero() {
		t.Errorf("Committed = %v, %v", pos, err)
	}
	mustDo(t, <-first)

	late, err := oldDB.BeginTx(ctx, nil)
	mustDo(t, err)
	wantRefused(t, a)
	mustDo(t, late.Rollback())

	var rows string
	mustDo(t, newDB.QueryRowContext(ctx, "SELECT group_concat(v, '; ') FROM t").Scan(&rows))
	if want := "old, in flight; new"; rows != want {
		t.Errorf("rows = %q, want %q", rows, want)
	}
}

// Three nodes write as fast as they can while the lock keeps falling.
//
// Properties: the rows' terms never decrease in the order of commit; no two
// nodes write in one term; every acknowledged row is there, and no other.
func TestFenceHistory(t *testing.T) {
	t.Parallel()
	const accidents = 30
	dir := t.TempDir()
	ctx := t.Context()
	admin := openDB(t, dir)
	_, err := admin.ExecContext(ctx, "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, term INTEGER, node TEXT)")
	mustDo(t, err)

	nodes := []*Engine{start(t, dir, "a", lazy), start(t, dir, "b", lazy), start(t, dir, "c", lazy)}
	var acknowledged, refused atomic.Int64
	acks := make(chan struct{}) // unbuffered: only rows from now on count
	stop := make(chan struct{})
	stopOnce := sync.OnceFunc(func() { close(stop) })
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stopOnce()
	for _, e := range nodes {
		db := openDB(t, dir)
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch ok, err := writeOnce(ctx, e, db); {
					case err != nil:
						t.Error(err)
						return
					case ok:
						acknowledged.Add(1)
						select {
						case acks <- struct{}{}:
						default:
						}
					default:
						refused.Add(1)
						// Nothing to do until the role changes; that is no
						// part of what is tested.
						_, changed := e.Watch()
						if e.tenure.Load() == nil {
							select {
							case <-changed:
							case <-stop:
								return
							}
						}
					}
				}
			})
		}
	}
	var term uint64
	for range accidents {
		s := waitFor(t, nodes[0], "the next primary", func(s engine.State) bool {
			return s.Term > term && s.Primary.Name != ""
		})
		term = s.Term
		for range 5 {
			select {
			case <-acks:
			case <-time.After(patience):
				t.Fatalf("no write is acknowledged in term %d", term)
			}
		}
		for _, e := range nodes {
			if tenure := e.tenure.Load(); tenure != nil {
				_ = unlock(tenure.lock.file) // it may just have found out and closed it
			}
		}
	}
	stopOnce()
	wg.Wait()

	var rows, decreasing, mixed int64
	mustDo(t, admin.QueryRowContext(ctx, `
		SELECT count(*),
		       (SELECT count(*) FROM (SELECT term < lag(term) OVER (ORDER BY id) AS d FROM t) WHERE d),
		       (SELECT count(*) FROM (SELECT term FROM t GROUP BY term HAVING count(DISTINCT node) > 1))
		FROM t`).Scan(&rows, &decreasing, &mixed))
	t.Logf("%d terms, %d rows, %d refused", term, rows, refused.Load())
	if rows != acknowledged.Load() {
		t.Errorf("%d rows, %d acknowledged", rows, acknowledged.Load())
	}
	if decreasing != 0 || mixed != 0 {
		t.Errorf("%d rows of an older term after a newer one; %d terms with two writers", decreasing, mixed)
	}
}

// writeOnce does what a writer does; false means that the fence refused.
func writeOnce(ctx context.Context, e *Engine, db *sql.DB) (bool, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()
	tenure := e.tenure.Load()
	if tenure == nil {
		return false, nil
	}
	if tenure.check() != nil {
		e.Suspect()
		return false, nil
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO t (term, node) VALUES (?, ?)", int64(tenure.epoch), e.node.self.Name); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

func BenchmarkFence(b *testing.B) {
	db := mustDatabase(b, start(b, b.TempDir(), "a", Options{}))
	b.ReportAllocs()
	for b.Loop() {
		if err := db.Fence(1); err != nil {
			b.Fatal(err)
		}
	}
}

// What a waiting candidate costs every 25 ms.
func BenchmarkReplicaTurn(b *testing.B) {
	dir := b.TempDir()
	start(b, dir, "a", Options{})
	e := start(b, dir, "b", Options{Retry: 1 << 60})
	lock, err := openLockFile(statePath(dir, "lock"))
	mustDo(b, err)
	defer lock.close()
	b.ReportAllocs()
	for b.Loop() {
		if err := lock.current(); err != nil {
			b.Fatal(err)
		}
		if ok, err := tryLock(lock.file); ok || err != nil {
			b.Fatal(ok, err)
		}
		if _, err := lock.readHeader(); err != nil {
			b.Fatal(err)
		}
	}
	_ = e
}

// A writer of an earlier term is refused although this node is primary again:
// its connections may know an older history.
func TestFenceIsOfOneTerm(t *testing.T) {
	t.Parallel()
	e := start(t, t.TempDir(), "a", lazy)
	db := mustDatabase(t, e)
	if err := db.Fence(2); !errors.Is(err, fault.NotPrimary) || !fault.SafeToRetry(err) {
		t.Errorf("Fence of another term = %v, want a refusal of kind NotPrimary", err)
	}
}
