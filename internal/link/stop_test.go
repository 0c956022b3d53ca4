package link_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

func TestHeadersAreBounded(t *testing.T) {
	p := newPair(t, pairOptions{})
	c, ctx := rawClient(t, p)
	ctx = metadata.AppendToOutgoingContext(ctx, "x", strings.Repeat("a", 1<<20))
	if _, err := c.Hello(ctx, &wire.HelloRequest{Version: wire.Version, Cluster: []byte("c1")}); err == nil {
		t.Error("1 MiB of metadata is accepted")
	}
}

// expiring is a target whose transactions and rows a limit can end.
type expiring struct {
	*fakeTarget
	expired atomic.Bool
}

func (e *expiring) Begin(ctx context.Context, o forward.TxOptions) (forward.Tx, error) {
	tx, err := e.fakeTarget.Begin(ctx, o)
	return &expiringTx{tx, e}, err
}

func (e *expiring) Query(context.Context, forward.Statement) (forward.Rows, error) {
	rows := &fakeRows{columns: []forward.Column{{Name: "a"}}, more: fullRow}
	return &expiringRows{rows, e}, nil
}

type expiringTx struct {
	forward.Tx
	e *expiring
}

func (t *expiringTx) Open() bool { return !t.e.expired.Load() }

type expiringRows struct {
	forward.Rows
	e *expiring
}

func (r *expiringRows) Expired() bool { return r.e.expired.Load() }

func (r *expiringRows) Next(dest []driver.Value) error {
	if r.Expired() {
		return fault.New(fault.TxExpired, "too slow")
	}
	return r.Rows.Next(dest)
}

// A peer that just holds what a limit has ended does not hold up Stop.
func TestStopDoesNotWaitForWhatExpired(t *testing.T) {
	e := &expiring{fakeTarget: &fakeTarget{}}
	p := newPair(t, pairOptions{resolve: e})
	tx := begun(t, p)
	c, ctx := rawClient(t, p, grpc.WithStaticStreamWindowSize(65535))
	rows, err := c.Query(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows.Send(&wire.QueryRequest{Statement: rawStatement(wire.TxOp_TX_OP_QUERY, 1).GetStatement()})
	if _, err := rows.Recv(); err != nil { // and no more
		t.Fatal(err)
	}

	p.server.Refuse()
	wait(t, "end of the link", p.broken)
	if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID()}); !errors.Is(err, fault.Closed) || !fault.SafeToRetry(err) {
		t.Errorf("a statement after Refuse: %v", err)
	}
	if _, err := tx.Exec(within(t), forward.Statement{ID: forward.NewID()}); err != nil {
		t.Errorf("a statement of an open transaction: %v", err)
	}
	e.expired.Store(true)
	began := time.Now()
	if err := p.server.Stop(within(t)); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("Stop: %v, after %v", err, time.Since(began))
	}
	if _, err := tx.Exec(within(t), forward.Statement{ID: forward.NewID()}); !errors.Is(err, fault.TxExpired) {
		t.Errorf("a statement of the expired transaction: %v", err)
	}
}

// Nor does one that does not read how his rows ended.
func TestStopDoesNotWaitForUnreadExpiry(t *testing.T) {
	expired := make(chan struct{})
	p := newPair(t, pairOptions{resolve: &fakeTarget{
		onQuery: func(context.Context, forward.Statement) (forward.Rows, error) {
			more := func(i int) ([]driver.Value, error) {
				if i < 3 { // one that is read, and two that exceed the window
					return fullRow(i)
				}
				<-expired
				return nil, fault.New(fault.TxExpired, "too slow")
			}
			return &fakeRows{columns: []forward.Column{{Name: "a"}}, more: more}, nil
		},
	}})
	c, ctx := rawClient(t, p, grpc.WithStaticStreamWindowSize(65535))
	rows, err := c.Query(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rows.Send(&wire.QueryRequest{Statement: rawStatement(wire.TxOp_TX_OP_QUERY, 1).GetStatement()})
	if _, err := rows.Recv(); err != nil { // and no more
		t.Fatal(err)
	}

	close(expired)
	began := time.Now()
	if err := p.server.Stop(within(t)); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("Stop: %v, after %v", err, time.Since(began))
	}
}
