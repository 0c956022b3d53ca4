package e2e

import (
	"testing"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// Every node writes, reads its own writes on its own copy, and sees the others'.
func TestWriteAnywhere(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		for _, n := range []int{2, 3} {
			a := startApp(t, driver, journal, litefstest.Options{Nodes: n, Lease: litefstest.Static}, nil)
			for round := range 5 {
				for i := range a.Nodes() {
					a.mustExec(i, "INSERT INTO t VALUES (?)", round)
					want := round*n + i + 1
					if got := value[int](a, a.db(i), "SELECT count(*) FROM t"); got != want {
						t.Errorf("node %d sees %d rows after its write, want %d", i, got, want)
					}
					if got := value[int](a, a.nodes[i].Local(), "SELECT count(*) FROM t"); got != want {
						t.Errorf("node %d's copy has %d rows after its write, want %d", i, got, want)
					}
				}
			}
			for i := range a.Nodes() {
				want := litefwd.RoleReplica
				if i == 0 {
					want = litefwd.RolePrimary
				}
				if s := a.nodes[i].Status(); s.Role != want || s.Primary.Addr != a.peers[a.Hostname(0)] || s.Problem != nil {
					t.Errorf("node %d's status is %+v", i, s)
				}
				if s := a.nodes[i].Stats(); s.Behind != 0 || s.Misroutes != 0 || s.UnknownOutcomes != 0 {
					t.Errorf("node %d's stats are %+v", i, s)
				}
			}
		}
	})
}
