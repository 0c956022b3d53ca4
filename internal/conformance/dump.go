package conformance

import (
	"context"
	"database/sql"
	"fmt"
	"sort"
	"strings"
)

// dump returns the whole main database as lines: the settings that are kept in
// the file, the schema, and all rows of all tables.
func dump(ctx context.Context, db *sql.DB) ([]string, error) {
	// One connection, as a second one could be a new one that still reads
	// the schema.
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	settings, err := dumpRows(ctx, conn, `SELECT user_version, application_id
		FROM pragma_user_version, pragma_application_id`)
	if err != nil {
		return nil, err
	}
	lines := prefixed("settings: ", settings)
	schema, err := dumpRows(ctx, conn,
		`SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY type, name`)
	if err != nil {
		return nil, err
	}
	lines = append(lines, prefixed("schema: ", schema)...)
	tables, err := tableNames(ctx, conn)
	if err != nil {
		return nil, err
	}
	for _, name := range tables {
		quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
		rows, err := dumpRows(ctx, conn, `SELECT * FROM main.`+quoted)
		if err != nil {
			return nil, fmt.Errorf("dump of %s: %w", name, err)
		}
		sort.Strings(rows)
		if len(rows) > maxRows {
			rows = append(rows[:3:3], fmt.Sprintf("… %d rows %s", len(rows),
				long(strings.Repeat("-", 200), strings.Join(rows, "\n"))))
		}
		lines = append(lines, prefixed(name+": ", rows)...)
	}
	return lines, nil
}

func tableNames(ctx context.Context, conn *sql.Conn) ([]string, error) {
	rows, err := conn.QueryContext(ctx,
		`SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func dumpRows(ctx context.Context, conn *sql.Conn, query string) ([]string, error) {
	rows, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var lines []string
	for rows.Next() {
		vals := make([]any, len(cols))
		ptrs := make([]any, len(cols))
		for i := range vals {
			ptrs[i] = &vals[i]
		}
		if err := rows.Scan(ptrs...); err != nil {
			return nil, err
		}
		parts := make([]string, len(vals))
		for i, v := range vals {
			parts[i] = show(v)
		}
		lines = append(lines, strings.Join(parts, " | "))
	}
	return lines, rows.Err()
}

func prefixed(prefix string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = prefix + l
	}
	return out
}
