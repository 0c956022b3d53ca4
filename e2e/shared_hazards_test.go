package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
	"github.com/litefwd/litefwd/litefwdtest"
)

// system is a cluster of three nodes with a table t(v), on LiteFS or on
// litefwdtest's imitation of it. The same hazards run on both, so that the
// imitation stays one.
type system interface {
	node(i int) *litefwd.Node
	// cutOff has what node 0, the primary, commits from now on reach nobody.
	cutOff() error
	// takeOver makes another node primary, of which node 0 hears nothing, and
	// returns which.
	takeOver(ctx context.Context) (int, error)
	// rejoin makes node 0 a replica like any other.
	rejoin(ctx context.Context) error
	// promote moves the role to node i, with nothing lost.
	promote(ctx context.Context, i int) error
	// settle waits until all nodes have what the primary has.
	settle(ctx context.Context) error
}

// aLongTime is for leases that are to last, however busy the machine is.
const aLongTime = 10 * time.Second

// onBoth runs a hazard on every system; await is the nodes' AwaitTimeout, and ttl
// that of LiteFS's lease.
func onBoth(t *testing.T, await, ttl time.Duration, hazard func(w *world)) {
	for _, where := range []string{"LiteFS", "litefwdtest"} {
		t.Run(where, func(t *testing.T) {
			eachSetupAtOnce(t, func(t *testing.T, name, journal string) {
				w := &world{t: t, hooks: &hooks{}, journal: journal}
				configure := func(cfg *litefwd.Config) {
					cfg.PrimaryWait, cfg.ReadBuffer, cfg.AwaitTimeout = patience, 4<<10, await
				}
				if where == "LiteFS" {
					opts := isolatable(3)
					opts.TTL = ttl
					a := startApp(t, name, journal, opts, func(cfg *litefwd.Config) {
						configure(cfg)
						w.hooks.hook(cfg)
					})
					w.ctx, w.system = a.ctx, &onLiteFS{a}
				} else {
					ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
					t.Cleanup(cancel)
					w.ctx, w.system = ctx, imitation(t, name, journal, w.hooks, configure)
					w.exec(0, createT)
				}
				w.must("settle", w.settle(w.ctx))
				hazard(w)
			})
		})
	}
}

type onLiteFS struct{ *app }

func (s *onLiteFS) node(i int) *litefwd.Node                 { return s.nodes[i] }
func (s *onLiteFS) cutOff() error                            { return s.Isolate(0) }
func (s *onLiteFS) promote(ctx context.Context, i int) error { return s.nodes[i].Promote(ctx) }

func (s *onLiteFS) takeOver(ctx context.Context) (int, error) { return s.WaitPrimary(ctx, -1) }

func (s *onLiteFS) rejoin(ctx context.Context) error {
	if err := s.Rejoin(0); err != nil {
		return err
	}
	_, err := s.WaitPrimary(ctx, -1)
	return err
}

func (s *onLiteFS) settle(ctx context.Context) error {
	primary, err := s.WaitPrimary(ctx, -1)
	if err != nil {
		return err
	}
	return s.WaitReplicated(ctx, primary, "app.db")
}

type imitated struct{ *litefwdtest.Cluster }

func imitation(t *testing.T, name, journal string, h *hooks, configure func(*litefwd.Config)) *imitated {
	cfg := litefwd.Config{Driver: name}
	h.hook(&cfg)
	opts := []litefwdtest.Option{
		litefwdtest.WithConnector(cfg.Connector),
		litefwdtest.WithStaleCaches(),
		litefwdtest.WithConfig(func(_ int, cfg *litefwd.Config) { configure(cfg) }),
	}
	if journal == "WAL" {
		opts = append(opts, litefwdtest.WithWAL())
	}
	return &imitated{litefwdtest.New(t, 3, opts...)}
}

func (s *imitated) node(i int) *litefwd.Node                 { return s.Node(i) }
func (s *imitated) promote(ctx context.Context, i int) error { return s.Promote(ctx, i) }
func (s *imitated) settle(ctx context.Context) error         { return s.Settle(ctx) }

func (s *imitated) cutOff() error {
	s.Pause(1)
	s.Pause(2)
	return nil
}

