package sqldriver

import (
	"database/sql/driver"
	"io"
	"reflect"
)

// serialized returns rows that hold mu while the driver's are used; without mu
// they are the driver's own.
func serialized(mu *turn, rows driver.Rows) driver.Rows {
	if mu == nil || rows == nil {
		return rows
	}
	return &serialRows{rows: rows, mu: mu}
}

// serialRows has every optional interface; where the driver's rows lack one, its
// answer is what database/sql assumes without it.
type serialRows struct {
	rows driver.Rows
	mu   *turn
}

var (
	_ driver.RowsNextResultSet              = (*serialRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*serialRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*serialRows)(nil)
	_ driver.RowsColumnTypeLength           = (*serialRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*serialRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*serialRows)(nil)
)

func (r *serialRows) Columns() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows.Columns()
}

func (r *serialRows) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows.Close()
}

func (r *serialRows) Next(dest []driver.Value) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows.Next(dest)
}

func (r *serialRows) HasNextResultSet() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.rows.(driver.RowsNextResultSet)
	return ok && n.HasNextResultSet()
}

func (r *serialRows) NextResultSet() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := r.rows.(driver.RowsNextResultSet); ok {
		return n.NextResultSet()
	}
	return io.EOF
}

func (r *serialRows) ColumnTypeScanType(i int) reflect.Type {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := r.rows.(driver.RowsColumnTypeScanType); ok {
		return n.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

func (r *serialRows) ColumnTypeDatabaseTypeName(i int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, ok := r.rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return n.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

func (r *serialRows) ColumnTypeLength(i int) (length int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, has := r.rows.(driver.RowsColumnTypeLength); has {
		return n.ColumnTypeLength(i)
	}
	return 0, false
}

func (r *serialRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, has := r.rows.(driver.RowsColumnTypeNullable); has {
		return n.ColumnTypeNullable(i)
	}
	return false, false
}

func (r *serialRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n, has := r.rows.(driver.RowsColumnTypePrecisionScale); has {
		return n.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}
