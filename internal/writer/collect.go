package writer

import (
	"database/sql/driver"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/rowset"
)

// collect fetches all rows of raw, within the Writer's limits, and closes it.
func (w *Writer) collect(c *conn, raw driver.Rows) (_ *rowset.Set, err error) {
	defer func() {
		if e := raw.Close(); err == nil && e != nil {
			err = c.failed(e)
		}
	}()
	rows := new(rowset.Set)
	done, err := rows.Fill(rowset.Describer{Raw: raw, RowTypes: w.traits.rowTypes}, w.opts.MaxResultRows, int64(w.opts.MaxResult), nil)
	switch {
	case err != nil:
		return nil, c.failed(fault.FromDriver(err))
	case done:
		rows.Describe()
		return rows, nil
	case rows.Len() > w.opts.MaxResultRows:
		return nil, fault.New(fault.TooLarge, "the write returns more than %d rows (MaxResultRows); it was rolled back",
			w.opts.MaxResultRows)
	default:
		return nil, fault.New(fault.TooLarge, "the rows that the write returns exceed %d bytes (MaxResult); it was rolled back",
			w.opts.MaxResult)
	}
}
