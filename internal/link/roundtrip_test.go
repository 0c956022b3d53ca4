package link_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func values() []driver.Value {
	return []driver.Value{
		nil, int64(math.MinInt64), int64(math.MaxInt64), int64(0), 1.5, math.Inf(-1), true, false,
		[]byte(nil), []byte{}, []byte{0, 255}, "", "é", "\xff\x00",
		time.Date(2024, 7, 1, 12, 30, 0, 123456789, time.UTC),
		time.Date(2024, 7, 1, 12, 30, 0, 1, time.FixedZone("X", 5400)),
	}
}

func namedValues() []driver.NamedValue {
	var args []driver.NamedValue
	for i, v := range values() {
		args = append(args, driver.NamedValue{Ordinal: i + 1, Name: fmt.Sprintf("p%d", i), Value: v})
	}
	return args
}

func TestExecCarriesEverything(t *testing.T) {
	want := forward.Statement{
		ID: forward.NewID(), SQL: "INSERT \xff", Args: namedValues(), ReadOnly: true,
		Session: forward.Session{Pragmas: map[string]string{"foreign_keys": "ON"}, LastInsertID: -5},
	}
	wantResult := forward.Result{
		LastInsertID: 3, RowsAffected: -1, Changed: 9,
		Position: engine.Position{TXID: math.MaxUint64, Checksum: 1 << 63},
	}
	got := make(chan forward.Statement, 1)
	remaining := make(chan time.Duration, 1)
	p := newPair(t, pairOptions{target: &fakeTarget{
		onExec: func(ctx context.Context, st forward.Statement) (forward.Result, error) {
			deadline, _ := ctx.Deadline()
			remaining <- time.Until(deadline)
			got <- st
			return wantResult, nil
		},
	}})
	res, err := p.db.Exec(within(t), want)
	if err != nil || res != wantResult {
		t.Errorf("result %+v, %v; want %+v", res, err, wantResult)
	}
	want.From = "replica" // who sent it is known there
	if st := <-got; !reflect.DeepEqual(st, want) {
		t.Errorf("got %+v\nwant %+v", st, want)
	}
	if d := <-remaining; d <= 0 || d > 20*time.Second {
		t.Errorf("remaining deadline %v", d)
	}
}

func readAll(t *testing.T, rows forward.Rows) (all [][]driver.Value, columns [][]forward.Column, err error) {
	t.Helper()
	for {
		dest := make([]driver.Value, len(rows.Columns()))
		if err = rows.Next(dest); err != nil {
			break
		}
		all = append(all, dest)
		columns = append(columns, append([]forward.Column(nil), rows.Columns()...))
	}
	if err == io.EOF {
		err = nil
	}
	return all, columns, errors.Join(err, rows.Close())
}

func queryBoth(t *testing.T, target *fakeTarget, check func(t *testing.T, query func(context.Context, forward.Statement) (forward.Rows, error))) {
	t.Run("alone", func(t *testing.T) {
		p := newPair(t, pairOptions{target: target})
		check(t, p.db.Query)
	})
	t.Run("in a transaction", func(t *testing.T) {
		p := newPair(t, pairOptions{target: target})
		tx, err := p.db.Begin(t.Context(), forward.TxOptions{ID: forward.NewID()})
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(within(t))
		check(t, tx.Query)
	})
}

func TestQueryCarriesValuesAndChangingColumns(t *testing.T) {
	row := values()
	first := make([]forward.Column, len(row))
	for i := range first {
		first[i] = forward.Column{
			Name: fmt.Sprint("c", i), DeclType: "TEXT", ScanType: reflect.TypeFor[string](),
			Length: 4, HasLength: true, Nullable: true, HasNullable: true, Precision: 2, Scale: 1, HasPrecisionScale: true,
		}
	}
	second := append([]forward.Column(nil), first...)
	second[0].ScanType, second[3].Length = nil, 77
	want := forward.Result{LastInsertID: 5}
	target := &fakeTarget{onQuery: func(context.Context, forward.Statement) (forward.Rows, error) {
		return &fakeRows{
			columns: first, perRow: [][]forward.Column{first, second, first},
			rows: [][]driver.Value{row, row, row}, result: want,
		}, nil
	}}
	queryBoth(t, target, func(t *testing.T, query func(context.Context, forward.Statement) (forward.Rows, error)) {
		rows, err := query(within(t), forward.Statement{ID: forward.NewID(), SQL: "SELECT"})
		if err != nil {
			t.Fatal(err)
		}
		all, columns, err := readAll(t, rows)
		if err != nil || len(all) != 3 {
			t.Fatalf("%d rows, %v", len(all), err)
		}
		for i := range all {
			if !reflect.DeepEqual(all[i], row) {
				t.Errorf("row %d: %#v\nwant %#v", i, all[i], row)
			}
		}
		for i, w := range [][]forward.Column{first, second, first} {
			if !reflect.DeepEqual(columns[i], w) {
				t.Errorf("columns of row %d: %+v\nwant %+v", i, columns[i], w)
			}
		}
		if rows.Result() != want {
			t.Errorf("result %+v", rows.Result())
		}
	})
}

