package litefwdtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// TestClusterLocalWrites: the application's writes on the primary arrive
// everywhere, in either journal mode.
func TestClusterLocalWrites(t *testing.T) {
	for _, mode := range []Option{func(*options) {}, WithWAL()} {
		eachDriver(t, func(t *testing.T, driver Option) {
			c := New(t, 3, driver, mode)
			must(t, c, 0, "CREATE TABLE t (v)")
			for range 20 {
				must(t, c, 0, "INSERT INTO t VALUES (1)")
			}
			settle(t, c)
			for i := range 3 {
				if n := count(t, c, i); n != 20 {
					t.Fatalf("node %d has %d rows", i, n)
				}
			}
		})
	}
}

// TestClusterPromote moves the role around while the pools of all nodes stay
// open.
func TestClusterPromote(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) { goRound(t, New(t, 3, driver)) })
}

// TestClusterPromoteWAL: a node must let go of the connections that it opened
// while it was primary, idle ones too, or its file never leaves WAL mode.
func TestClusterPromoteWAL(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) { goRound(t, New(t, 3, driver, WithWAL())) })
}

func goRound(t *testing.T, c *Cluster) {
	t.Helper()
	must(t, c, 0, "CREATE TABLE t (v)")
	for i := range 7 {
		next := (i + 1) % 3
		must(t, c, i%3, "INSERT INTO t VALUES (1)")
		settle(t, c)
		if n := count(t, c, next); n != i+1 {
			t.Fatalf("node %d has %d rows, want %d", next, n, i+1)
		}
		within(t, func(ctx context.Context) error { return c.Promote(ctx, next) })
		waitRole(t, c, next, litefwd.RolePrimary)
	}
}

// TestClusterForwarding: a write on a replica runs on the primary.
func TestClusterForwarding(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		c := New(t, 2, driver)
		must(t, c, 1, "CREATE TABLE t (v)")
		must(t, c, 1, "INSERT INTO t VALUES (1)")
		if n := count(t, c, 0); n != 1 {
			t.Fatalf("the primary has %d rows", n)
		}
		if n := count(t, c, 1); n != 1 {
			t.Fatalf("the replica has %d rows", n)
		}
	})
}

// TestClusterPartition: a node that is cut off cannot write, and can again.
func TestClusterPartition(t *testing.T) {
	c := New(t, 3)
	must(t, c, 0, "CREATE TABLE t (v)")
	must(t, c, 1, "INSERT INTO t VALUES (1)")
	c.Partition(0, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.DB(1).ExecContext(ctx, "INSERT INTO t VALUES (2)"); err == nil {
		t.Fatal("a node that is cut off writes")
	}
	must(t, c, 2, "INSERT INTO t VALUES (3)")
	c.Heal()
	must(t, c, 1, "INSERT INTO t VALUES (4)")
	settle(t, c)
	if n := count(t, c, 1); n != 3 {
		t.Fatalf("%d rows", n)
	}
}

// TestClusterDropReply: the write has run, its caller does not know, and can ask.
func TestClusterDropReply(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		c := New(t, 2, driver)
		must(t, c, 1, "CREATE TABLE t (v)")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for i := range 5 {
			c.DropReply(1)
			_, err := c.DB(1).ExecContext(ctx, "INSERT INTO t VALUES (1)")
			var failure *litefwd.Error
			if !errors.Is(err, litefwd.ErrOutcomeUnknown) || !errors.As(err, &failure) || c.Dropped(1) != i+1 {
				t.Fatalf("got %v, %d dropped", err, c.Dropped(1))
			}
			if n := count(t, c, 0); n != i+1 {
				t.Fatalf("%d rows", n)
			}
			if err := c.Node(1).Outcome(ctx, failure.RequestID); err != nil {
				t.Fatalf("outcome of %s: %v", failure.RequestID, err)
			}
		}
	})
}

// TestClusterCrash: another node takes over; the crashed one comes back as a
// replica and drops what nobody else had.
func TestClusterCrash(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver Option) {
		c := New(t, 3, driver)
		must(t, c, 0, "CREATE TABLE t (v)")
		settle(t, c)
		c.Pause(1)
		c.Pause(2)
		must(t, c, 0, "INSERT INTO t VALUES ('lost')")
		if err := c.Crash(0); err != nil {
			t.Fatal(err)
		}
		if c.Primary() != -1 {
			t.Fatalf("primary is %d", c.Primary())
		}
		within(t, func(ctx context.Context) error { return c.Failover(ctx, 2) })
		waitRole(t, c, 2, litefwd.RolePrimary)
		c.Resume(1)
		c.Resume(2)
		must(t, c, 2, "INSERT INTO t VALUES ('kept')")
		within(t, func(ctx context.Context) error { return c.Restart(ctx, 0) })
		settle(t, c)
		if n := count(t, c, 0); n != 1 {
			t.Fatalf("%d rows", n)
		}
		must(t, c, 0, "INSERT INTO t VALUES ('forwarded')")
	})
}

// TestClusterClient: a node without a port is a client and never primary.
func TestClusterClient(t *testing.T) {
	c := New(t, 2, WithConfig(func(i int, cfg *litefwd.Config) {
		if i == 1 {
			cfg.Listen = ""
		}
	}))
	if err := c.Promote(t.Context(), 1); err == nil {
		t.Fatal("a client became primary")
	}
	must(t, c, 0, "CREATE TABLE t (v)")
}

func must(t *testing.T, c *Cluster, i int, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.DB(i).ExecContext(ctx, sql); err != nil {
		t.Fatalf("node %d: %s: %v", i, sql, err)
	}
}

// count is the number of rows that node i's own copy has.
func count(t *testing.T, c *Cluster, i int) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.Local(i).QueryRowContext(ctx, "SELECT count(*) FROM t").Scan(&n); err != nil {
		t.Fatalf("node %d: %v", i, err)
	}
	return n
}

func settle(t *testing.T, c *Cluster) {
	t.Helper()
	within(t, c.Settle)
}

func within(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f(ctx); err != nil {
		t.Fatal(err)
	}
}

// waitRole waits until node i knows its role.
func waitRole(t *testing.T, c *Cluster, i int, role litefwd.Role) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for s := range c.Node(i).WatchRole(ctx) {
		if s.Role == role {
			return
		}
	}
	t.Fatalf("node %d is %s", i, c.Node(i).Role())
}
