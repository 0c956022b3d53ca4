package link_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func TestBatchCarriesEverything(t *testing.T) {
	want := forward.Batch{ID: forward.NewID(), Statements: []forward.Statement{
		{SQL: "INSERT \xff", Args: namedValues()}, {SQL: "SELECT 1"}, {SQL: ""},
	}}
	var got forward.Batch
	p := newPair(t, pairOptions{target: &fakeTarget{
		onBatch: func(_ context.Context, b forward.Batch) (forward.BatchResult, error) {
			got = b
			return forward.BatchResult{
				Result: forward.Result{LastInsertID: 7, RowsAffected: 2, Position: engine.Position{TXID: 5, Checksum: 6}},
				Items: []forward.BatchItem{
					{Result: forward.Result{LastInsertID: -1, RowsAffected: 3, Changed: 4}},
					{Rows: &fakeRows{columns: []forward.Column{{Name: "a"}, {Name: "\xff"}}, rows: [][]driver.Value{{int64(1), nil}, {"x", []byte{0}}}}},
					{Rows: &fakeRows{columns: []forward.Column{{Name: "none"}}}},
				},
			}, nil
		},
	}})
	res, err := p.db.Batch(within(t), want)
	if err != nil {
		t.Fatal(err)
	}
	if got.From != "replica" || got.MaxRows == 0 {
		t.Errorf("from %q, at most %d bytes of rows", got.From, got.MaxRows)
	}
	got.From, got.MaxRows = "", 0
	for i := range got.Statements {
		if len(got.Statements[i].Args) == 0 {
			got.Statements[i].Args = nil
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if res.Result.LastInsertID != 7 || res.Result.Position.TXID != 5 || len(res.Items) != 3 || res.Items[0].Result.Changed != 4 || res.Items[0].Rows != nil {
		t.Errorf("%+v", res)
	}
	rows := res.Items[1].Rows
	if c := rows.Columns(); len(c) != 2 || c[1].Name != "\xff" {
		t.Errorf("columns %+v", c)
	}
	for _, want := range [][]driver.Value{{int64(1), nil}, {"x", []byte{0}}} {
		row := make([]driver.Value, 2)
		if err := rows.Next(row); err != nil || !reflect.DeepEqual(row, want) {
			t.Errorf("row %v, %v", row, err)
		}
	}
	for _, rows := range []forward.Rows{rows, res.Items[2].Rows} {
		if err := rows.Next(make([]driver.Value, 2)); !errors.Is(err, io.EOF) {
			t.Errorf("after the last row: %v", err)
		}
	}
}

func TestBatchErrors(t *testing.T) {
	var answer error
	p := newPair(t, pairOptions{target: &fakeTarget{
		onBatch: func(context.Context, forward.Batch) (forward.BatchResult, error) {
			return forward.BatchResult{}, answer
		},
	}})
	b := forward.Batch{ID: forward.NewID(), Statements: []forward.Statement{{SQL: "x"}}}
	answer = &fault.BatchError{Index: 4, Err: &fault.SQLError{Code: 19, ExtendedCode: 2067, Msg: "UNIQUE"}}
	_, err := p.db.Batch(within(t), b)
	var failed *fault.BatchError
	if !errors.As(err, &failed) || failed.Index != 4 || fault.Code(err) != 19 {
		t.Errorf("got %v", err)
	}
	answer = fault.Refuse(fault.NotPrimary, "elsewhere")
	if _, err = p.db.Batch(within(t), b); !errors.Is(err, fault.NotPrimary) || !fault.SafeToRetry(err) {
		t.Errorf("got %v", err)
	}
	b.Statements = make([]forward.Statement, 5000)
	if _, err = p.db.Batch(within(t), b); !errors.Is(err, fault.TooLarge) || !fault.SafeToRetry(err) {
		t.Errorf("got %v", err)
	}
	b.Statements = []forward.Statement{{SQL: "x", Args: []driver.NamedValue{{Ordinal: 1, Value: struct{}{}}}}}
	if _, err = p.db.Batch(within(t), b); !errors.As(err, &failed) || failed.Index != 0 || !errors.Is(err, fault.Unsupported) {
		t.Errorf("got %v", err)
	}
}

// A connection that breaks after a batch has left says that it may have run.
func TestBatchBroken(t *testing.T) {
	running := make(chan struct{})
	p := newPair(t, pairOptions{target: &fakeTarget{
		onBatch: func(ctx context.Context, _ forward.Batch) (forward.BatchResult, error) {
			close(running)
			<-ctx.Done()
			return forward.BatchResult{}, ctx.Err()
		},
	}})
	go func() {
		<-running
		p.conns.each(func(c *faultConn) { c.Close() })
	}()
	b := forward.Batch{ID: forward.NewID(), Statements: []forward.Statement{{SQL: "x"}}}
	_, err := p.db.Batch(within(t), b)
	var own *fault.Error
	if !errors.As(err, &own) || own.Kind != fault.OutcomeUnknown || own.RequestID != b.ID.String() {
		t.Errorf("got %v", err)
	}
}
