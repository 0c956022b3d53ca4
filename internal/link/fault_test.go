package link_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/link"
)

// operation is one of the four things that can be hit by a fault.
type operation struct {
	name string
	// ready prepares and returns what runs the operation.
	ready func(t *testing.T, p *pair) func(context.Context) error
	// count is how often the target ran it.
	count func(*fakeTarget) int64
}

var operations = []operation{
	{
		name: "exec",
		ready: func(_ *testing.T, p *pair) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := p.db.Exec(ctx, forward.Statement{ID: forward.NewID(), SQL: "INSERT"})
				return err
			}
		},
		count: func(f *fakeTarget) int64 { return f.execs.Load() },
	},
	{
		name: "query",
		ready: func(_ *testing.T, p *pair) func(context.Context) error {
			return func(ctx context.Context) error {
				rows, err := p.db.Query(ctx, forward.Statement{ID: forward.NewID(), SQL: "INSERT RETURNING"})
				return drain(rows, err)
			}
		},
		count: func(f *fakeTarget) int64 { return f.queries.Load() },
	},
	{
		name: "read",
		ready: func(_ *testing.T, p *pair) func(context.Context) error {
			return func(ctx context.Context) error {
				rows, err := p.db.Query(ctx, forward.Statement{ID: forward.NewID(), SQL: "SELECT", ReadOnly: true})
				return drain(rows, err)
			}
		},
		count: func(f *fakeTarget) int64 { return f.queries.Load() },
	},
	{
		name: "statement",
		ready: func(t *testing.T, p *pair) func(context.Context) error {
			tx := begun(t, p)
			return func(ctx context.Context) error {
				_, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID(), SQL: "INSERT"})
				return err
			}
		},
		count: func(f *fakeTarget) int64 { return f.statements.Load() - 1 },
	},
	{
		name: "commit",
		ready: func(t *testing.T, p *pair) func(context.Context) error {
			tx := begun(t, p)
			return func(ctx context.Context) error {
				_, err := tx.Commit(ctx)
				return err
			}
		},
		count: func(f *fakeTarget) int64 { return f.commits.Load() },
	},
}

// begun returns a transaction that has run one statement.
func begun(t *testing.T, p *pair) forward.Tx {
	t.Helper()
	tx, _ := p.db.Begin(t.Context(), forward.TxOptions{ID: forward.NewID()})
	hook := p.target.onTx
	p.target.onTx = nil
	if _, err := tx.Exec(within(t), forward.Statement{ID: forward.NewID(), SQL: "FIRST"}); err != nil {
		t.Fatal(err)
	}
	p.target.onTx = hook
	return tx
}

