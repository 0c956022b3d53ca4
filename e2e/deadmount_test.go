package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// A replica whose LiteFS has died goes on: its writes and its reads run on the
// primary, which it remembers, until the copy is back.
func TestDeadMountIsWorkedAround(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		for name, end := range map[string]func(*app) error{
			"dead":      func(a *app) error { return a.Crash(1) },
			"unmounted": func(a *app) error { return a.Kill(1) },
		} {
			t.Run(name, func(t *testing.T) {
				a := startApp(t, driver, journal, litefstest.Options{Nodes: 2, Lease: litefstest.Static}, nil)
				a.mustExec(1, "INSERT INTO t VALUES (1)")
				a.must("end", end(a))
				want := 1
				a.must("a write of the node without a copy", litefstest.Wait(a.ctx, "a write", func(ctx context.Context) error {
					_, err := a.db(1).ExecContext(ctx, "INSERT INTO t VALUES (2)")
					if err != nil && !litefwd.SafeToRetry(err) && !errors.Is(err, litefwd.ErrNoPrimary) {
						return fmt.Errorf("%w (and it may have run)", err)
					}
					return err
				}))
				want++
				if got := value[int](a, a.db(1), "SELECT count(*) FROM t"); got != want {
					t.Errorf("without a copy the node sees %d rows, want %d", got, want)
				}
				if err := a.nodes[1].Local().PingContext(a.ctx); err == nil && name == "dead" {
					t.Error("Local does not say that the copy cannot be reached")
				}
				a.must("restart", a.Restart(a.ctx, 1))
				a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))
				a.must("local reads", litefstest.Wait(a.ctx, "local reads", func(ctx context.Context) error {
					before := a.nodes[1].Stats()
					if got := value[int](a, a.db(1), "SELECT count(*) FROM t"); got != want {
						return fmt.Errorf("%d rows, want %d", got, want)
					}
					if now := a.nodes[1].Stats(); now.LocalReads == before.LocalReads || now.ForwardedReads != before.ForwardedReads {
						return fmt.Errorf("not local: %+v", now)
					}
					return nil
				}))
			})
		}
	})
}
