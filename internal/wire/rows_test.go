package wire

import (
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/internal/forward"
)

// flickering are rows whose every column has another type in each row, as
// modernc.org/sqlite gives them where NULLs and integers alternate.
type flickering struct {
	columns []forward.Column
	at, n   int
}

func (r *flickering) Next(dest []driver.Value) error {
	if r.at == r.n {
		return io.EOF
	}
	r.at++
	for i := range dest {
		r.columns[i].ScanType, dest[i] = nil, nil
		if r.at%2 == 0 {
			r.columns[i].ScanType, dest[i] = reflect.TypeFor[int64](), int64(r.at)
		}
	}
	return nil
}

func (r *flickering) Columns() []forward.Column { return r.columns }
func (r *flickering) Result() forward.Result    { return forward.Result{} }
func (r *flickering) Close() error              { return nil }

// Whatever the columns do, each batch is one that the receiver takes.
func TestChangingColumnsRoundTrip(t *testing.T) {
	for _, test := range []struct{ rows, columns int }{{150_000, 1}, {200, 2000}, {4, MaxColumns / 2}} {
		columns := make([]forward.Column, test.columns)
		for i := range columns {
			columns[i] = forward.Column{Name: "c", DeclType: "INTEGER"}
		}
		packer, header := NewRowPacker(&flickering{columns: columns, n: test.rows}, DefaultMaxMessage)
		const target = 128 << 10
		got, reader := 0, &RowReader{}
		for done := false; !done; {
			batch, err := packer.Batch(target, nil)
			if done = errors.Is(err, io.EOF); err != nil && !done {
				t.Fatal(err)
			}
			data, err := proto.Marshal(&QueryReply{Header: header, Rows: batch, Done: done, Result: &Result{Position: &Position{}}})
			if err != nil {
				t.Fatal(err)
			}
			if batch.GetCount() > 1 && proto.Size(batch) > 2*target {
				t.Errorf("a batch of %d rows has %d bytes", batch.GetCount(), proto.Size(batch))
			}
			var reply QueryReply
			if err := Unmarshal(data, &reply); err != nil {
				t.Fatalf("%d rows of %d columns: after %d rows: %v", test.rows, test.columns, got, err)
			}
			if header != nil {
				if reader, err = NewRowReader(reply.GetHeader()); err != nil {
					t.Fatal(err)
				}
				header = nil
			}
			got += checkFlickering(t, reader, reply.GetRows(), got)
		}
		if got != test.rows {
			t.Errorf("%d rows, want %d", got, test.rows)
		}
	}
}

// checkFlickering reads a batch whose first row comes after before others.
func checkFlickering(t *testing.T, r *RowReader, b *RowBatch, before int) (rows int) {
	t.Helper()
	if err := r.Add(b); err != nil {
		t.Fatal(err)
	}
	dest := make([]driver.Value, len(r.Columns()))
	for r.Next(dest) == nil {
		rows++
		var want driver.Value
		if (before+rows)%2 == 0 {
			want = int64(before + rows)
		}
		last := len(dest) - 1
		if dest[last] != want || (r.Columns()[last].ScanType == nil) != (want == nil) {
			t.Fatalf("row %d: %v of type %v", before+rows, dest[last], r.Columns()[last].ScanType)
		}
	}
	return rows
}
