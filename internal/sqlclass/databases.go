package sqlclass

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Querier is the local connection that is asked; *sqldriver.Conn is one.
type Querier interface {
	Query(ctx context.Context, sql string, args []driver.NamedValue) (driver.Rows, error)
}

// Database indexes as SQLite numbers them: those of attached databases follow.
const (
	mainDB = 0
	tempDB = 1
)

// database is one row of PRAGMA database_list.
type database struct {
	index   int
	name    string // lower case
	hasFile bool
}

// databases are those of a connection that has more than main. Empty, they
// stand for a connection with main only and no temp objects.
type databases []database

// listDatabases asks which databases the connection has. A temp database is
// listed once it was used, so one that has never been cannot hold objects.
func listDatabases(ctx context.Context, q Querier) (databases, error) {
	rows, err := q.Query(ctx, "PRAGMA database_list", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var dbs databases
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(dest); {
		case errors.Is(err, io.EOF):
			if len(dbs) == 1 {
				return nil, nil
			}
			return dbs, nil
		case err != nil:
			return nil, err
		}
		if len(dest) < 3 {
			return nil, fmt.Errorf("PRAGMA database_list has %d columns, not 3", len(dest))
		}
		index, ok := dest[0].(int64)
		if !ok {
			return nil, fmt.Errorf("PRAGMA database_list numbers a database with a %T", dest[0])
		}
		name := asText(dest[1])
		dbs = append(dbs, database{int(index), fold(name), asText(dest[2]) != ""})
	}
}

// HasOwnObjects reports whether the connection has a temp database or attached
// ones, which then need a classifier of its own (see [NewPrivate]). A
// connection may come so from the local driver's connect hook.
func HasOwnObjects(ctx context.Context, q Querier) (bool, error) {
	dbs, err := listDatabases(ctx, q)
	return len(dbs) > 0, err
}

// named returns the index of the database with that name, in lower case.
func (dbs databases) named(name string) (index int, ok bool) {
	switch name {
	case "main":
		return mainDB, true
	case "temp":
		return tempDB, true
	}
	for _, db := range dbs {
		if db.name == name {
			return db.index, true
		}
	}
	return 0, false
}

// own reports whether the database belongs to the connection: temp, or
// attached and without a file.
func (dbs databases) own(index int) bool {
	if index == tempDB {
		return true
	}
	for _, db := range dbs {
		if db.index == index {
			return index != mainDB && !db.hasFile
		}
	}
	return false
}

// name is the database's name for messages.
func (dbs databases) name(index int) string {
	for _, db := range dbs {
		if db.index == index {
			return db.name
		}
	}
	return fmt.Sprintf("number %d", index)
}

// holding returns the database in which SQLite finds an object by its bare
// name: temp, then main, then the attached ones
// (https://www.sqlite.org/lang_naming.html). It is main if none has it.
func (dbs databases) holding(ctx context.Context, q Querier, name string, types ...string) (int, error) {
	if len(dbs) == 0 {
		return mainDB, nil
	}
	order := databases{{index: tempDB, name: "temp"}, {index: mainDB, name: "main"}}
	for _, db := range dbs {
		if db.index > tempDB {
			order = append(order, db)
		}
	}
	for _, db := range order {
		found, err := hasObject(ctx, q, db, name, types)
		if found || err != nil {
			return db.index, err
		}
	}
	return mainDB, nil
}

func hasObject(ctx context.Context, q Querier, db database, name string, types []string) (bool, error) {
	// The old names of the schema tables are understood by every version.
	table := "sqlite_master"
	if db.index == tempDB {
		table = "sqlite_temp_master"
	}
	sql := fmt.Sprintf(`SELECT 1 FROM "%s".%s WHERE name = ?1 COLLATE NOCASE AND type IN ('%s')`,
		strings.ReplaceAll(db.name, `"`, `""`), table, strings.Join(types, "','"))
	rows, err := q.Query(ctx, sql, []driver.NamedValue{{Ordinal: 1, Value: name}})
	if err != nil {
		return false, err
	}
	defer rows.Close()
	switch err := rows.Next(make([]driver.Value, len(rows.Columns()))); {
	case errors.Is(err, io.EOF):
		return false, nil
	default:
		return err == nil, err
	}
}

// asText is a text value as drivers give it: a string or bytes.
func asText(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}