func drain(rows forward.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for dest := make([]driver.Value, len(rows.Columns())); ; {
		if err := rows.Next(dest); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// outcome is what the caller must be told.
type outcome struct {
	kind       fault.Kind // 0: not one of ours
	nothingRan bool
	is         error // also in the chain, or nil
	runs       int64 // executions at the target
}

// TestFaultMatrix has, for each moment and each kind of fault, what each
// operation must end with. The properties: nothing is run twice; an error with
// NothingRan is never told of something that ran; something that may be
// committed is never told to be rolled back.
func TestFaultMatrix(t *testing.T) {
	canceled, late := context.Canceled, context.DeadlineExceeded
	unknown := func(is error, runs int64) outcome { return outcome{fault.OutcomeUnknown, false, is, runs} }
	matrix := map[string]map[string]outcome{
		// nothing is there to send to, or the caller gives up before
		"before send/reset": {
			"exec":      {fault.NoPrimary, true, nil, 0},
			"query":     {fault.NoPrimary, true, nil, 0},
			"read":      {fault.NoPrimary, true, nil, 0},
			"statement": {fault.TxExpired, false, nil, 0},
			"commit":    {fault.TxExpired, false, nil, 0},
		},
		"before send/cancel": {
			"exec":      {is: canceled},
			"query":     {is: canceled},
			"read":      {is: canceled},
			"statement": {is: canceled},
			"commit":    {is: canceled},
		},
		// the request goes nowhere, which the sender cannot know
		"before send/hang": {
			"exec":      unknown(late, 0),
			"query":     unknown(late, 0),
			"read":      {is: late},
			"statement": {fault.TxExpired, false, late, 0},
			"commit":    unknown(late, 0),
		},
		// the target is at it
		"after send/reset": {
			"exec":      unknown(nil, 1),
			"query":     unknown(nil, 1),
			"read":      {fault.NoPrimary, false, nil, 1},
			"statement": {fault.TxExpired, false, nil, 1},
			"commit":    unknown(nil, 1),
		},
		"after send/hang": {
			"exec":      unknown(late, 1),
			"query":     unknown(late, 1),
			"read":      {is: late, runs: 1},
			"statement": {is: late, runs: 1}, // the primary interrupts it
			"commit":    unknown(late, 1),
		},
		"after send/cancel": {
			"exec":      {is: canceled, runs: 1}, // what the target says when it hears of it
			"query":     unknown(canceled, 1),
			"read":      {is: canceled, runs: 1},
			"statement": {is: canceled, runs: 1},
			"commit":    unknown(canceled, 1),
		},
		// the target has done it, and the answer is lost on the way
		"mid reply/reset": {
			"exec":      unknown(nil, 1),
			"query":     unknown(nil, 1),
			"read":      {fault.NoPrimary, false, nil, 1},
			"statement": {fault.TxExpired, false, nil, 1},
			"commit":    unknown(nil, 1),
		},
		"mid reply/hang": {
			"exec":      unknown(late, 1),
			"query":     unknown(late, 1),
			"read":      {is: late, runs: 1},
			"statement": {fault.TxExpired, false, late, 1},
			"commit":    unknown(late, 1),
		},
		"mid reply/cancel": {
			"exec":      unknown(canceled, 1),
			"query":     unknown(canceled, 1),
			"read":      {is: canceled, runs: 1},
			"statement": {fault.TxExpired, false, canceled, 1},
			"commit":    unknown(canceled, 1),
		},
		"after reply/reset":  {"exec": {runs: 1}, "query": {runs: 1}, "read": {runs: 1}, "statement": {runs: 1}, "commit": {runs: 1}},
		"after reply/hang":   {"exec": {runs: 1}, "query": {runs: 1}, "read": {runs: 1}, "statement": {runs: 1}, "commit": {runs: 1}},
		"after reply/cancel": {"exec": {runs: 1}, "query": {runs: 1}, "read": {runs: 1}, "statement": {runs: 1}, "commit": {runs: 1}},
	}
	for moment, wants := range matrix {
		for _, op := range operations {
			want, ok := wants[op.name]
			if !ok {
				t.Fatalf("%s has no outcome for %s", moment, op.name)
			}
			t.Run(strings.ReplaceAll(moment, " ", "_")+"/"+op.name, func(t *testing.T) {
				t.Parallel()
				when, how, _ := strings.Cut(moment, "/")
				testFault(t, when, how, op, want)
			})
		}
	}
}

func testFault(t *testing.T, when, how string, op operation, want outcome) {
	g := newGate()
	finished := make(chan struct{}, 10)
	hook := func(ctx context.Context) error {
		defer func() { finished <- struct{}{} }()
		return g.pass(ctx)
	}
	// A target that hears of the deadline in time may answer before the caller
	// gives up; hanging means that it does not.
	deaf := func(ctx context.Context) error {
		if how == "hang" {
			ctx = context.WithoutCancel(ctx)
		}
		return hook(ctx)
	}
	f := &fakeTarget{
		onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
			return forward.Result{}, deaf(ctx)
		},
		onTx: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
			return forward.Result{}, hook(ctx)
		},
		onQuery: func(ctx context.Context, _ forward.Statement) (forward.Rows, error) {
			return &fakeRows{columns: []forward.Column{{Name: "a"}}}, deaf(ctx)
		},
		onCommit: func(ctx context.Context) (forward.Result, error) { return forward.Result{}, deaf(ctx) },
	}
	p := newPair(t, pairOptions{target: f})
	if _, err := p.peer.Hello(within(t)); err != nil { // connects
		t.Fatal(err)
	}
	run := op.ready(t, p)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	defer g.open()
	if how == "hang" && when != "after reply" {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, 150*time.Millisecond)
		defer stop()
	}
	strike := func() {
		switch how {
		case "reset":
			p.conns.each((*faultConn).reset)
		case "cancel":
			cancel()
		}
	}
	switch when {
	case "before send":
		switch how {
		case "reset":
			p.stop()
			wait(t, "OnBroken", p.broken)
			// gRPC finds out by itself.
			p.conns.each(func(f *faultConn) { wait(t, "end of a connection", f.gone) })
		case "hang":
			p.conns.each((*faultConn).freeze)
		case "cancel":
			cancel()
		}
	case "after reply":
		g.open()
	}
	result := make(chan error, 1)
	go func() { result <- run(ctx) }()
	switch when {
	case "after send":
		wait(t, "execution", g.entered)
		strike()
	case "mid reply":
		wait(t, "execution", g.entered)
		p.conns.each((*faultConn).freeze)
		g.open()
		wait(t, "end of execution", finished)
		strike()
	}
	err := wait(t, "result", result)
	if when == "after reply" {
		strike()
	}
	checkOutcome(t, err, want)
	if n := op.count(f); n != want.runs {
		t.Errorf("%d executions, want %d", n, want.runs)
	}
}

