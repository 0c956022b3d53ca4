package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// Finding 10: no .primary does not mean that this node is primary. While nobody
// holds the lease no litefwd node says that it is primary; reads go on, and
// writes wait for the next primary.
func TestFinding10Election(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, isolatable(3), func(cfg *litefwd.Config) { cfg.PrimaryWait = patience })
		a.mustExec(0, "INSERT INTO t VALUES (0)")
		a.wantCopies(0, 0)
		a.must("Crash", a.Crash(0))
		write := make(chan error, 1)
		go func() {
			_, err := a.db(1).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
			write <- err
		}()
		election := false
		for done := false; !done; {
			for _, i := range []int{1, 2} {
				_, statErr := os.Stat(filepath.Join(a.Mount(i), ".primary"))
				role := a.nodes[i].Role()
				info, err := a.Info(a.ctx, i)
				a.must("Info", err)
				election = election || !info.IsPrimary && errors.Is(statErr, os.ErrNotExist)
				if role == litefwd.RolePrimary && !info.IsPrimary {
					t.Errorf("node %d says that it is primary, and LiteFS %+v", i, info)
				}
				if got := values(a, a.nodes[i].Local()); got[0] != 0 {
					t.Errorf("node %d reads %v", i, got)
				}
			}
			select {
			case err := <-write:
				a.must("the write during the election", err)
				done = true
			default:
			}
		}
		if !election {
			t.Error("the test has seen no election")
		}
		a.wantOutcome(1, nil)
		a.must("Restart", a.Restart(a.ctx, 0))
	})
}

// Without any primary, a write fails within PrimaryWait, and certainly did not
// run; reads go on.
func TestFinding10NoPrimary(t *testing.T) {
	eachSetupAtOnce(t, func(t *testing.T, driver, journal string) {
		a := startApp(t, driver, journal, static(2), func(cfg *litefwd.Config) { cfg.PrimaryWait = 300 * time.Millisecond })
		a.mustExec(1, "INSERT INTO t VALUES (0)")
		a.must("Crash", a.Crash(0))
		for _, i := range []int{1, 0} {
			a.eventually("the loss of the primary", func() error {
				if s := a.nodes[i].Status(); s.Role == litefwd.RolePrimary || s.Problem == nil {
					return fmt.Errorf("%+v", s)
				}
				return nil
			})
		}
		begun := time.Now()
		_, err := a.db(1).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
		wantKind(t, "write", err, litefwd.ErrNoPrimary)
		if took := time.Since(begun); took > 2*time.Second || !litefwd.SafeToRetry(err) {
			t.Errorf("after %v: %v", took, err)
		}
		// The former primary's own node has no copy to open, and nobody to ask.
		_, err = a.db(0).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
		wantKind(t, "write beside the dead mount", err, litefwd.ErrNoPrimary)
		if got := values(a, a.db(1)); !slices.Equal(got, []int{0}) {
			t.Errorf("without a primary node 1 reads %v", got)
		}
		if _, err := os.Stat(filepath.Join(a.Mount(1), ".primary")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf(".primary on node 1: %v", err)
		}
		a.must("Restart", a.Restart(a.ctx, 0))
		a.eventually("writes after the restart", func() error {
			_, err := a.db(1).ExecContext(a.ctx, "INSERT INTO t VALUES (2)")
			return err
		})
		a.wantCopies(0, 0, 2)
	})
}

// A primary whose LiteFS is frozen is still named by .primary. It is noticed
// within seven seconds (LiteFS's heartbeat fails for five), reads on the other
// node go on, and a write ends with its context.
func TestFinding10FrozenPrimary(t *testing.T) {
	for _, journal := range []string{"WAL", "DELETE"} {
		t.Run(journal, func(t *testing.T) {
			t.Parallel() // it mostly waits
			a := startApp(t, "sqlite", journal, static(2), func(cfg *litefwd.Config) { cfg.PrimaryWait = 500 * time.Millisecond })
			a.mustExec(1, "INSERT INTO t VALUES (0)")
			a.must("Freeze", a.Freeze(0))
			defer a.Thaw(0)
			begun := time.Now()
			write := make(chan error, 1)
			ctx, cancel := context.WithTimeout(a.ctx, time.Second)
			defer cancel()
			go func() {
				_, err := a.db(1).ExecContext(ctx, "INSERT INTO t VALUES (1)")
				write <- err
			}()
			a.eventually("the frozen primary to be noticed", func() error {
				if got := values(a, a.db(1)); !slices.Equal(got, []int{0}) {
					t.Errorf("meanwhile node 1 reads %v", got)
				}
				if s := a.nodes[1].Status(); s.Problem == nil {
					return fmt.Errorf("%+v", s)
				}
				return nil
			})
			if took := time.Since(begun); took > 7*time.Second {
				t.Errorf("the frozen primary was noticed after %v", took)
			}
			if name, err := os.ReadFile(filepath.Join(a.Mount(1), ".primary")); err != nil || strings.TrimSpace(string(name)) != "node0" {
				t.Errorf(".primary is %q: %v", name, err)
			}
			err := <-write
			wantKind(t, "the write", err, context.DeadlineExceeded)
			a.must("Thaw", a.Thaw(0))
			a.eventually("the problem's end", func() error { return a.nodes[1].Status().Problem })
			a.wantOutcome(1, err)
		})
	}
}

