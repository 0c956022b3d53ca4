package link_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/wire"
)

// rawClient is a peer that may do as it likes.
func rawClient(t *testing.T, p *pair, opts ...grpc.DialOption) (wire.ForwardClient, context.Context) {
	t.Helper()
	opts = append(opts, grpc.WithTransportCredentials(secret(t, testSecret)),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wire.Codec)))
	conn, err := grpc.NewClient("passthrough:///"+p.addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return wire.NewForwardClient(conn), metadata.NewOutgoingContext(within(t), rawMeta.MD())
}

func rawTx(t *testing.T, p *pair) wire.Forward_TxClient {
	t.Helper()
	c, ctx := rawClient(t, p)
	tx, err := c.Tx(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// rawStatement is a request of a transaction; number 1 begins it.
func rawStatement(op wire.TxOp, seq uint64) *wire.TxRequest {
	id := forward.NewID()
	req := &wire.TxRequest{Op: op, Seq: seq, Statement: &wire.Statement{Id: id[:], Sql: []byte("SLOW")}}
	if seq == 1 {
		req.Begin = &wire.Begin{Id: id[:]}
	}
	return req
}

// A CANCEL is heeded from the moment the request was read, though the handler
// has not come to it.
func TestCancelRightBehindTheRequest(t *testing.T) {
	waits := func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.Context().Done():
			return nil
		}
	}
	for name, begin := range map[string]func(context.Context, forward.TxOptions) error{
		"plain": nil,
		// The CANCEL is for the statement even if only the begin hears of it.
		"while it begins": func(ctx context.Context, _ forward.TxOptions) error { waits(ctx); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, pairOptions{target: &fakeTarget{
				onBegin: begin,
				onTx: func(ctx context.Context, _ forward.Statement) (forward.Result, error) {
					return forward.Result{}, waits(ctx)
				},
			}})
			tx := rawTx(t, p)
			for seq := uint64(1); seq <= 100; seq++ {
				op := wire.TxOp_TX_OP_EXEC
				if seq%2 == 0 {
					op = wire.TxOp_TX_OP_QUERY
				}
				tx.Send(rawStatement(op, seq))
				tx.Send(&wire.TxRequest{Op: wire.TxOp_TX_OP_CANCEL, Seq: seq})
				reply, err := tx.Recv()
				if err != nil {
					t.Fatalf("statement %d: %v", seq, err)
				}
				if reply.GetError() == nil || !reply.GetOpen() {
					t.Fatalf("statement %d: answer %v", seq, reply)
				}
			}
		})
	}
}

// Numbers that do not rise end the transaction.
func TestRepeatedSequenceNumber(t *testing.T) {
	var closed int
	p := newPair(t, pairOptions{target: &fakeTarget{
		onQuery: func(context.Context, forward.Statement) (forward.Rows, error) {
			return &fakeRows{closed: func() { closed++ }, columns: []forward.Column{{Name: "a"}},
				more: fullRow}, nil
		},
	}})
	tx := rawTx(t, p)
	for _, seq := range []uint64{1, 3, 3} {
		req := rawStatement(wire.TxOp_TX_OP_QUERY, seq)
		tx.Send(req)
	}
	for _, want := range []fault.Kind{0, 0, fault.Protocol} {
		reply, err := tx.Recv()
		if err != nil || fault.Kind(reply.GetError().GetKind()) != want {
			t.Fatalf("answer %v, %v; want kind %v", reply.GetError(), err, want)
		}
	}
	if reply, err := tx.Recv(); err == nil {
		t.Errorf("the stream goes on: %v", reply)
	}
	p.stop() // waits for the handler
	if closed != 2 || p.target.open.Load() != 0 {
		t.Errorf("%d of 2 queries closed, %d transactions open", closed, p.target.open.Load())
	}
}
