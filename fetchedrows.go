package litefwd

import (
	"database/sql/driver"
	"io"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/rowset"
)

// typedRows are rows with all that database/sql asks of their columns.
type typedRows interface {
	driver.Rows
	driver.RowsColumnTypeScanType
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
}

// fetchedRows are rows of which the first, or all, are in memory; after them
// come the others from the local handle, or an error.
type fetchedRows struct {
	typedRows // the first ones, then raw
	first     remoteRows
	set       describedRows
	names     []string
	raw       *localRows // open until Close, for what it knows of the columns
	all       bool       // they are all in memory
	err       error      // or nil
	given     func()     // gives the handle back; or nil
}

// fetched are the rows of a read, which may end with an error of their own, and an
// error; without rows it is the read's.
type fetched struct {
	rows *fetchedRows
	err  error
}

func newFetchedRows(set *rowset.Set, raw *localRows, err error, all bool) *fetchedRows {
	r := &fetchedRows{set: describedRows{set, raw}, names: raw.rows.Columns(), raw: raw, err: err, all: all}
	r.first = remoteRows{rows: &r.set, mapEr: fault.FromDriver}
	r.typedRows = &r.first
	return r
}

func (r *fetchedRows) Columns() []string { return r.names }

func (r *fetchedRows) Next(dest []driver.Value) error {
	switch {
	case r.set.Len() > 0:
		return r.typedRows.Next(dest)
	case r.err != nil:
		return r.err
	case r.all:
		return io.EOF
	}
	r.typedRows = r.raw
	return r.raw.Next(dest)
}

func (r *fetchedRows) Close() error {
	err := r.raw.Close()
	if r.given != nil {
		r.given()
		r.given = nil
	}
	return err
}

// describedRows ask the driver what the columns are when somebody wants to know
// it, which is seldom, and costs more than a row.
type describedRows struct {
	*rowset.Set
	raw *localRows
}

func (r *describedRows) Columns() []forward.Column {
	r.raw.describe(r.Set)
	return r.Set.Columns()
}
