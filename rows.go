package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"slices"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// localRows are the local driver's rows with errors made *SQLError. Where the
// driver lacks one of the optional interfaces, the answer is what
// database/sql assumes without it (sql.go, rowsColumnInfoSetupConnLocked).
type localRows struct {
	rows   driver.Rows
	closed func() error // called once by Close; or nil
	in     *readTx      // whose mutex guards the others; or nil
	// cancel interrupts the statement; nil without in. own: it is for no other one.
	// Whoever ends the transaction may call it later than that, so it is never set anew.
	cancel *context.CancelFunc
	own    bool
	shut   bool            // rows are closed
	set    *rowset.Set     // has all rows, and may have to be described still; or nil
	kept   *sqldriver.Kept // the statement, to be given back with its arguments; or nil
	args   []driver.NamedValue
	of     *handle         // whose openRows counts them until Close
	stmt   *sqldriver.Stmt // the prepared one that is busy with them; or nil
}

var (
	_ driver.RowsNextResultSet = (*localRows)(nil)
	_ typedRows                = (*localRows)(nil)
)

func (r *localRows) Columns() []string { return ask(r, nil, r.rows.Columns) }

func (r *localRows) Close() error {
	err := r.shutByOwner()
	if r.of != nil {
		r.of.openRows--
		r.of = nil
	}
	if r.closed != nil {
		err = firstError(err, r.closed())
		r.closed = nil
	}
	return err
}

func (r *localRows) shutByOwner() error {
	if r.in == nil {
		return r.shutLocked()
	}
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	r.set = nil // nobody will ask for its columns
	return r.shutLocked()
}

// shutLocked closes the driver's rows, once.
func (r *localRows) shutLocked() error {
	if r.shut {
		return nil
	}
	r.shut = true
	if r.set != nil {
		r.set.Describe()
	}
	err := fault.FromDriver(r.rows.Close())
	if r.in != nil {
		i := slices.Index(r.in.rows, r)
		r.in.rows = slices.Delete(r.in.rows, i, i+1)
	}
	r.releaseLocked()
	return err
}

// releaseLocked gives the statement back, and frees what was made to interrupt it.
func (r *localRows) releaseLocked() {
	if r.kept != nil {
		r.in.h.kept.Put(r.kept, r.args)
		r.kept, r.args = nil, nil
	}
	if r.stmt != nil {
		r.stmt.Busy.Store(false)
	}
	if r.own {
		(*r.cancel)()
	}
}

// describe sees to it that set, which has these rows, knows its columns.
func (r *localRows) describe(set *rowset.Set) {
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	if !r.shut {
		set.Describe()
	}
}

func (r *localRows) Next(dest []driver.Value) error {
	if r.in == nil {
		return rowsError(r.rows.Next(dest))
	}
	return r.in.use(r.cancel, func() error {
		if r.shut {
			return io.EOF
		}
		return rowsError(r.rows.Next(dest))
	})
}

func (r *localRows) HasNextResultSet() bool {
	n, ok := r.rows.(driver.RowsNextResultSet)
	return ok && ask(r, false, n.HasNextResultSet)
}

func (r *localRows) NextResultSet() error {
	if n, ok := r.rows.(driver.RowsNextResultSet); ok {
		return rowsError(ask(r, io.EOF, n.NextResultSet))
	}
	return io.EOF
}

func (r *localRows) ColumnTypeScanType(i int) reflect.Type {
	if t, ok := r.rows.(driver.RowsColumnTypeScanType); ok {
		return ask(r, nil, func() reflect.Type { return t.ColumnTypeScanType(i) })
	}
	return reflect.TypeFor[any]()
}

func (r *localRows) ColumnTypeDatabaseTypeName(i int) string {
	if t, ok := r.rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return ask(r, "", func() string { return t.ColumnTypeDatabaseTypeName(i) })
	}
	return ""
}

func (r *localRows) ColumnTypeLength(i int) (length int64, ok bool) {
	if t, has := r.rows.(driver.RowsColumnTypeLength); has {
		ask(r, 0, func() int { length, ok = t.ColumnTypeLength(i); return 0 })
	}
	return length, ok
}

func (r *localRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if t, has := r.rows.(driver.RowsColumnTypeNullable); has {
		ask(r, 0, func() int { nullable, ok = t.ColumnTypeNullable(i); return 0 })
	}
	return nullable, ok
}

func (r *localRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if t, has := r.rows.(driver.RowsColumnTypePrecisionScale); has {
		ask(r, 0, func() int { precision, scale, ok = t.ColumnTypePrecisionScale(i); return 0 })
	}
	return precision, scale, ok
}

// ask asks r's driver rows; without is the answer when they are closed already.
func ask[T any](r *localRows, without T, f func() T) T {
	if r.in == nil {
		return f()
	}
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	if r.shut {
		return without
	}
	return f()
}

// rowsError leaves io.EOF as it is: database/sql compares it with ==.
func rowsError(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // the contract of driver.Rows
		return err
	}
	return fault.FromDriver(err)
}

// remoteRows are the rows of a statement that ran on the primary.
type remoteRows struct {
	rows  forward.Rows
	cols  []forward.Column // of the present row; nil until asked for
	done  func()           // called once by Close; or nil
	mapEr func(error) error
}

var (
	_ driver.Rows                           = (*remoteRows)(nil)
	_ driver.RowsColumnTypeScanType         = (*remoteRows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*remoteRows)(nil)
	_ driver.RowsColumnTypeLength           = (*remoteRows)(nil)
	_ driver.RowsColumnTypeNullable         = (*remoteRows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*remoteRows)(nil)
)

func (r *remoteRows) Columns() []string {
	columns := r.columns()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

func (r *remoteRows) Next(dest []driver.Value) error {
	r.cols = nil
	err := r.rows.Next(dest)
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return r.mapEr(err)
}

func (r *remoteRows) Close() error {
	err := r.rows.Close()
	if r.done != nil {
		r.done()
		r.done = nil
	}
	if err != nil {
		return r.mapEr(err)
	}
	return nil
}

// columns asks once per row: database/sql asks for each column by itself.
func (r *remoteRows) columns() []forward.Column {
	if r.cols == nil {
		r.cols = r.rows.Columns()
	}
	return r.cols
}

func (r *remoteRows) column(i int) forward.Column { return r.columns()[i] }

func (r *remoteRows) ColumnTypeScanType(i int) reflect.Type   { return r.column(i).ScanType }
func (r *remoteRows) ColumnTypeDatabaseTypeName(i int) string { return r.column(i).DeclType }
func (r *remoteRows) ColumnTypeLength(i int) (int64, bool) {
	return r.column(i).Length, r.column(i).HasLength
}
func (r *remoteRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	return r.column(i).Nullable, r.column(i).HasNullable
}

func (r *remoteRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	c := r.column(i)
	return c.Precision, c.Scale, c.HasPrecisionScale
}

// result is a driver.Result of values: it outlives the connection.
type result struct{ lastInsertID, rowsAffected int64 }

var _ driver.Result = result{}

func (r result) LastInsertId() (int64, error) { return r.lastInsertID, nil }
func (r result) RowsAffected() (int64, error) { return r.rowsAffected, nil }
