package conformance

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxRows is how many rows of one result appear in full; the rest is
	// counted and hashed, so that a large result is still compared exactly.
	maxRows = 25
	// maxTyped is for how many rows the column types are looked at again:
	// ScanType may depend on the current row's values.
	maxTyped = 3
)

// ReadAll records the columns, rows and result sets of rows and closes them.
func (e *Env) ReadAll(rows *sql.Rows) error {
	defer rows.Close()
	for {
		if err := e.readSet(rows); err != nil {
			return err
		}
		if !rows.NextResultSet() {
			break
		}
		e.Note("next result set")
	}
	if err := rows.Err(); err != nil {
		return e.Err("result sets", err)
	}
	if err := rows.Close(); err != nil {
		return e.Err("close rows", err)
	}
	return nil
}

func (e *Env) readSet(rows *sql.Rows) error {
	types, err := e.Columns(rows)
	if err != nil {
		return err
	}
	cols, err := rows.Columns()
	if err != nil {
		return e.Err("columns", err)
	}
	n := 0
	rest := sha256.New()
	for rows.Next() {
		vals := make([]any, len(cols))
		ptrs := make([]any, len(cols))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return e.Err("scan", err)
		}
		n++
		if n <= maxTyped && len(cols) > 0 {
			if now := columnTypes(rows); !slices.Equal(now, types) {
				e.Note("columns at row %d: %s", n, strings.Join(now, "; "))
				types = now
			}
		}
		if n <= maxRows {
			e.row(vals)
			continue
		}
		for _, v := range vals {
			fmt.Fprintf(rest, "%s\x00", show(v))
		}
		rest.Write([]byte{'\n'})
	}
	if n > maxRows {
		e.Note("rows: %d in all, the rest has sha256 %x", n, rest.Sum(nil)[:8])
	}
	if err := rows.Err(); err != nil {
		return e.Err("rows", err)
	}
	if n == 0 {
		e.Note("no rows")
	}
	return nil
}

// Columns records the columns of rows as they are now, and returns their
// descriptions.
func (e *Env) Columns(rows *sql.Rows) ([]string, error) {
	cols, err := rows.Columns()
	if err != nil {
		return nil, e.Err("columns", err)
	}
	if len(cols) == 0 {
		e.Note("no columns")
		return nil, nil
	}
	types := columnTypes(rows)
	e.Note("columns: %s", strings.Join(types, "; "))
	return types, nil
}

// columnTypes describes all that database/sql tells about each column.
func columnTypes(rows *sql.Rows) []string {
	types, err := rows.ColumnTypes()
	if err != nil {
		return []string{"error " + describeError(err)}
	}
	out := make([]string, len(types))
	for i, c := range types {
		var b strings.Builder
		fmt.Fprintf(&b, "%q %q", c.Name(), c.DatabaseTypeName())
		if t := c.ScanType(); t == nil {
			b.WriteString(" scan=nil")
		} else {
			fmt.Fprintf(&b, " scan=%s", t)
		}
		if null, ok := c.Nullable(); ok {
			fmt.Fprintf(&b, " nullable=%t", null)
		}
		if n, ok := c.Length(); ok {
			fmt.Fprintf(&b, " length=%d", n)
		}
		if p, s, ok := c.DecimalSize(); ok {
			fmt.Fprintf(&b, " decimal=%d,%d", p, s)
		}
		out[i] = b.String()
	}
	return out
}