// Finding 11: LiteFS does not tell its nodes' addresses, only lease.hostname,
// which may be any string. Addresses come from Peers, or from PeerAddr.
func TestFinding11Addresses(t *testing.T) {
	opts := isolatable(2)
	opts.Hostnames = []string{"Zürich rack=1", "http://10.0.0.1:20202/x"}
	asked := make(chan string, 100)
	var byFunc map[string]string
	for _, way := range []string{"Peers", "PeerAddr"} {
		t.Run(way, func(t *testing.T) {
			a := startApp(t, "sqlite", "WAL", opts, func(cfg *litefwd.Config) {
				if way == "PeerAddr" {
					byFunc, cfg.Peers = cfg.Peers, nil
					cfg.PeerAddr = func(host string) (string, error) {
						select {
						case asked <- host:
						default:
						}
						return byFunc[host], nil
					}
				}
			})
			for v, primary := range []int{0, 1} {
				a.must("Promote", a.nodes[primary].Promote(a.ctx))
				a.awaitRole(1-primary, litefwd.RoleReplica)
				a.mustExec(1-primary, "INSERT INTO t VALUES (?)", v)
				want := litefwd.Peer{Name: a.Hostname(primary), Addr: a.peers[a.Hostname(primary)]}
				if got := a.nodes[1-primary].Primary(); got != want {
					t.Errorf("the primary is %+v, want %+v", got, want)
				}
			}
			a.wantCopies(1, 0, 1)
		})
	}
	if len(asked) == 0 {
		t.Error("PeerAddr was not asked")
	}
	for len(asked) > 0 {
		if host := <-asked; !slices.Contains(opts.Hostnames, host) {
			t.Errorf("PeerAddr was asked for %q", host)
		}
	}
}

// A hostname that leads nowhere: the error names it and says what to set.
func TestFinding11UnknownAddress(t *testing.T) {
	opts := static(2)
	opts.Hostnames = []string{"nowhere.invalid", "node1"}
	a := startApp(t, "sqlite", "WAL", opts, func(cfg *litefwd.Config) {
		cfg.PrimaryWait = 300 * time.Millisecond
		if cfg.Name == "node1" {
			cfg.Peers = nil
		}
	})
	if got := a.nodes[1].Primary(); got.Name != "nowhere.invalid" || strings.HasPrefix(got.Addr, "127.0.0.1") {
		t.Errorf("the primary is %+v", got)
	}
	_, err := a.db(1).ExecContext(a.ctx, "INSERT INTO t VALUES (1)")
	wantKind(t, "write", err, litefwd.ErrNoPrimary)
	if err == nil || !strings.Contains(err.Error(), "nowhere.invalid") {
		t.Errorf("the error is %v", err)
	}
	if got := values(a, a.db(1)); len(got) != 0 {
		t.Errorf("node 1 reads %v", got)
	}
}

// Finding 12: HALT is not used, in its two forms: POST /halt and the -lock file
// (see hazards_halt_linux_test.go). What litefwd asks LiteFS's API is known.
func TestFinding12NoHalt(t *testing.T) {
	var mu sync.Mutex
	requests := map[string]int{}
	eachSetup(t, func(t *testing.T, driver, journal string) {
		record := func(target string) string {
			u, err := url.Parse(target)
			if err != nil {
				t.Fatal(err)
			}
			forward := httputil.NewSingleHostReverseProxy(u)
			forward.FlushInterval = -1
			server := &http.Server{Addr: freeAddr(t), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				requests[r.Method+" "+r.URL.Path]++
				mu.Unlock()
				forward.ServeHTTP(w, r)
			})}
			go server.ListenAndServe()
			t.Cleanup(func() { server.Close() })
			return "http://" + server.Addr
		}
		opens := watchOpens(t)
		a := startApp(t, driver, journal, litefstest.Options{Nodes: 2, Lease: litefstest.Consul}, func(cfg *litefwd.Config) {
			cfg.LiteFSURL = record(cfg.LiteFSURL)
			opens.watch(filepath.Dir(cfg.Path))
		})
		for i := range a.Nodes() {
			a.mustExec(i, "INSERT INTO t VALUES (?)", i)
			tx, err := a.db(i).BeginTx(a.ctx, nil)
			a.must("begin", err)
			_, err = tx.ExecContext(a.ctx, "INSERT INTO t VALUES (?)", 10+i)
			a.must("insert", err)
			a.must("commit", tx.Commit())
		}
		a.must("Promote", a.nodes[1].Promote(a.ctx))
		a.mustExec(0, "INSERT INTO t VALUES (2)")
		a.wantCopies(1, 0, 1, 2, 10, 11)
		names := opens.names()
		if !slices.Contains(names, "app.db-pos") {
			t.Errorf("opened were %q: the watch does not work", names)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "-lock") {
				t.Errorf("%s was opened", name)
			}
		}
	})
	mu.Lock()
	defer mu.Unlock()
	for request := range requests {
		if !slices.Contains([]string{"GET /events", "GET /info", "POST /promote", "POST /handoff"}, request) {
			t.Errorf("%s was requested", request)
		}
	}
	if requests["GET /events"] == 0 || requests["POST /promote"] == 0 {
		t.Errorf("requested was %v: the proxy does not work", requests)
	}
}
