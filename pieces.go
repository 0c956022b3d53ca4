package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/litefwd/litefwd/internal/fault"
)

// execPieces runs the text's statements one after the other, each in its own
// place; each is classified when those before it have run.
func (c *conn) execPieces(ctx context.Context, q call) (driver.Result, error) {
	if err := c.firstPieces(ctx, q, len(q.stmts)); err != nil {
		return nil, err
	}
	return c.session.result(), nil
}

// queryPieces is execPieces for a query: the rows are those of the last
// statement.
func (c *conn) queryPieces(ctx context.Context, q call) (driver.Rows, error) {
	last := len(q.stmts) - 1
	if err := c.firstPieces(ctx, q, last); err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, call{text: q.stmts[last].SQL})
	return rows, ranBefore(err)
}

// ranBefore is err of a statement of a text of which earlier ones have run, so
// that database/sql must not run it all again.
func ranBefore(err error) error {
	var lost *lostHandle
	if errors.As(err, &lost) {
		err = lost.cause
	}
	return fault.SomethingRan(err)
}

// firstPieces runs the first n statements of the text.
func (c *conn) firstPieces(ctx context.Context, q call, n int) error {
	if err := piecesWithoutArgs(q); err != nil {
		return err
	}
	for i := range q.stmts[:n] {
		if _, err := c.exec(ctx, call{text: q.stmts[i].SQL}); err != nil {
			if i > 0 {
				err = ranBefore(err)
			}
			return err
		}
	}
	return nil
}

func piecesWithoutArgs(q call) error {
	if len(q.args) == 0 {
		return nil
	}
	return fault.Refuse(fault.Unsupported, "a text with arguments whose statements run in different places "+
		"(temp tables and connection settings here, writes on the primary); give each statement its own call")
}
