package writer

import (
	"database/sql/driver"
	"errors"
	"io"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// collected are the rows of a statement that has ended. It implements
// forward.Rows.
type collected struct {
	rows [][]driver.Value
	// cols describes the columns from row cols[i].from on, the last entry
	// to the end.
	cols []describedFrom
	at   int // the entry of cols that describes the current row
	next int
	res  forward.Result
}

type describedFrom struct {
	from int
	cols []forward.Column
}

var _ forward.Rows = (*collected)(nil)

// collect fetches all rows of raw, within the Writer's limits, and closes it.
func (w *Writer) collect(c *conn, raw driver.Rows) (_ *collected, err error) {
	defer func() {
		if e := raw.Close(); err == nil && e != nil {
			err = c.failed(e)
		}
	}()
	desc := columns{raw: raw, perRow: w.traits.rowTypes}
	out := &collected{cols: []describedFrom{{0, desc.describe()}}}
	width, size := len(out.cols[0].cols), int64(0)
	for {
		row := make([]driver.Value, width)
		if err := raw.Next(row); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, c.failed(err)
		}
		size += own(row)
		out.rows = append(out.rows, row)
		if err := w.withinLimits(len(out.rows), size); err != nil {
			return nil, err
		}
		if now := desc.describe(); width > 0 && &now[0] != &out.cols[len(out.cols)-1].cols[0] {
			out.cols = append(out.cols, describedFrom{len(out.rows) - 1, now})
		}
	}
}

func (w *Writer) withinLimits(rows int, size int64) error {
	switch {
	case rows > w.opts.MaxResultRows:
		return fault.New(fault.TooLarge, "the write returns more than %d rows (MaxResultRows); it was rolled back",
			w.opts.MaxResultRows)
	case size > int64(w.opts.MaxResult):
		return fault.New(fault.TooLarge, "the rows that the write returns exceed %d bytes (MaxResult); it was rolled back",
			w.opts.MaxResult)
	}
	return nil
}

// own copies what the driver might use again, and returns about how much
// memory the row takes. A nil []byte stays one: it is a driver's spelling of
// the empty blob.
func own(row []driver.Value) int64 {
	size := int64(0)
	for i, v := range row {
		size += 16
		switch v := v.(type) {
		case []byte:
			size += int64(len(v))
			if v != nil {
				row[i] = append([]byte{}, v...)
			}
		case string:
			size += int64(len(v))
		}
	}
	return size
}

// Columns implements forward.Rows.
func (r *collected) Columns() []forward.Column { return r.cols[r.at].cols }

// Next implements forward.Rows.
func (r *collected) Next(dest []driver.Value) error {
	if r.next >= len(r.rows) {
		return io.EOF
	}
	copy(dest, r.rows[r.next])
	r.rows[r.next] = nil // the caller's now
	if r.at+1 < len(r.cols) && r.cols[r.at+1].from <= r.next {
		r.at++
	}
	r.next++
	return nil
}

// Result implements forward.Rows.
func (r *collected) Result() forward.Result { return r.res }

// Close implements forward.Rows.
func (r *collected) Close() error {
	r.rows = nil
	return nil
}
