package rowset

import (
	"database/sql/driver"
	"reflect"

	"github.com/litefwd/litefwd/internal/forward"
)

// Describer describes the columns of a driver's rows.
type Describer struct {
	Raw driver.Rows
	// RowTypes: the column types follow the values of the current row
	// (modernc.org/sqlite), so they are asked for again after each Next; see
	// [RowTypes].
	RowTypes bool
	// Known is what Columns has returned last, or nil. It may come from earlier rows
	// of the same statement, if the schema is the same.
	Known []forward.Column
}

// Columns returns what the driver says of the columns at the current row. The
// slice is never changed afterwards: as long as the answer is the same, so is
// the slice.
func (d *Describer) Columns() []forward.Column {
	if d.Known == nil {
		d.Known = d.ask()
		return d.Known
	}
	if d.RowTypes && !d.same() {
		d.Known = d.ask()
	}
	return d.Known
}

func (d *Describer) ask() []forward.Column {
	names := d.Raw.Columns()
	cols := make([]forward.Column, len(names))
	for i, name := range names {
		col := &cols[i]
		col.Name = name
		col.ScanType = d.scanType(i)
		col.Length, col.HasLength = d.length(i)
		if r, ok := d.Raw.(driver.RowsColumnTypeDatabaseTypeName); ok {
			col.DeclType = r.ColumnTypeDatabaseTypeName(i)
		}
		if r, ok := d.Raw.(driver.RowsColumnTypeNullable); ok {
			col.Nullable, col.HasNullable = r.ColumnTypeNullable(i)
		}
		if r, ok := d.Raw.(driver.RowsColumnTypePrecisionScale); ok {
			col.Precision, col.Scale, col.HasPrecisionScale = r.ColumnTypePrecisionScale(i)
		}
	}
	return cols
}

// same reports whether what depends on the row is as it was.
func (d *Describer) same() bool {
	for i, col := range d.Known {
		length, has := d.length(i)
		if d.scanType(i) != col.ScanType || length != col.Length || has != col.HasLength {
			return false
		}
	}
	return true
}

// scanType is the driver's answer; nil is one (modernc's for NULL). A driver
// that does not say so gets what database/sql would take.
func (d *Describer) scanType(i int) reflect.Type {
	if r, ok := d.Raw.(driver.RowsColumnTypeScanType); ok {
		return r.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (d *Describer) length(i int) (int64, bool) {
	if r, ok := d.Raw.(driver.RowsColumnTypeLength); ok {
		return r.ColumnTypeLength(i)
	}
	return 0, false
}
