package litefwdtest

import (
	"context"
	"errors"
	"testing"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

func TestPromote(t *testing.T) {
	for _, mode := range []Option{func(*options) {}, WithWAL()} {
		eachDriver(t, func(t *testing.T, driver Option) {
			b := setup(t, 3, driver, mode)
			w := b.connect(0, app)
			b.write(0, w, "CREATE TABLE t (v)")
			for i := range 6 {
				from, to := i%3, (i+1)%3
				b.write(from, w, "INSERT INTO t VALUES (1)")
				before, _ := b.engines[from].Watch()
				b.promote(to)
				after, _ := b.engines[from].Watch()
				if after.Role != engine.Replica || after.Term == before.Term || after.Primary.Name != b.members[to].self.Name {
					t.Fatalf("old primary's state: %+v", after)
				}
				if _, err := b.tryWrite(from, w, "INSERT INTO t VALUES (2)"); !errors.Is(err, fault.NotPrimary) {
					t.Fatalf("write on the old primary: %v", err)
				}
				b.disconnect(w)
				w = b.connect(to, app)
			}
			b.settle()
			b.identical(app)
			check(t, "rows", query(t, w, "SELECT count(*), sum(v) FROM t"), "6 6")
		})
	}
}

// TestPromoteWaits for a transaction on the old primary, and for readers on
// the new one; if it gives up, the old primary goes on.
func TestPromoteWaits(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver)
		w, r := b.connect(0, app), b.connect(1, app)
		b.write(0, w, "CREATE TABLE t (v)")
		b.settle()

		exec(t, w, "BEGIN IMMEDIATE")
		if err := b.Promote(expire(t), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("with a writer: %v", err)
		}
		exec(t, w, "ROLLBACK")
		exec(t, r, "BEGIN")
		query(t, r, "SELECT * FROM t")
		if err := b.Promote(expire(t), 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("with a reader: %v", err)
		}
		if b.Primary() != 0 {
			t.Fatalf("primary is %d", b.Primary())
		}
		b.write(0, w, "INSERT INTO t VALUES (1)")
		exec(t, r, "ROLLBACK")
		b.promote(1)
		check(t, "rows", query(t, r, "SELECT count(*) FROM t"), "1")
		b.settle()
	})
}

// TestPromoteTakesCommitAlong: a handover between COMMIT and the question
// whether it succeeded loses nothing.
func TestPromoteTakesCommitAlong(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver)
		w := b.connect(0, app)
		b.AtCommit(func() { b.promote(1) })
		pos := b.write(0, w, "CREATE TABLE t (v)")
		if b.Primary() != 1 || b.Position(1, app) != pos {
			t.Fatalf("primary %d at %s, want 1 at %s", b.Primary(), b.Position(1, app), pos)
		}
		b.settle()
	})
}

// TestFailover loses what the new primary lacked: the history goes back, the
// TXID is used again, and connections that were open see the other contents.
func TestFailover(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 3, driver)
		w0, w1, r0, r2 := b.connect(0, app), b.connect(1, app), b.connect(0, app), b.connect(2, app)
		b.write(0, w0, "CREATE TABLE t (v); INSERT INTO t VALUES ('kept')")
		b.settle()
		b.Partition(0, 1)
		lost := b.write(0, w0, "INSERT INTO t VALUES ('lost')")
		b.settle() // node 2 has it
		check(t, "node 2", query(t, r2, "SELECT group_concat(v) FROM t"), "kept,lost")
		check(t, "node 0", query(t, r0, "SELECT group_concat(v) FROM t"), "kept,lost")
		b.failover(1)
		if b.Position(1, app).TXID != lost.TXID-1 {
			t.Fatalf("new primary at %s", b.Position(1, app))
		}
		b.Heal()
		b.settle()
		check(t, "node 2", query(t, r2, "SELECT group_concat(v) FROM t"), "kept")
		check(t, "node 0", query(t, r0, "SELECT group_concat(v) FROM t"), "kept")

		again := b.write(1, w1, "INSERT INTO t VALUES ('other')")
		if again.TXID != lost.TXID || again.Checksum == lost.Checksum {
			t.Fatalf("after %s came %s", lost, again)
		}
		b.settle()
		b.identical(app)
		check(t, "node 0", query(t, r0, "SELECT group_concat(v) FROM t"), "kept,other")
	})
}

// TestDivergenceAtEqualTXID: equal ids with different checksums are different
// histories.
func TestDivergenceAtEqualTXID(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver)
		w0, w1 := b.connect(0, app), b.connect(1, app)
		b.write(0, w0, "CREATE TABLE t (v)")
		b.settle()
		b.Partition(0, 1)
		lost := b.write(0, w0, "INSERT INTO t VALUES ('lost')")
		b.failover(1)
		if pos := b.write(1, w1, "INSERT INTO t VALUES ('won')"); pos.TXID != lost.TXID {
			t.Fatalf("got %s, want another %s", pos, lost)
		}
		b.Heal()
		b.settle()
		b.identical(app)
		check(t, "ex-primary", query(t, w0, "SELECT v FROM t"), "won")
	})
}