func checkOutcome(t *testing.T, err error, want outcome) {
	t.Helper()
	if want == (outcome{runs: want.runs}) {
		if err != nil {
			t.Errorf("error %v, want none", err)
		}
		return
	}
	var e *fault.Error
	switch errors.As(err, &e); {
	case want.kind == 0 && (err != want.is): //nolint:errorlint // plain, not wrapped
		t.Errorf("error %v, want exactly %v", err, want.is)
	case want.kind != 0 && (e == nil || e.Kind != want.kind):
		t.Errorf("error %v, want kind %v", err, want.kind)
	case fault.SafeToRetry(err) != want.nothingRan:
		t.Errorf("SafeToRetry is %v: %v", fault.SafeToRetry(err), err)
	case want.is != nil && !errors.Is(err, want.is):
		t.Errorf("error %v does not wrap %v", err, want.is)
	case want.kind == fault.OutcomeUnknown && len(e.RequestID) != 32:
		t.Errorf("no request id in %v", err)
	}
}

// After a broken connection the next call connects again.
func TestReconnects(t *testing.T) {
	p := newPair(t, pairOptions{})
	st := forward.Statement{ID: forward.NewID()}
	for range 3 {
		if _, err := p.db.Exec(within(t), st); err != nil {
			t.Fatal(err)
		}
		p.conns.each((*faultConn).reset)
		wait(t, "OnBroken", p.broken)
	}
}

func TestRowsBrokenInTheMiddle(t *testing.T) {
	for _, test := range []struct {
		name   string
		result forward.Result
	}{{"read", forward.Result{}}, {"write", forward.Result{Changed: 1}}} {
		t.Run(test.name, func(t *testing.T) {
			g := newGate()
			p := newPair(t, pairOptions{target: &fakeTarget{
				onQuery: func(ctx context.Context, _ forward.Statement) (forward.Rows, error) {
					return &fakeRows{columns: []forward.Column{{Name: "a"}}, result: test.result, more: func(i int) ([]driver.Value, error) {
						if i == 100 {
							return nil, g.pass(ctx)
						}
						return []driver.Value{make([]byte, 1000)}, nil
					}}, nil
				},
			}})
			rows, err := p.db.Query(within(t), forward.Statement{ID: forward.NewID()})
			if err != nil {
				t.Fatal(err)
			}
			wait(t, "row 100", g.entered)
			p.conns.each((*faultConn).reset)
			err = drain(rows, nil)
			var e *fault.Error
			if !errors.As(err, &e) || e.Kind != fault.NoPrimary || e.NothingRan || e.Committed != (test.name == "write") {
				t.Errorf("error %#v", err)
			}
		})
	}
}

