package writer

import (
	"database/sql/driver"
	"reflect"

	"github.com/litefwd/litefwd/internal/forward"
)

// columns describes the columns of a driver's rows.
type columns struct {
	raw    driver.Rows
	perRow bool // traits.rowTypes
	last   []forward.Column
}

// describe returns what the driver says of the columns at the current row. The
// slice is never changed afterwards: as long as the answer is the same, so is
// the slice.
func (c *columns) describe() []forward.Column {
	if c.last == nil {
		c.last = c.ask()
		return c.last
	}
	if c.perRow && !c.same() {
		c.last = c.ask()
	}
	return c.last
}

func (c *columns) ask() []forward.Column {
	names := c.raw.Columns()
	cols := make([]forward.Column, len(names))
	for i, name := range names {
		col := &cols[i]
		col.Name = name
		col.ScanType = c.scanType(i)
		col.Length, col.HasLength = c.length(i)
		if r, ok := c.raw.(driver.RowsColumnTypeDatabaseTypeName); ok {
			col.DeclType = r.ColumnTypeDatabaseTypeName(i)
		}
		if r, ok := c.raw.(driver.RowsColumnTypeNullable); ok {
			col.Nullable, col.HasNullable = r.ColumnTypeNullable(i)
		}
		if r, ok := c.raw.(driver.RowsColumnTypePrecisionScale); ok {
			col.Precision, col.Scale, col.HasPrecisionScale = r.ColumnTypePrecisionScale(i)
		}
	}
	return cols
}

// same reports whether what depends on the row is as it was.
func (c *columns) same() bool {
	for i, col := range c.last {
		length, has := c.length(i)
		if c.scanType(i) != col.ScanType || length != col.Length || has != col.HasLength {
			return false
		}
	}
	return true
}

// scanType is the driver's answer; nil is one (modernc's for NULL). A driver
// that does not say so gets what database/sql would take.
func (c *columns) scanType(i int) reflect.Type {
	if r, ok := c.raw.(driver.RowsColumnTypeScanType); ok {
		return r.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (c *columns) length(i int) (int64, bool) {
	if r, ok := c.raw.(driver.RowsColumnTypeLength); ok {
		return r.ColumnTypeLength(i)
	}
	return 0, false
}
