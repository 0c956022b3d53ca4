package litefwdtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// TestReadersSeeWholeTransactions: whatever replication does to the file under
// them, readers see each transaction whole or not at all, and positions that
// only grow.
func TestReadersSeeWholeTransactions(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		b := setup(t, 2, driver)
		w := b.connect(0, app)
		b.write(0, w, "CREATE TABLE a (v); CREATE TABLE b (v); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0)")
		b.settle()
		ctx, stop := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for range 2 {
			r := b.connect(1, app)
			readers.Go(func() {
				last := int64(0)
				for ctx.Err() == nil {
					row, err := r.QueryRow(context.Background(), "SELECT (SELECT max(v) FROM a), (SELECT max(v) FROM b)")
					if fault.Code(err) == fault.CodeBusy {
						continue
					}
					if err != nil || row[0] != row[1] || row[0].(int64) < last {
						t.Errorf("after %d: %v, %v", last, row, err)
						return
					}
					last = row[0].(int64)
				}
			})
		}
		for i := range 30 {
			b.write(0, w, fmt.Sprintf("INSERT INTO a VALUES (%d); INSERT INTO b VALUES (%d)", i, i))
		}
		stop()
		readers.Wait()
		b.settle()
	})
}

// TestChaos takes random steps. In the end all copies are identical and sound,
// and every commit that was known to survive is there.
func TestChaos(t *testing.T) {
	for seed := range uint64(3) {
		for _, mode := range []Option{func(*options) {}, WithWAL()} {
			eachDriver(t, func(t *testing.T, driver Option) {
				chaos(t, setup(t, 3, driver, mode), rand.New(rand.NewPCG(seed, 7)))
			})
		}
	}
}

func chaos(t *testing.T, b *bundle, rnd *rand.Rand) {
	var conn *sqldriver.Conn // on the primary, opened since it is
	wrote := func(i int) engine.Position {
		if conn == nil {
			conn = b.connect(b.Primary(), app)
		}
		return b.write(b.Primary(), conn, fmt.Sprintf(
			"CREATE TABLE IF NOT EXISTS t (i, v); INSERT INTO t VALUES (%d, randomblob(%d)); DELETE FROM t WHERE i %% 7 = 3", i, rnd.IntN(6000)))
	}
	letGo := func() {
		if conn != nil {
			b.disconnect(conn)
			conn = nil
		}
	}
	for i := range 60 {
		node := rnd.IntN(3)
		switch rnd.IntN(12) {
		case 0:
			if b.Primary() != node {
				b.Pause(node)
			}
		case 1:
			b.Resume(node)
		case 2:
			b.Lag(node, time.Duration(rnd.IntN(3))*time.Millisecond)
		case 3:
			b.Partition(node, (node+1)%3)
		case 4:
			b.Heal()
		case 5:
			letGo()
			b.failover(node)
		case 6:
			b.Heal()
			b.Resume(node)
			letGo()
			b.promote(node)
		case 7:
			p := b.Primary()
			b.NoPrimary()
			if _, err := b.tryWriteAnew(p); !errors.Is(err, fault.NotPrimary) {
				t.Fatalf("without a primary: %v", err)
			}
			letGo()
			b.failover(node)
		default:
			pos := wrote(i)
			if got := b.Position(b.Primary(), app); got != pos {
				t.Fatalf("at %s after a commit at %s", got, pos)
			}
		}
	}
	b.Heal()
	for i := range 3 {
		b.Resume(i)
	}
	last := wrote(1000)
	b.settle()
	b.identical(app)
	if b.Position((b.Primary()+1)%3, app) != last {
		t.Fatal("the last commit is not everywhere")
	}
}

// tryWriteAnew writes on a connection of its own.
func (b *bundle) tryWriteAnew(i int) (engine.Position, error) {
	conn, err := sqldriver.Connect(context.Background(), b.rawConnector(i))
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	return b.tryWrite(i, conn, "CREATE TABLE nowhere (v)")
}

// TestTrimmedLog: a replica that is further behind than the log gets a snapshot.
func TestTrimmedLog(t *testing.T) {
	b := setup(t, 2)
	w := b.connect(0, app)
	b.Pause(1)
	for i := range 5 {
		b.write(0, w, fmt.Sprintf("CREATE TABLE t%d (v)", i))
	}
	b.mu.Lock()
	d := b.members[0].dbs[app]
	d.log = d.log[3:]
	b.mu.Unlock()
	b.Resume(1)
	b.settle()
	b.identical(app)
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.members[1].dbs[app].log); n != 0 {
		t.Fatalf("%d transactions arrived, want a snapshot", n)
	}
}
