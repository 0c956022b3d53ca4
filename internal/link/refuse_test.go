package link_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
	"github.com/litefwd/litefwd/internal/secure"
	"github.com/litefwd/litefwd/internal/serve"
)

// refusedAll checks that every operation is refused by an error of that kind
// which contains the words, and that nothing ran.
func refusedAll(t *testing.T, p *pair, kind fault.Kind, words ...string) {
	t.Helper()
	ctx := within(t)
	st := forward.Statement{ID: forward.NewID()}
	tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
	_, helloErr := p.peer.Hello(ctx)
	_, execErr := p.db.Exec(ctx, st)
	_, queryErr := p.db.Query(ctx, st)
	_, txErr := tx.Exec(ctx, st)
	_, outcomeErr := p.peer.Outcome(ctx, "app.db", st.ID)
	for name, err := range map[string]error{
		"Hello": helloErr, "Exec": execErr, "Query": queryErr, "Tx": txErr, "Outcome": outcomeErr,
	} {
		if !errors.Is(err, kind) || !fault.SafeToRetry(err) {
			t.Errorf("%s: %v (safe to retry: %v), want %v", name, err, fault.SafeToRetry(err), kind)
			continue
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q lacks %q", name, err, w)
			}
		}
	}
	if n := p.target.execs.Load() + p.target.queries.Load() + p.target.begins.Load(); n != 0 {
		t.Errorf("%d statements ran", n)
	}
}

func TestWrongSecret(t *testing.T) {
	p := newPair(t, pairOptions{link: func(o *link.Options) {
		o.Credentials = secret(t, []byte("another secret of good length"))
	}})
	refusedAll(t, p, fault.Auth, p.addr, "does not know this cluster's secret")
}

func TestWrongCluster(t *testing.T) {
	p := newPair(t, pairOptions{link: func(o *link.Options) { o.Cluster = "c2" }})
	refusedAll(t, p, fault.Auth, `"c1"`, `"c2"`)
}

func TestServerWithoutTLS(t *testing.T) {
	p := newPair(t, pairOptions{serve: func(o *serve.Options) { o.Credentials = secure.Insecure() }})
	refusedAll(t, p, fault.Auth, p.addr, "TLS")
}

func TestInsecureOnLoopback(t *testing.T) {
	p := newPair(t, pairOptions{
		serve: func(o *serve.Options) { o.Credentials = secure.Insecure() },
		link:  func(o *link.Options) { o.Credentials = secure.Insecure() },
	})
	if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
		t.Error(err)
	}
}

func TestInsecureOffLoopbackIsRefused(t *testing.T) {
	if _, err := link.Dial(link.Options{Addr: "192.0.2.1:1", Credentials: secure.Insecure()}); !errors.Is(err, fault.Auth) {
		t.Errorf("Dial: %v", err)
	}
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	err = serve.New(serve.Options{Credentials: secure.Insecure()}).Serve(listener)
	if !errors.Is(err, fault.Auth) || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("Serve: %v", err)
	}
}

func TestMessageTooLarge(t *testing.T) {
	blob := make([]byte, 300<<10)
	for _, test := range []struct {
		name          string
		client, there int
	}{{"client's limit", 200 << 10, 0}, {"server's limit", 0, 200 << 10}} {
		t.Run(test.name, func(t *testing.T) {
			p := newPair(t, pairOptions{
				link:  func(o *link.Options) { o.MaxMessage = test.client },
				serve: func(o *serve.Options) { o.MaxMessage = test.there },
				target: &fakeTarget{onQuery: func(context.Context, forward.Statement) (forward.Rows, error) {
					return &fakeRows{columns: []forward.Column{{Name: "b"}}, rows: [][]driver.Value{{blob}}}, nil
				}},
			})
			ctx := within(t)
			st := forward.Statement{ID: forward.NewID(), Args: []driver.NamedValue{{Ordinal: 1, Value: blob}}}
			tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
			_, execErr := p.db.Exec(ctx, st)
			_, queryErr := p.db.Query(ctx, st)
			_, firstErr := tx.Exec(ctx, st)
			if _, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID()}); err != nil {
				t.Errorf("transaction after the refusal: %v", err)
			}
			_, txErr := tx.Exec(ctx, st)
			for _, err := range []error{execErr, queryErr, firstErr, txErr} {
				if !errors.Is(err, fault.TooLarge) || !fault.SafeToRetry(err) || !strings.Contains(err.Error(), "204800") {
					t.Errorf("sending: %v", err)
				}
			}
			if _, err := tx.Commit(ctx); err != nil {
				t.Errorf("Commit: %v", err)
			}
			if p.target.execs.Load() != 0 {
				t.Error("it ran")
			}
			err := drain(p.db.Query(ctx, forward.Statement{ID: forward.NewID()}))
			if !errors.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "204800") {
				t.Errorf("row: %v", err)
			}
		})
	}
}

func TestUnsupportedArgument(t *testing.T) {
	p := newPair(t, pairOptions{})
	st := forward.Statement{ID: forward.NewID(), Args: []driver.NamedValue{{Ordinal: 1, Value: int64(1)}, {Ordinal: 2, Name: "n", Value: struct{}{}}}}
	_, err := p.db.Exec(within(t), st)
	if !errors.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), `argument 2 ("n") is a struct {}`) {
		t.Errorf("error %v", err)
	}
}

