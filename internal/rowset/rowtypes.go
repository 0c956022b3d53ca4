package rowset

import (
	"context"
	"database/sql/driver"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// RowTypes finds out whether the column types of c's driver follow the values
// of the current row.
func RowTypes(ctx context.Context, c *sqldriver.Conn) (bool, error) {
	rows, err := c.Query(ctx, "SELECT 1 UNION ALL SELECT 'text'", nil)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	types, ok := rows.(driver.RowsColumnTypeScanType)
	if !ok {
		return false, nil
	}
	dest := make([]driver.Value, len(rows.Columns())) // 1
	if err := rows.Next(dest); err != nil {
		return false, fault.FromDriver(err)
	}
	first := types.ColumnTypeScanType(0)
	if err := rows.Next(dest); err != nil {
		return false, fault.FromDriver(err)
	}
	return types.ColumnTypeScanType(0) != first, nil
}
