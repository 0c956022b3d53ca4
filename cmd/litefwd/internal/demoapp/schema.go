package demoapp

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/litefwd/litefwd"
)

// schema is applied by every process when it starts, as applications do.
//
// Nothing keeps a line from being stored twice: lines.n is deliberately not
// unique, so that a write that was applied twice can be seen and counted.
var schema = []string{
	`PRAGMA journal_mode = WAL`, // which engine "shared" has anyway
	`CREATE TABLE IF NOT EXISTS lines (
		id   INTEGER PRIMARY KEY,
		n    INTEGER NOT NULL,
		via  TEXT NOT NULL,
		text TEXT NOT NULL
	)`,
	`CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5 (
		text, content = 'lines', content_rowid = 'id'
	)`,
	// One INSERT is thus one atomic write of the line and its index entries.
	`CREATE TRIGGER IF NOT EXISTS lines_indexed AFTER INSERT ON lines BEGIN
		INSERT INTO search (rowid, text) VALUES (new.id, new.text);
	END`,
}

// migrate makes what of the schema does not exist yet. With Config.Strict a node that
// has just started may not have it on its own copy in time: it is made all the same.
func migrate(ctx context.Context, db *sql.DB) error {
	for _, statement := range schema {
		_, err := db.ExecContext(ctx, statement)
		var late *litefwd.Error
		if err != nil && !(errors.As(err, &late) && late.Committed) {
			return fmt.Errorf("set up the tables: %w", err)
		}
	}
	return nil
}