func TestQueryManyRows(t *testing.T) {
	const n = 20_000
	target := &fakeTarget{onQuery: func(context.Context, forward.Statement) (forward.Rows, error) {
		return &fakeRows{columns: []forward.Column{{Name: "i"}, {Name: "s"}}, more: func(i int) ([]driver.Value, error) {
			if i == n {
				return nil, io.EOF
			}
			return []driver.Value{int64(i), "some text that makes the row longer"}, nil
		}}, nil
	}}
	queryBoth(t, target, func(t *testing.T, query func(context.Context, forward.Statement) (forward.Rows, error)) {
		rows, err := query(within(t), forward.Statement{ID: forward.NewID()})
		if err != nil {
			t.Fatal(err)
		}
		dest := make([]driver.Value, 2)
		for i := range n {
			if err := rows.Next(dest); err != nil || dest[0] != int64(i) {
				t.Fatalf("row %d: %v, %v", i, dest, err)
			}
		}
		if err := rows.Next(dest); err != io.EOF {
			t.Errorf("after the last row: %v", err)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestRowsClosedEarly(t *testing.T) {
	closed := make(chan struct{}, 10)
	target := &fakeTarget{onQuery: func(ctx context.Context, _ forward.Statement) (forward.Rows, error) {
		return &fakeRows{columns: []forward.Column{{Name: "b"}}, more: func(int) ([]driver.Value, error) {
			return []driver.Value{make([]byte, 1000)}, ctx.Err()
		}, result: forward.Result{LastInsertID: 4}, closed: func() { closed <- struct{}{} }}, nil
	}}
	queryBoth(t, target, func(t *testing.T, query func(context.Context, forward.Statement) (forward.Rows, error)) {
		rows, err := query(within(t), forward.Statement{ID: forward.NewID()})
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Next(make([]driver.Value, 1)); err != nil {
			t.Fatal(err)
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
		wait(t, "Close on the primary", closed)
	})
}

// A transaction may run statements while rows of it are open, as on one
// SQLite connection.
func TestStatementsBetweenRowsOfATransaction(t *testing.T) {
	target := &fakeTarget{onQuery: func(context.Context, forward.Statement) (forward.Rows, error) {
		return &fakeRows{columns: []forward.Column{{Name: "b"}}, more: func(i int) ([]driver.Value, error) {
			if i == 500 {
				return nil, io.EOF
			}
			return []driver.Value{make([]byte, 1000)}, nil
		}}, nil
	}}
	p := newPair(t, pairOptions{target: target})
	ctx := within(t)
	tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
	rows, err := tx.Query(ctx, forward.Statement{ID: forward.NewID()})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for dest := make([]driver.Value, 1); ; n++ {
		if err := rows.Next(dest); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID()}); err != nil {
			t.Fatal(err)
		}
	}
	if n != 500 || target.statements.Load() != 501 {
		t.Errorf("%d rows, %d statements", n, target.statements.Load())
	}
	if _, err := tx.Commit(ctx); err != nil {
		t.Error(err)
	}
}

func TestTransaction(t *testing.T) {
	p := newPair(t, pairOptions{})
	ctx := within(t)
	opts := forward.TxOptions{
		ID: forward.NewID(), Mode: "exclusive", ReadOnly: true, IdleLimit: time.Second, TotalLimit: time.Minute,
		Session: forward.Session{LastInsertID: 2},
	}
	got := make(chan forward.TxOptions, 1)
	p.target.onBegin = func(_ context.Context, o forward.TxOptions) error { got <- o; return nil }

	unused, _ := p.db.Begin(ctx, opts)
	if _, err := unused.Commit(ctx); err != nil || p.target.begins.Load() != 0 {
		t.Errorf("unused transaction: %v, begun %d times", err, p.target.begins.Load())
	}
	tx, _ := p.db.Begin(ctx, opts)
	if p.target.begins.Load() != 0 || !tx.Open() {
		t.Error("Begin made a round trip")
	}
	for range 3 {
		if _, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID()}); err != nil {
			t.Fatal(err)
		}
	}
	opts.From = "replica"
	if o := <-got; !reflect.DeepEqual(o, opts) {
		t.Errorf("options %+v, want %+v", o, opts)
	}
	want := forward.Result{Position: engine.Position{TXID: 3, Checksum: 4}}
	p.target.onCommit = func(context.Context) (forward.Result, error) { return want, nil }
	if res, err := tx.Commit(ctx); err != nil || res != want || tx.Open() {
		t.Errorf("Commit: %+v, %v, open %v", res, err, tx.Open())
	}
	if err := tx.Rollback(ctx); err != nil {
		t.Errorf("Rollback after Commit: %v", err)
	}
	if _, err := tx.Exec(ctx, forward.Statement{}); !errors.Is(err, fault.TxExpired) {
		t.Errorf("Exec after Commit: %v", err)
	}
}

func TestCommitThatLeavesTheTransactionOpen(t *testing.T) {
	p := newPair(t, pairOptions{target: &fakeTarget{
		onCommit: func(context.Context) (forward.Result, error) { return forward.Result{}, fault.Busy("busy") },
	}})
	ctx := within(t)
	tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
	if _, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID()}); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(ctx); fault.Code(err) != fault.CodeBusy || !tx.Open() {
		t.Errorf("Commit: %v, open %v", err, tx.Open())
	}
	if err := tx.Rollback(ctx); err != nil || p.target.rollbacks.Load() != 1 {
		t.Errorf("Rollback: %v, %d", err, p.target.rollbacks.Load())
	}
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	p := newPair(t, pairOptions{})
	for _, want := range []error{
		&fault.SQLError{Code: 19, ExtendedCode: 2067, Msg: "UNIQUE constraint failed: t.a"},
		&fault.Error{Kind: fault.NotPrimary, Msg: "x", RequestID: "ab", NothingRan: true},
		&fault.Error{Kind: fault.ReplicaBehind, Msg: "x", Committed: true},
		&fault.Error{Kind: 200, Msg: "of a later version"},
	} {
		p.target.onExec = func(context.Context, forward.Statement) (forward.Result, error) { return forward.Result{}, want }
		p.target.onQuery = func(context.Context, forward.Statement) (forward.Rows, error) { return nil, want }
		st := forward.Statement{ID: forward.NewID()}
		if _, err := p.db.Exec(within(t), st); !reflect.DeepEqual(err, want) {
			t.Errorf("Exec: %#v, want %#v", err, want)
		}
		if _, err := p.db.Query(within(t), st); !reflect.DeepEqual(err, want) {
			t.Errorf("Query: %#v, want %#v", err, want)
		}
	}
}