func (s *imitated) takeOver(ctx context.Context) (int, error) {
	if err := s.Usurp(ctx, 1); err != nil {
		return -1, err
	}
	s.Pause(0)
	s.Resume(1)
	s.Resume(2)
	return 1, nil
}

func (s *imitated) rejoin(context.Context) error {
	s.Notice(0)
	s.Resume(0)
	return nil
}

// world is what a shared hazard has.
type world struct {
	system
	t       *testing.T
	ctx     context.Context
	hooks   *hooks
	journal string
}

func (w *world) must(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

func (w *world) exec(i int, query string, args ...any) {
	w.t.Helper()
	_, err := w.node(i).DB().ExecContext(w.ctx, query, args...)
	w.must(fmt.Sprintf("node %d: %s", i, query), err)
}

func (w *world) want(db *sql.DB, what string, want ...int) {
	w.t.Helper()
	got, err := readValues(w.ctx, db)
	if err != nil || !slices.Equal(got, want) {
		w.t.Errorf("%s has %v (%v), want %v", what, got, err, want)
	}
}

// wantAll waits until the copies are alike, and checks what all nodes show.
func (w *world) wantAll(want ...int) {
	w.t.Helper()
	w.must("settle", w.settle(w.ctx))
	for i := range 3 {
		w.want(w.node(i).DB(), fmt.Sprintf("node %d", i), want...)
		w.want(w.node(i).Local(), fmt.Sprintf("node %d's copy", i), want...)
	}
}

func TestSharedWriteAnywhere(t *testing.T) {
	onBoth(t, patience, aLongTime, func(w *world) {
		var want []int
		for v := range 9 {
			w.exec(v%3, "INSERT INTO t VALUES (?)", v)
			want = append(want, v)
			w.want(w.node(v%3).Local(), "the writer's copy", want...)
		}
		w.wantAll(want...)
		for i := range 3 {
			if s := w.node(i).Stats(); s.Behind != 0 || s.Misroutes != 0 || s.UnknownOutcomes != 0 {
				w.t.Errorf("node %d: %+v", i, s)
			}
		}
	})
}

// A loop over rows that writes, each write awaited by the copy that is read.
func TestSharedWritesInRowsLoop(t *testing.T) {
	onBoth(t, patience, aLongTime, func(w *world) {
		for v := range 5 {
			w.exec(0, "INSERT INTO t VALUES (?)", v)
		}
		w.must("settle", w.settle(w.ctx))
		db := w.node(1).DB()
		rows, err := db.QueryContext(w.ctx, "SELECT v FROM t ORDER BY v")
		w.must("query", err)
		defer rows.Close()
		n := 0
		for ; rows.Next(); n++ {
			var v int
			w.must("scan", rows.Scan(&v))
			w.exec(1, "INSERT INTO t VALUES (?)", 10+v)
			if got := w.count(w.node(1).Local()); got != 5+n+1 {
				w.t.Errorf("the copy has %d rows after %d writes", got, n+1)
			}
		}
		w.must("rows", rows.Err())
		if s := w.node(1).Stats(); n != 5 || s.Behind != 0 || s.LongReads != 0 {
			w.t.Errorf("%d rows, %+v", n, s)
		}
		w.wantAll(0, 1, 2, 3, 4, 10, 11, 12, 13, 14)
	})
}

func (w *world) count(db *sql.DB) (n int) {
	w.t.Helper()
	w.must("count", db.QueryRowContext(w.ctx, readHazard).Scan(&n))
	return n
}

// Rows that are too many to be kept hold replication up until they are closed.
func TestSharedUnclosedRows(t *testing.T) {
	onBoth(t, 200*time.Millisecond, aLongTime, func(w *world) {
		w.exec(0, "CREATE TABLE big AS WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v+1 FROM n WHERE v<3000) SELECT v FROM n")
		w.must("settle", w.settle(w.ctx))
		rows, err := w.node(1).DB().QueryContext(w.ctx, "SELECT v FROM big")
		w.must("query", err)
		defer rows.Close()
		w.exec(1, "INSERT INTO t VALUES (1)")
		w.want(w.node(1).DB(), "the node that is behind", 1)
		w.want(w.node(1).Local(), "the copy that is held")
		if s := w.node(1).Stats(); s.Behind != 1 || s.LongReads != 1 {
			w.t.Errorf("%+v", s)
		}
		w.must("close", rows.Close())
		w.wantAll(1)
		w.exec(1, "INSERT INTO t VALUES (2)")
		w.want(w.node(1).Local(), "the copy after that", 1, 2)
	})
}

// The primary loses what only it had. No connection of its node shows that again.
func TestSharedFailoverWithLoss(t *testing.T) {
	onBoth(t, patience, time.Second, func(w *world) {
		w.exec(0, "INSERT INTO t VALUES (0)")
		w.wantAll(0)
		w.must("cutOff", w.cutOff())
		w.exec(0, "INSERT INTO t VALUES (1)")
		for _, db := range []*sql.DB{w.node(0).DB(), w.node(0).Local()} {
			w.want(db, "the primary", 0, 1)
		}
		primary, err := w.takeOver(w.ctx)
		w.must("takeOver", err)
		w.exec(primary, "INSERT INTO t VALUES (2)")
		w.must("rejoin", w.rejoin(w.ctx))
		w.wantAll(0, 2)
		for i := range 3 {
			w.exec(i, "INSERT INTO t VALUES (?)", 10+i)
		}
		w.wantAll(0, 2, 10, 11, 12)
	})
}

func TestSharedPromoteUnderWrites(t *testing.T) {
	onBoth(t, 200*time.Millisecond, aLongTime, func(w *world) {
		if _, ok := w.system.(*imitated); ok && w.journal == "WAL" {
			// It cannot convert a former primary's file from WAL mode before all
			// connections are closed that were opened then, and they write on.
			return
		}
		var mu sync.Mutex
		var acked []int
		var writers sync.WaitGroup
		done := make(chan struct{})
		for i := range 3 {
			writers.Go(func() {
				for v := 1000 * i; ; v++ {
					select {
					case <-done:
						return
					default:
					}
					if _, err := w.node(i).DB().ExecContext(w.ctx, "INSERT INTO t VALUES (?)", v); err != nil {
						w.t.Errorf("write %d: %v", v, err)
						return
					}
					mu.Lock()
					acked = append(acked, v)
					mu.Unlock()
				}
			})
		}
		for _, i := range []int{2, 1} {
			// The node may not have heard yet that the role has moved.
			err := litefstest.Wait(w.ctx, "Promote", func(ctx context.Context) error {
				err := w.promote(ctx, i)
				if err != nil && !litefwd.SafeToRetry(err) {
					w.t.Errorf("promote %d: %v", i, err)
					return nil
				}
				return err
			})
			if err != nil {
				w.t.Error(err)
			}
		}
		close(done)
		writers.Wait()
		slices.Sort(acked)
		w.wantAll(acked...)
	})
}

// A write waits for its own node's copy, and the id that it waits for comes to
// mean something else.
func TestSharedIDUsedAgain(t *testing.T) {
	onBoth(t, patience, time.Second, func(w *world) {
		w.hooks.set(func() { w.must("cutOff", w.cutOff()) }, nil)
		lost := make(chan error, 1)
		go func() {
			ctx := litefwd.WithAwait(w.ctx, litefwd.AwaitLocal)
			_, err := w.node(1).DB().ExecContext(ctx, "INSERT INTO t VALUES (1)")
			lost <- err
		}()
		w.must("the write", litefstest.Wait(w.ctx, "the write to be committed", func(context.Context) error {
			if got, err := readValues(w.ctx, w.node(0).Local()); err != nil || len(got) != 1 {
				return fmt.Errorf("%v %v", got, err)
			}
			return nil
		}))
		primary, err := w.takeOver(w.ctx)
		w.must("takeOver", err)
		w.exec(primary, "INSERT INTO t VALUES (2)")
		select {
		case err := <-lost:
			wantKind(w.t, "the lost write", err, litefwd.ErrHistoryChanged)
		case <-time.After(patience):
			w.t.Fatal("the writer waits for ever")
		}
		w.must("rejoin", w.rejoin(w.ctx))
		w.wantAll(2)
	})
}
