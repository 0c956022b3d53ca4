package sqldriver

import (
	"database/sql/driver"
	"io"
	"reflect"
	"sync"
)

// serialized returns rows that hold mu while the driver's are used; without mu
// they are the driver's own.
func serialized(mu *sync.Mutex, rows driver.Rows) driver.Rows {
	if mu == nil || rows == nil {
		return rows
	}
	return &serialRows{rows: rows, mu: mu}
}

// serialRows has every optional interface; where the driver's rows lack one, its
// answer is what database/sql assumes without it.
type serialRows struct {
	rows driver.Rows
	mu   *sync.Mutex
}

var (
	_ driver.RowsNextResultSet              = (*serialRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*serialRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*serialRows)(nil)
	_ driver.RowsColumnTypeLength           = (*serialRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*serialRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*serialRows)(nil)
)

func (r *serialRows) Columns() (names []string) {
	locked(r.mu, func() { names = r.rows.Columns() })
	return names
}

func (r *serialRows) Close() (err error) {
	locked(r.mu, func() { err = r.rows.Close() })
	return err
}

func (r *serialRows) Next(dest []driver.Value) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows.Next(dest)
}

func (r *serialRows) HasNextResultSet() (has bool) {
	if n, ok := r.rows.(driver.RowsNextResultSet); ok {
		locked(r.mu, func() { has = n.HasNextResultSet() })
	}
	return has
}

func (r *serialRows) NextResultSet() error {
	err := io.EOF
	if n, ok := r.rows.(driver.RowsNextResultSet); ok {
		locked(r.mu, func() { err = n.NextResultSet() })
	}
	return err
}

func (r *serialRows) ColumnTypeScanType(i int) reflect.Type {
	t := reflect.TypeFor[any]()
	if n, ok := r.rows.(driver.RowsColumnTypeScanType); ok {
		locked(r.mu, func() { t = n.ColumnTypeScanType(i) })
	}
	return t
}

func (r *serialRows) ColumnTypeDatabaseTypeName(i int) (name string) {
	if n, ok := r.rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		locked(r.mu, func() { name = n.ColumnTypeDatabaseTypeName(i) })
	}
	return name
}

func (r *serialRows) ColumnTypeLength(i int) (length int64, ok bool) {
	if n, has := r.rows.(driver.RowsColumnTypeLength); has {
		locked(r.mu, func() { length, ok = n.ColumnTypeLength(i) })
	}
	return length, ok
}

func (r *serialRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if n, has := r.rows.(driver.RowsColumnTypeNullable); has {
		locked(r.mu, func() { nullable, ok = n.ColumnTypeNullable(i) })
	}
	return nullable, ok
}

func (r *serialRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if n, has := r.rows.(driver.RowsColumnTypePrecisionScale); has {
		locked(r.mu, func() { precision, scale, ok = n.ColumnTypePrecisionScale(i) })
	}
	return precision, scale, ok
}
