package litefwd_test

import (
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
)

// While an engine tries a primary that is gone again and again, the log does not
// repeat it, and nothing is said to be reached where there is nothing.
func TestQuietLogWithoutAPrimary(t *testing.T) {
	c, l := newLossyCluster(t, 2, "sqlite")
	waitLog := func(what string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !strings.Contains(l.logs[1].String(), what); <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %q in the log:\n%s", what, l.logs[1])
			}
		}
	}
	waitLog("role=replica")
	c.Partition(0, 1)
	waitLog("the primary cannot be reached")
	for range 20 {
		c.NoPrimary()
		waitProblem(t, c.Node(1), true)
		failover(t, c, 0)
	}
	c.NoPrimary()
	waitLog("role=unknown")
	log := l.logs[1].String()
	if n := strings.Count(log, "msg=role"); n != 2 {
		t.Errorf("%d role lines, want one for replica and one for unknown", n)
	}
	if strings.Contains(log, "can be reached again") {
		t.Error("something was said to be reached")
	}
	if t.Failed() {
		t.Log(log)
	}
}

func waitProblem(t *testing.T, node *litefwd.Node, want bool) {
	t.Helper()
	for s := range node.WatchRole(t.Context()) {
		if (s.Problem != nil) == want {
			return
		}
	}
}