// A broken stream rolls the transaction back.
func TestBrokenTransactionIsRolledBack(t *testing.T) {
	p := newPair(t, pairOptions{})
	tx := begun(t, p)
	p.conns.each((*faultConn).reset)
	for range 2 {
		if _, err := tx.Exec(within(t), forward.Statement{}); !errors.Is(err, fault.TxExpired) {
			t.Errorf("Exec: %v", err)
		}
	}
	if _, err := tx.Commit(within(t)); !errors.Is(err, fault.TxExpired) {
		t.Errorf("Commit: %v", err)
	}
	if err := tx.Rollback(within(t)); err != nil {
		t.Errorf("Rollback: %v", err)
	}
	p.stop() // waits for the handlers
	if n := p.target.open.Load(); n != 0 || p.target.rollbacks.Load() != 1 {
		t.Errorf("%d transactions open, %d rolled back", n, p.target.rollbacks.Load())
	}
}

// COMMIT as text may have worked although its answer is lost.
func TestLostCommitAsText(t *testing.T) {
	g := newGate()
	p := newPair(t, pairOptions{target: &fakeTarget{onTx: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		return forward.Result{}, g.pass(ctx)
	}}})
	tx := begun(t, p)
	result := make(chan error, 1)
	go func() {
		_, err := tx.Exec(within(t), forward.Statement{ID: forward.NewID(), SQL: "commit"})
		result <- err
	}()
	wait(t, "execution", g.entered)
	p.conns.each((*faultConn).reset)
	if err := wait(t, "result", result); !errors.Is(err, fault.OutcomeUnknown) {
		t.Errorf("error %v", err)
	}
}

// A cancelled statement leaves the transaction usable.
func TestTransactionSurvivesCancel(t *testing.T) {
	g := newGate()
	p := newPair(t, pairOptions{target: &fakeTarget{onTx: func(ctx context.Context, st forward.Statement) (forward.Result, error) {
		if st.SQL == "SLOW" {
			return forward.Result{}, g.pass(ctx)
		}
		return forward.Result{RowsAffected: 1}, nil
	}}})
	tx := begun(t, p)
	ctx, cancel := context.WithCancel(within(t))
	result := make(chan error, 1)
	go func() {
		_, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID(), SQL: "SLOW"})
		result <- err
	}()
	wait(t, "execution", g.entered)
	cancel()
	if err := wait(t, "result", result); err != context.Canceled {
		t.Errorf("error %v", err)
	}
	if _, err := tx.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil || !tx.Open() {
		t.Errorf("after the cancel: %v", err)
	}
	if _, err := tx.Commit(within(t)); err != nil {
		t.Error(err)
	}
}

// Cancelling an Exec reaches the primary.
func TestCancelInterruptsOnThePrimary(t *testing.T) {
	interrupted := make(chan struct{})
	started := make(chan struct{})
	p := newPair(t, pairOptions{target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
		close(started)
		<-ctx.Done()
		close(interrupted)
		return forward.Result{}, ctx.Err()
	}}})
	ctx, cancel := context.WithCancel(within(t))
	go func() {
		<-started
		cancel()
	}()
	if _, err := p.db.Exec(ctx, forward.Statement{ID: forward.NewID()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	wait(t, "interrupt", interrupted)
}

// A peer that goes silent without closing the connection is noticed.
func TestSilentPeerIsNoticed(t *testing.T) {
	g := newGate()
	p := newPair(t, pairOptions{
		target: &fakeTarget{onExec: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
			return forward.Result{}, g.pass(ctx)
		}},
		link: func(o *link.Options) { o.PingEvery, o.PingTimeout = 50*time.Millisecond, 500*time.Millisecond },
	})
	defer g.open()
	result := make(chan error, 1)
	go func() {
		_, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()})
		result <- err
	}()
	wait(t, "execution", g.entered)
	p.conns.each((*faultConn).freeze)
	if err := wait(t, "result", result); !errors.Is(err, fault.OutcomeUnknown) {
		t.Errorf("error %v", err)
	}
	wait(t, "OnBroken", p.broken)
}

func TestNobodyListens(t *testing.T) {
	checkGoroutines(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	peer, err := link.Dial(link.Options{Addr: addr, Credentials: secret(t, testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	_, err = peer.Database("x").Exec(within(t), forward.Statement{ID: forward.NewID()})
	if !errors.Is(err, fault.NoPrimary) || !fault.SafeToRetry(err) || !strings.Contains(err.Error(), addr) {
		t.Errorf("error %v", err)
	}
}