func TestLargeBlobs(t *testing.T) {
	blob := bytes.Repeat([]byte("0123456789"), 5<<20) // 50 MiB
	p := newPair(t, pairOptions{target: &fakeTarget{
		onExec: func(_ context.Context, st forward.Statement) (forward.Result, error) {
			return forward.Result{RowsAffected: int64(len(st.Args[0].Value.([]byte)))}, nil
		},
		onQuery: func(context.Context, forward.Statement) (forward.Rows, error) {
			return &fakeRows{columns: []forward.Column{{Name: "b"}}, rows: [][]driver.Value{{blob}, {blob}}}, nil
		},
	}})
	st := forward.Statement{ID: forward.NewID(), Args: []driver.NamedValue{{Ordinal: 1, Value: blob}}}
	if res, err := p.db.Exec(within(t), st); err != nil || res.RowsAffected != int64(len(blob)) {
		t.Errorf("Exec: %+v, %v", res, err)
	}
	rows, err := p.db.Query(within(t), forward.Statement{ID: forward.NewID()})
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := readAll(t, rows)
	if err != nil || len(all) != 2 || !bytes.Equal(all[1][0].([]byte), blob) {
		t.Errorf("Query: %d rows, %v", len(all), err)
	}
}

func TestConcurrentCallers(t *testing.T) {
	p := newPair(t, pairOptions{target: &fakeTarget{
		onExec: func(_ context.Context, st forward.Statement) (forward.Result, error) {
			return forward.Result{LastInsertID: st.Args[0].Value.(int64)}, nil
		},
	}})
	ctx := within(t)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 50 {
				n := int64(i*1000 + j)
				res, err := p.db.Exec(ctx, forward.Statement{
					ID: forward.NewID(), SQL: "INSERT", Args: []driver.NamedValue{{Ordinal: 1, Value: n}},
				})
				if err != nil || res.LastInsertID != n {
					t.Errorf("%d: %+v, %v", n, res, err)
				}
			}
			tx, _ := p.db.Begin(ctx, forward.TxOptions{ID: forward.NewID()})
			if _, err := tx.Exec(ctx, forward.Statement{ID: forward.NewID()}); err != nil {
				t.Error(err)
			}
			if _, err := tx.Commit(ctx); err != nil {
				t.Error(err)
			}
			rows, err := p.db.Query(ctx, forward.Statement{ID: forward.NewID()})
			if err == nil {
				_, _, err = readAll(t, rows)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := p.target.execs.Load(); n != 64*50 {
		t.Errorf("%d executions", n)
	}
}

// Texts travel once and are there each time.
func TestExecTexts(t *testing.T) {
	got := make(chan string, 1)
	p := newPair(t, pairOptions{target: &fakeTarget{
		onExec: func(_ context.Context, st forward.Statement) (forward.Result, error) {
			got <- st.SQL
			return forward.Result{}, nil
		},
	}})
	for i := range 9 {
		sql := []string{"INSERT 1", "INSERT 2", ""}[i%3]
		if _, err := p.db.Exec(within(t), forward.Statement{ID: forward.NewID(), SQL: sql}); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != sql {
			t.Errorf("%q has become %q", sql, text)
		}
	}
}
