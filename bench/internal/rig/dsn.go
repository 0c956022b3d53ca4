package rig

import (
	"database/sql"
	"fmt"
	"strings"
)

// BareDSN is the local driver's DSN; more are PRAGMAs, as name(value).
func BareDSN(driver, path, more string) string {
	dsn := "file:" + path + "?"
	for pragma := range strings.FieldsSeq("busy_timeout(5000) " + more) {
		name, value, _ := strings.Cut(strings.TrimSuffix(pragma, ")"), "(")
		if driver == "sqlite" {
			dsn += "_pragma=" + pragma + "&"
		} else {
			dsn += "_" + name + "=" + value + "&"
		}
	}
	return dsn
}

// Prepare runs statements on a database of its own.
func Prepare(driver, path string, statements ...string) error {
	db, err := sql.Open(driver, BareDSN(driver, path, ""))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
