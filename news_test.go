package litefwd_test

import (
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/litefwdtest"
)

// waitNews waits until what node i knows of the primary's copy is what it is, or, if
// the primary is -1, that it knows nothing.
func waitNews(t *testing.T, c *litefwdtest.Cluster, i, primary int, name string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.After(10 * time.Second); ; {
		pos, term, known := litefwd.PrimaryAt(c.Node(i), name)
		if primary < 0 && !known {
			return
		}
		if primary >= 0 && known && pos == c.Position(primary, name) && term == c.Node(i).Status().Term {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("node %d has heard %v of term %d (%t)", i, pos, term, known)
		}
	}
}

// A replica knows how far the primary has come, whoever writes, while its own copy
// stays behind.
func TestNewsOfThePrimary(t *testing.T) {
	c := newCluster(t, 3, "sqlite")
	waitNews(t, c, 1, 0, "app.db")
	c.Pause(1)
	before := c.Position(1, "app.db")
	for _, writer := range []int{0, 2, 1} {
		mustExec(t, c.DB(writer), "INSERT INTO t VALUES (1)")
		waitNews(t, c, 1, 0, "app.db")
		waitNews(t, c, 2, 0, "app.db")
	}
	if pos := c.Position(1, "app.db"); pos != before {
		t.Errorf("the copy is at %v", pos)
	}
	if pos, _, _ := litefwd.PrimaryAt(c.Node(1), "app.db"); pos.TXID != before.TXID+3 {
		t.Errorf("heard %v after three writes from %v", pos, before)
	}
	if _, _, known := litefwd.PrimaryAt(c.Node(0), "app.db"); known {
		t.Error("the primary was told something")
	}
}

// What was heard over a link that broke is not held for true, and is told again over
// the next one.
func TestNewsAfterABreak(t *testing.T) {
	c := newCluster(t, 3, "sqlite")
	waitNews(t, c, 1, 0, "app.db")
	c.Partition(0, 1)
	waitNews(t, c, 1, -1, "app.db")
	mustExec(t, c.DB(2), "INSERT INTO t VALUES (1)")
	if _, _, known := litefwd.PrimaryAt(c.Node(1), "app.db"); known {
		t.Error("news came through a partition")
	}
	c.Heal()
	waitNews(t, c, 1, 0, "app.db")
	mustExec(t, c.DB(2), "INSERT INTO t VALUES (2)")
	waitNews(t, c, 1, 0, "app.db")
}

// A new primary is heard, also if it has less than the one before.
func TestNewsOfTheNextPrimary(t *testing.T) {
	c := newCluster(t, 3, "sqlite")
	c.Pause(1)
	c.Pause(2)
	for range 3 {
		mustExec(t, c.DB(0), "INSERT INTO t VALUES ('lost')")
	}
	waitNews(t, c, 1, 0, "app.db")
	for _, primary := range []int{2, 0, 2} {
		failover(t, c, primary)
		waitNews(t, c, 1, primary, "app.db")
		mustExec(t, c.DB(primary), "INSERT INTO t VALUES ('new')")
		waitNews(t, c, 1, primary, "app.db")
	}
}

// A database that is opened later is followed too, also where only the replica has
// opened it.
func TestNewsOfALaterDatabase(t *testing.T) {
	c := newCluster(t, 2, "sqlite")
	waitNews(t, c, 1, 0, "app.db")
	db := c.Node(1).Database("late.db")
	waitNews(t, c, 1, 0, "late.db")
	mustExec(t, db, "CREATE TABLE t(v)")
	mustExec(t, c.Node(0).Database("late.db"), "INSERT INTO t VALUES (1)")
	waitNews(t, c, 1, 0, "late.db")
}
