package litefwdtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
)

func TestReplication(t *testing.T) {
	for _, mode := range []Option{func(*options) {}, WithWAL()} {
		eachDriver(t, func(t *testing.T, driver Option) {
			b := setup(t, 3, driver, mode)
			w := b.connect(0, app)
			rnd := rand.New(rand.NewPCG(3, 4))
			b.write(0, w, "CREATE TABLE t (id INTEGER PRIMARY KEY, v)")
			var last engine.Position
			for i := range 100 {
				switch rnd.IntN(5) {
				case 0:
					last = b.write(0, w, fmt.Sprintf("DELETE FROM t WHERE id %% 5 = %d", rnd.IntN(5)))
				case 1:
					last = b.write(0, w, fmt.Sprintf("CREATE TABLE t%d (a, b); CREATE INDEX i%d ON t%d (a)", i, i, i))
				default:
					last = b.write(0, w, fmt.Sprintf("INSERT INTO t (v) VALUES (randomblob(%d))", rnd.IntN(9000)))
				}
			}
			b.settle()
			b.identical(app)
			if b.Position(2, app) != last {
				t.Fatalf("at %s, want %s", b.Position(2, app), last)
			}
			check(t, "replica", query(t, b.connect(2, app), "SELECT count(*), sum(length(v)) FROM t"),
				query(t, w, "SELECT count(*), sum(length(v)) FROM t"))
		})
	}
}

// TestPositionThenRead: a read that starts after the position was seen finds
// the data, without a retry of its own.
func TestPositionThenRead(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver)
		w, r := b.connect(0, app), b.connect(1, app)
		b.write(0, w, "CREATE TABLE t (v)")
		for i := range 100 {
			want := b.write(0, w, fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
			for pos, changed := b.db(1, app).Watch(); pos != want; pos, changed = b.db(1, app).Watch() {
				<-changed
			}
			check(t, "read", query(t, r, "SELECT max(v) FROM t"), fmt.Sprint(i))
		}
	})
}

// TestReaderHoldsUpEverything: one open read keeps every database of the node
// from advancing, and Settle says so.
func TestReaderHoldsUpEverything(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver)
		w, r := b.connect(0, app), b.connect(1, app)
		b.write(0, w, "CREATE TABLE t (v)")
		b.settle()
		exec(t, r, "BEGIN")
		check(t, "snapshot", query(t, r, "SELECT count(*) FROM t"), "0")

		b.write(0, w, "INSERT INTO t VALUES (1)")
		other := b.connect(0, "other.db") // new on the primary, after app.db in the alphabet
		b.db(0, "other.db")
		exec(t, other, "CREATE TABLE o (v)")
		if err := b.Capture(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := b.Settle(expire(t))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "waits for the locks to apply") {
			t.Fatalf("Settle: got %v", err)
		}
		if p := b.Position(1, "other.db"); !p.IsZero() {
			t.Fatalf("other.db came to %s", p)
		}
		check(t, "snapshot", query(t, r, "SELECT count(*) FROM t"), "0")
		exec(t, r, "COMMIT")
		b.settle()
		check(t, "after", query(t, r, "SELECT count(*) FROM t"), "1")
		b.identical("other.db")
	})
}

func TestLagAndPause(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 3, driver)
		w := b.connect(0, app)
		b.write(0, w, "CREATE TABLE t (v)")
		b.settle()
		first := b.Position(0, app)
		b.Lag(1, time.Hour)
		b.Pause(2)
		last := b.write(0, w, "INSERT INTO t VALUES (1)")
		if err := b.Settle(expire(t)); err == nil {
			t.Fatal("settled in spite of the lag")
		}
		if b.Position(1, app) != first || b.Position(2, app) != first {
			t.Fatal("a copy that is held back moved")
		}
		b.Lag(1, 0)
		b.settle() // without the paused one
		if b.Position(1, app) != last || b.Position(2, app) != first {
			t.Fatal("the lagging one did not move, or the paused one did")
		}
		b.Lag(2, time.Millisecond)
		b.Resume(2)
		b.settle()
		b.identical(app)
	})
}

// TestEveryTransactionIsSeen: a replica that was held back goes through each
// position, as LiteFS does.
func TestEveryTransactionIsSeen(t *testing.T) {
	b := setup(t, 2)
	w := b.connect(0, app)
	b.Pause(1)
	for i := range 10 {
		b.write(0, w, fmt.Sprintf("CREATE TABLE t%d (v)", i))
	}
	b.Resume(1)
	b.settle()
	b.mu.Lock()
	defer b.mu.Unlock()
	if log := b.members[1].dbs[app].log; len(log) != 10 {
		t.Fatalf("%d transactions arrived", len(log))
	}
}

// TestNoChangeNoPosition: as on LiteFS, a transaction that changes nothing has
// no position of its own.
func TestNoChangeNoPosition(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 1, driver)
		w := b.connect(0, app)
		p := b.write(0, w, "CREATE TABLE t (v)")
		if q := b.write(0, w, "UPDATE t SET v = 1"); q != p {
			t.Fatalf("from %s to %s", p, q)
		}
		if q := b.write(0, w, "INSERT INTO t VALUES (1)"); q.TXID != p.TXID+1 {
			t.Fatalf("from %s to %s", p, q)
		}
	})
}

// TestWriteOnReplicaIsReported: the check at the end finds a write that landed
// on a replica's file.
func TestWriteOnReplicaIsReported(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver, WithoutChecks())
		exec(t, b.connect(1, app), "CREATE TABLE misrouted (v)")
		b.stop()
		if err := b.core.check(t.Context()); err == nil || !strings.Contains(err.Error(), "past the primary") {
			t.Fatalf("got %v", err)
		}
	})
}
