package link_test

import (
	"context"
	"database/sql/driver"
	"io"
	"sync"
	"sync/atomic"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// fakeTarget counts what is run and does what its hooks say.
type fakeTarget struct {
	execs, queries, begins, statements, commits, rollbacks atomic.Int64

	// Each hook is optional; it runs after the count.
	onExec   func(ctx context.Context, st forward.Statement) (forward.Result, error)
	onQuery  func(ctx context.Context, st forward.Statement) (forward.Rows, error)
	onBegin  func(ctx context.Context, opts forward.TxOptions) error
	onCommit func(ctx context.Context) (forward.Result, error)
	onBatch  func(ctx context.Context, b forward.Batch) (forward.BatchResult, error)
	// onTx is onExec and onQuery of statements in a transaction.
	onTx func(ctx context.Context, st forward.Statement) (forward.Result, error)

	open atomic.Int64 // transactions
}

func (f *fakeTarget) Exec(ctx context.Context, st forward.Statement) (forward.Result, error) {
	f.execs.Add(1)
	if f.onExec != nil {
		return f.onExec(ctx, st)
	}
	return forward.Result{RowsAffected: 1, Changed: 1}, nil
}

func (f *fakeTarget) Query(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	f.queries.Add(1)
	if f.onQuery != nil {
		return f.onQuery(ctx, st)
	}
	return &fakeRows{columns: []forward.Column{{Name: "a"}}, rows: [][]driver.Value{{int64(1)}}}, nil
}

func (f *fakeTarget) Batch(ctx context.Context, b forward.Batch) (forward.BatchResult, error) {
	return f.onBatch(ctx, b)
}

func (f *fakeTarget) Begin(ctx context.Context, opts forward.TxOptions) (forward.Tx, error) {
	f.begins.Add(1)
	if f.onBegin != nil {
		if err := f.onBegin(ctx, opts); err != nil {
			return nil, err
		}
	}
	f.open.Add(1)
	return &fakeTx{f: f, open: true}, nil
}

type fakeTx struct {
	f    *fakeTarget
	open bool
}

func (t *fakeTx) Open() bool { return t.open }

func (t *fakeTx) Exec(ctx context.Context, st forward.Statement) (forward.Result, error) {
	t.f.statements.Add(1)
	if t.f.onTx != nil {
		return t.f.onTx(ctx, st)
	}
	return forward.Result{RowsAffected: 1}, nil
}

func (t *fakeTx) Query(ctx context.Context, st forward.Statement) (forward.Rows, error) {
	t.f.statements.Add(1)
	if t.f.onQuery != nil {
		return t.f.onQuery(ctx, st)
	}
	if t.f.onTx != nil {
		if _, err := t.f.onTx(ctx, st); err != nil {
			return nil, err
		}
	}
	return &fakeRows{columns: []forward.Column{{Name: "a"}}, rows: [][]driver.Value{{int64(1)}}}, nil
}

func (t *fakeTx) Commit(ctx context.Context) (forward.Result, error) {
	t.f.commits.Add(1)
	var res forward.Result
	var err error
	if t.f.onCommit != nil {
		res, err = t.f.onCommit(ctx)
	}
	if fault.Code(err) == fault.CodeBusy {
		return res, err
	}
	t.end()
	return res, err
}

func (t *fakeTx) Rollback(context.Context) error {
	if t.open {
		t.f.rollbacks.Add(1)
		t.end()
	}
	return nil
}

func (t *fakeTx) end() {
	t.open = false
	t.f.open.Add(-1)
}

// fakeRows are scripted rows.
type fakeRows struct {
	columns []forward.Column
	// perRow, if set, are the columns after each row.
	perRow [][]forward.Column
	rows   [][]driver.Value
	more   func(i int) ([]driver.Value, error) // instead of rows
	result forward.Result
	at     int
	closed func()
}

func (r *fakeRows) Columns() []forward.Column {
	if r.at > 0 && r.at <= len(r.perRow) {
		return r.perRow[r.at-1]
	}
	return r.columns
}

func (r *fakeRows) Next(dest []driver.Value) error {
	if r.more != nil {
		row, err := r.more(r.at)
		r.at++
		copy(dest, row)
		return err
	}
	if r.at == len(r.rows) {
		return io.EOF
	}
	copy(dest, r.rows[r.at])
	r.at++
	return nil
}

func (r *fakeRows) Result() forward.Result { return r.result }

func (r *fakeRows) Close() error {
	if r.closed != nil {
		r.closed()
	}
	return nil
}

// gate is a hook that tells when it was entered and waits to be let go.
type gate struct {
	entered chan struct{} // holds one per statement
	release chan struct{}
	once    sync.Once
}

func newGate() *gate {
	return &gate{entered: make(chan struct{}, 1000), release: make(chan struct{})}
}

// pass waits for open, or for ctx.
func (g *gate) pass(ctx context.Context) error {
	g.entered <- struct{}{}
	select {
	case <-g.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) open() { g.once.Do(func() { close(g.release) }) }

// fullRow is for fakeRows.more: rows without end that fill a first batch.
func fullRow(int) ([]driver.Value, error) { return []driver.Value{make([]byte, 40_000)}, nil }
