package bench

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"
)

func must(b *testing.B, db *sql.DB, query string) {
	b.Helper()
	if _, err := db.Exec(query); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
}

func replacePath(dsn, path string) string {
	return strings.ReplaceAll(dsn, "{path}", (&url.URL{Path: path}).EscapedPath())
}
