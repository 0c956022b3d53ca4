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
// come the others from the local handle, or an error. A connection uses them again
// once they are closed: what the application has are handedRows.
type fetchedRows struct {
	typedRows // the first ones, then raw
	first     remoteRows
	set       describedRows
	names     []string
	raw       localRows // open until Close, for what it knows of the columns, unless that is known
	all       bool      // they are all in memory
	err       error     // or nil
	of        *conn     // whose application has them; or nil
	lease     *handle   // to be given back; or nil
}

// fetched are the rows of a read, which may end with an error of their own, and an
// error; without rows it is the read's.
type fetched struct {
	rows *fetchedRows
	err  error
}

// emptyRows returns rows to be filled.
func (c *conn) emptyRows() *fetchedRows {
	r := c.spare
	c.spare = nil
	if r == nil {
		r = new(fetchedRows)
	}
	return r
}

// handOut makes rows the application's, which closes them; lease is given back then.
func (c *conn) handOut(rows *fetchedRows, lease *handle) *handedRows {
	c.handedOut++
	rows.of, rows.lease = c, lease
	return &handedRows{rows}
}

// handedRows stay closed when they were, whoever has their fetchedRows then.
type handedRows struct{ *fetchedRows }

// closedRows have no columns and no rows.
var closedRows = &fetchedRows{typedRows: &remoteRows{rows: &rowset.Set{}}, all: true, raw: localRows{shut: true}}

func (r *handedRows) Close() error {
	rows := r.fetchedRows
	r.fetchedRows = closedRows
	return rows.Close()
}

// filled makes r show what is in its set, which raw has more of unless all is set or
// the rows end with err.
func (r *fetchedRows) filled(all bool, err error) {
	r.names, r.all, r.err = r.raw.rows.Columns(), all || err != nil, err
	r.set.raw = &r.raw
	r.first = remoteRows{rows: &r.set, mapEr: fault.FromDriver}
	r.typedRows = &r.first
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
	r.typedRows = &r.raw
	return r.raw.Next(dest)
}

func (r *fetchedRows) Close() error {
	err := r.raw.Close()
	c, lease := r.of, r.lease
	if c == nil {
		return err
	}
	*r = fetchedRows{}
	c.spare = r
	c.handedOut--
	if lease != nil {
		c.db.leases.give(lease)
	}
	return err
}

// describedRows ask the driver what the columns are when somebody wants to know
// it, which is seldom, and costs more than a row.
type describedRows struct {
	rowset.Set
	raw *localRows
}

func (r *describedRows) Columns() []forward.Column {
	if r.raw.in != nil { // else they were, in a lease
		r.raw.describe(&r.Set)
	}
	return r.Set.Columns()
}
