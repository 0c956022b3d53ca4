package wire

import (
	"database/sql/driver"
	"io"
	"slices"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

// RowPacker turns a statement's rows into batches.
type RowPacker struct {
	rows    forward.Rows
	columns []forward.Column // as the receiver knows them
	row     []driver.Value
	// limit is the most bytes that one row may have.
	limit int
	// held is a row that did not fit into the batch before, packed.
	held        []byte
	heldChanges []*ColumnChange
	heldSize    int // of both
}

// NewRowPacker returns a packer of rows and the header that the receiver
// needs first. The caller still owns rows. A row of more than limit bytes is
// an error of kind fault.TooLarge.
func NewRowPacker(rows forward.Rows, limit int) (*RowPacker, *Header) {
	columns := slices.Clone(rows.Columns())
	return &RowPacker{
		rows: rows, columns: columns, row: make([]driver.Value, len(columns)), limit: limit,
	}, newHeader(columns)
}

// Batch returns the next rows: as many as fit with their changes of columns
// into target bytes, at least one, until full returns true or the rows end. The error is io.EOF with the
// last batch, whose rows count, as they do with any other error. The batch is
// nil if it has no rows.
func (p *RowPacker) Batch(target int, full func() bool) (*RowBatch, error) {
	b := &RowBatch{}
	for size := 0; ; {
		if p.held == nil {
			if err := p.next(); err != nil {
				return b.orNil(), err
			}
		}
		if b.Count > 0 && (size+p.heldSize > target || len(b.Changes)+len(p.heldChanges) > maxBatchChanges) {
			return b, nil
		}
		if b.Values == nil {
			b.Values = p.held
		} else {
			b.Values = append(b.Values, p.held...)
		}
		for _, c := range p.heldChanges {
			c.Row = b.Count
			b.Changes = append(b.Changes, c)
		}
		b.Count++
		size += p.heldSize
		p.held, p.heldChanges, p.heldSize = nil, nil, 0
		if size >= target || b.Count >= maxBatchRows || full != nil && full() {
			return b, nil
		}
	}
}

const (
	// maxBatchRows bounds a batch of rows that take no bytes (no columns).
	maxBatchRows = 1 << 16
	// maxBatchChanges bounds the changes of columns in a batch of several
	// rows: each is two messages, of which the receiver takes maxInside.
	maxBatchChanges = 8 << 10
	// changeSize is about what a change takes besides its DeclType.
	changeSize = 16
)

func (m *RowBatch) orNil() *RowBatch {
	if m.Count == 0 {
		return nil
	}
	return m
}

// next packs one row into held.
func (p *RowPacker) next() error {
	clear(p.row)
	if err := p.rows.Next(p.row); err != nil {
		return err
	}
	size := 0
	for _, v := range p.row {
		size += valueSize(v)
	}
	if size > p.limit {
		return fault.New(fault.TooLarge, "a row of %d bytes is more than the limit of %d", size, p.limit)
	}
	packed := make([]byte, 0, size)
	for i, v := range p.row {
		var err error
		if packed, err = AppendValue(packed, v); err != nil {
			return fault.New(fault.Unsupported, "column %q has a value of type %T: %w",
				p.columns[i].Name, v, err)
		}
	}
	p.held, p.heldSize = packed, size
	p.compare(p.rows.Columns())
	return nil
}

// compare notes how the columns differ from those of the row before.
func (p *RowPacker) compare(now []forward.Column) {
	if len(now) != len(p.columns) {
		return // columns never change in number; a driver that says so is not believed
	}
	for i := range now {
		if p.columns[i] == now[i] {
			continue
		}
		name := p.columns[i].Name
		p.columns[i] = now[i]
		p.columns[i].Name = name
		p.heldChanges = append(p.heldChanges, &ColumnChange{
			Column: uint32(i), Type: newColumnType(&now[i]), DeclType: []byte(now[i].DeclType),
		})
		p.heldSize += changeSize + len(now[i].DeclType)
	}
}

// RowReader takes batches apart again.
type RowReader struct {
	columns []forward.Column
	values  reader
	left    uint32 // rows left in the batch
	row     uint32 // number of the next row in the batch
	changes []*ColumnChange
}

// NewRowReader returns a reader for the rows that h describes.
func NewRowReader(h *Header) (*RowReader, error) {
	if n := len(h.GetColumns()); n > MaxColumns {
		return nil, fault.New(fault.Protocol, "result has %d columns", n)
	}
	return &RowReader{columns: h.columns()}, nil
}

// Columns describes the columns of the last row; the slice is overwritten by
// the next row.
func (r *RowReader) Columns() []forward.Column { return r.columns }

// Add gives r the next batch, once the one before is used up.
func (r *RowReader) Add(b *RowBatch) error {
	count := b.GetCount()
	if len(r.columns) > 0 && uint64(count)*uint64(len(r.columns)) > uint64(len(b.GetValues())) ||
		len(r.columns) == 0 && count > maxBatchRows {
		return fault.New(fault.Protocol, "batch of %d rows has %d bytes", count, len(b.GetValues()))
	}
	r.values = reader{data: b.GetValues()}
	r.left, r.row, r.changes = count, 0, b.GetChanges()
	return nil
}

// Next unpacks the next row. It returns io.EOF at the end of the batch.
func (r *RowReader) Next(dest []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	if len(dest) != len(r.columns) {
		return fault.New(fault.Protocol, "row has %d columns, room for %d", len(r.columns), len(dest))
	}
	for len(r.changes) > 0 && r.changes[0].GetRow() <= r.row {
		c := r.changes[0]
		if c.GetColumn() >= uint32(len(r.columns)) {
			return fault.New(fault.Protocol, "change of column %d of %d", c.GetColumn(), len(r.columns))
		}
		c.GetType().apply(&r.columns[c.GetColumn()])
		r.columns[c.GetColumn()].DeclType = string(c.GetDeclType())
		r.changes = r.changes[1:]
	}
	for i := range dest {
		dest[i] = r.values.value()
	}
	r.left--
	r.row++
	if r.left == 0 && len(r.values.data) > 0 {
		r.values.fail("batch has %d bytes after its last row", len(r.values.data))
	}
	return r.values.err
}