func TestLimits(t *testing.T) {
	g := newGate()
	p := newPair(t, pairOptions{
		serve: func(o *serve.Options) { o.MaxTx, o.MaxStatements = 2, 3 },
		target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
			return forward.Result{}, g.pass(ctx)
		}},
	})
	ctx := within(t)
	for range 2 {
		begun(t, p)
	}
	tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
	if _, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID()}); !errors.Is(err, fault.Overloaded) || !fault.SafeToRetry(err) {
		t.Errorf("third transaction: %v", err)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := p.db.Exec(ctx, forward.Statement{ID: forward.NewID()}); err != nil {
				t.Error(err)
			}
		})
		wait(t, "execution", g.entered)
	}
	if _, err := p.db.Exec(ctx, forward.Statement{ID: forward.NewID()}); !errors.Is(err, fault.Overloaded) || !fault.SafeToRetry(err) {
		t.Errorf("fourth statement: %v", err)
	}
	g.open()
	wg.Wait()
	if _, err := p.db.Exec(ctx, forward.Statement{ID: forward.NewID()}); err != nil {
		t.Errorf("after the others: %v", err)
	}
}

func TestPanicIsOneCallersError(t *testing.T) {
	p := newPair(t, pairOptions{target: &fakeTarget{
		onExec:  func(context.Context, forward.Statement) (forward.Result, error) { panic("exec") },
		onQuery: func(context.Context, forward.Statement) (forward.Rows, error) { panic("query") },
		onTx:    func(context.Context, forward.Statement) (forward.Result, error) { panic("tx") },
	}})
	ctx, st := within(t), forward.Statement{ID: forward.NewID()}
	tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
	_, execErr := p.db.Exec(ctx, st)
	_, queryErr := p.db.Query(ctx, st)
	_, txErr := tx.Exec(ctx, st)
	for _, err := range []error{execErr, queryErr, txErr} {
		if !errors.Is(err, fault.OutcomeUnknown) || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("error %v", err)
		}
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Error(err)
	}
	if _, err := p.peer.Hello(ctx); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestHelloAndOutcome(t *testing.T) {
	id := forward.NewID()
	want := forward.Result{LastInsertID: 8}
	p := newPair(t, pairOptions{serve: func(o *serve.Options) {
		o.Outcome = func(_ context.Context, database string, asked forward.ID) (forward.Result, error) {
			if database != "app.db" || asked != id {
				return forward.Result{}, fault.New(fault.OutcomeUnknown, "not known")
			}
			return want, nil
		}
	}})
	h, err := p.peer.Hello(within(t))
	if err != nil || h.Name != "primary" || h.Role.String() != "primary" || h.Term != 7 || h.Primary.Addr != p.addr || h.Cluster != "c1" {
		t.Errorf("Hello: %+v, %v", h, err)
	}
	if res, err := p.peer.Outcome(within(t), "app.db", id); err != nil || res != want {
		t.Errorf("Outcome: %+v, %v", res, err)
	}
	if _, err := p.peer.Outcome(within(t), "app.db", forward.NewID()); !errors.Is(err, fault.OutcomeUnknown) {
		t.Errorf("Outcome of another: %v", err)
	}
}

// Stop lets what runs finish and refuses the rest as having run nothing.
func TestGracefulStop(t *testing.T) {
	g := newGate()
	p := newPair(t, pairOptions{target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		return forward.Result{LastInsertID: 1}, g.pass(ctx)
	}}})
	tx := begun(t, p)
	result := make(chan error, 1)
	go func() {
		_, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()})
		result <- err
	}()
	wait(t, "execution", g.entered)
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Stop(within(t)) }()
	// Statements are refused from some moment on.
	for {
		_, err := p.db.Query(within(t), forward.Statement{ID: forward.NewID()})
		if err == nil {
			continue
		}
		if !fault.SafeToRetry(err) {
			t.Errorf("refusal: %v", err)
		}
		break
	}
	if _, err := tx.Commit(within(t)); err != nil {
		t.Errorf("open transaction: %v", err)
	}
	g.open()
	if err := wait(t, "result", result); err != nil {
		t.Errorf("running statement: %v", err)
	}
	if err := wait(t, "Stop", stopped); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); !fault.SafeToRetry(err) {
		t.Errorf("afterwards: %v", err)
	}
}

// Stop with an ended context breaks off what runs.
func TestHardStop(t *testing.T) {
	g := newGate()
	p := newPair(t, pairOptions{target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		return forward.Result{}, g.pass(ctx)
	}}})
	result := make(chan error, 1)
	go func() {
		_, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()})
		result <- err
	}()
	wait(t, "execution", g.entered)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := p.server.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop: %v", err)
	}
	if err := wait(t, "result", result); !errors.Is(err, fault.OutcomeUnknown) {
		t.Errorf("running statement: %v", err)
	}
}

func TestClosedPeer(t *testing.T) {
	p := newPair(t, pairOptions{})
	if err := p.peer.Close(); err != nil {
		t.Fatal(err)
	}
	refusedAll(t, p, fault.Closed)
	if len(p.broken) != 0 {
		t.Error("OnBroken was called for Close")
	}
}