// TestStaleCaches: with WithStaleCaches an old connection answers with what
// the failover discarded; a new one does not.
func TestStaleCaches(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver, WithStaleCaches())
		w := b.connect(0, app)
		b.write(0, w, "CREATE TABLE t (v); INSERT INTO t VALUES ('old')")
		b.settle()
		b.Pause(1)
		b.write(0, w, "UPDATE t SET v = 'lost'")
		check(t, "ex-primary", query(t, w, "SELECT v FROM t"), "lost")
		b.failover(1)
		b.settle()
		check(t, "old connection", query(t, w, "SELECT v FROM t"), "lost")
		check(t, "new connection", query(t, b.connect(0, app), "SELECT v FROM t"), "old")
	})
}

// TestRoleLostInCommit: the outcome is unknown, and really so: it depends on
// who becomes primary.
func TestRoleLostInCommit(t *testing.T) {
	for next, want := range []string{"1", "0"} {
		eachDriver(t, func(t *testing.T, driver Option) {
			b := setup(t, 2, driver)
			w := b.connect(0, app)
			b.write(0, w, "CREATE TABLE t (v)")
			b.settle()
			b.AtCommit(b.NoPrimary)
			if _, err := b.tryWrite(0, w, "INSERT INTO t VALUES (1)"); !errors.Is(err, fault.OutcomeUnknown) {
				t.Fatalf("got %v", err)
			}
			s, _ := b.engines[1].Watch()
			if s.Role != engine.Unknown || s.Problem == nil || b.Primary() != -1 {
				t.Fatalf("without a primary: %+v", s)
			}
			b.failover(next)
			b.settle()
			b.identical(app)
			check(t, "rows", query(t, b.connect(1, app), "SELECT count(*) FROM t"), want)
		})
	}
}

// TestFenceInTransaction: a role lost before COMMIT refuses it.
func TestFenceInTransaction(t *testing.T) {
	b := setup(t, 2)
	w := b.connect(0, app)
	b.AtFence(func() { b.failover(1) })
	if _, err := b.tryWrite(0, w, "CREATE TABLE t (v)"); !errors.Is(err, fault.NotPrimary) || !fault.SafeToRetry(err) {
		t.Fatalf("got %v", err)
	}
}

// TestUsurp: two nodes believe to be primary; what the older one acknowledges
// is lost when it learns better.
func TestUsurp(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 3, driver)
		w0, w1 := b.connect(0, app), b.connect(1, app)
		b.write(0, w0, "CREATE TABLE t (v)")
		b.settle()
		b.within(patience, func(ctx context.Context) error { return b.Usurp(ctx, 1) })
		b.write(0, w0, "INSERT INTO t VALUES ('nobody sees this')")
		b.write(1, w1, "INSERT INTO t VALUES ('new')")
		s0, _ := b.engines[0].Watch()
		s1, _ := b.engines[1].Watch()
		if s0.Role != engine.Primary || s1.Role != engine.Primary || s0.Term == s1.Term {
			t.Fatalf("states %+v and %+v", s0, s1)
		}
		b.settle()
		check(t, "node 2", query(t, b.connect(2, app), "SELECT group_concat(v) FROM t"), "new")
		b.Notice(0)
		b.settle()
		b.identical(app)
		check(t, "node 0", query(t, w0, "SELECT group_concat(v) FROM t"), "new")
	})
}

func TestIsolate(t *testing.T) {
	b := setup(t, 2)
	w := b.connect(0, app)
	b.write(0, w, "CREATE TABLE t (v)")
	b.Isolate(0)
	if _, err := b.tryWrite(0, w, "INSERT INTO t VALUES (1)"); !errors.Is(err, fault.NotPrimary) {
		t.Fatalf("isolated: %v", err)
	}
	b.Heal()
	b.write(0, w, "INSERT INTO t VALUES (1)")
	b.settle()
	b.identical(app)
}

// TestDemotedWAL: a former primary's file leaves WAL mode once its
// connections are closed; new ones wait for that.
func TestDemotedWAL(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver, WithWAL())
		w, idle := b.connect(0, app), b.connect(0, app)
		b.write(0, w, "CREATE TABLE t (v)")
		query(t, idle, "SELECT count(*) FROM t")
		b.promote(1)
		if err := b.Settle(expire(t)); err == nil {
			t.Fatal("settled with connections of the former primary open")
		}
		b.disconnect(w)
		b.disconnect(idle)
		r := b.connect(0, app) // waits
		check(t, "mode", query(t, r, "PRAGMA journal_mode"), "delete")
		check(t, "mode", query(t, b.connect(1, app), "PRAGMA journal_mode"), "wal")
		b.settle()
		b.identical(app)
	})
}
