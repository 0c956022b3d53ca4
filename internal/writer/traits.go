package writer

import (
	"context"
	"database/sql/driver"

	"github.com/litefwd/litefwd/internal/rowset"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// traits are the ways in which drivers differ, found out by trying.
type traits struct {
	// sharedArgs: every statement of a text gets all the arguments and binds
	// the first that it needs (modernc.org/sqlite). Otherwise each takes the
	// next ones (mattn/go-sqlite3).
	sharedArgs bool
	// rowTypes: the column types follow the values of the current row
	// (modernc.org/sqlite), so they are asked for again after each Next.
	rowTypes bool
}

// probe finds the traits of the driver behind c.
func probe(c *conn) (traits, error) {
	var t traits
	rows, err := c.db.Query(context.Background(), "SELECT ?; SELECT ?", sqldriver.Args(int64(1)))
	if t.sharedArgs = err == nil; t.sharedArgs {
		rows.Close()
	}
	if t.rowTypes, err = rowset.RowTypes(context.Background(), c.db); err != nil {
		return t, c.failed(err)
	}
	return t, nil
}

// arguments deals out the arguments of a text to its statements, as the driver
// would if it ran the whole text.
type arguments struct {
	all    []driver.NamedValue
	start  int  // the first that no statement has taken
	single bool // the text is one statement, which the driver gets unchanged
	shared bool // traits.sharedArgs
}

// next returns the arguments of the next statement.
func (a *arguments) next(st *sqlclass.Statement) []driver.NamedValue {
	if a.single || a.shared {
		return a.all
	}
	n, rest := st.Params, a.all[a.start:]
	if n == 0 || len(rest) < n {
		return rest[:min(n, len(rest))] // too few: the driver says so
	}
	mine := append([]driver.NamedValue{}, rest[:n]...)
	for i, arg := range a.all { // named ones belong to every statement
		if arg.Name != "" && (i < a.start || i >= a.start+n) {
			mine = append(mine, arg)
		}
	}
	for i := range mine {
		mine[i].Ordinal = i + 1
	}
	a.start += n
	return mine
}
