package sqlclass

import "context"

// DDL is classified by the database that its object is in, which its text
// and, on a connection with temp or attached databases, their schemas tell.
// EXPLAIN would not do: it has nothing for DROP TABLE IF EXISTS of a table
// that this copy does not have yet, and ALTER TABLE of a table in main writes
// temp too, to look for triggers there.

// create classifies
//
//	CREATE [TEMP|TEMPORARY] [UNIQUE|VIRTUAL] TABLE|VIEW|INDEX|TRIGGER
//	       [IF NOT EXISTS] [schema.]name …
func create(ctx context.Context, q Querier, dbs databases, c cursor, f facts, s *Statement) error {
	c.next()
	temp := c.accept("temp") || c.accept("temporary")
	if !c.accept("unique") {
		c.accept("virtual")
	}
	object := ""
	for _, word := range []string{"table", "view", "index", "trigger"} {
		if c.accept(word) {
			object = word
		}
	}
	if c.accept("if") && !(c.accept("not") && c.accept("exists")) {
		object = ""
	}
	schema, _, ok := c.qualified()
	if object == "" || !ok {
		s.unsure(errMalformed)
		return nil
	}
	if temp && schema == "" {
		schema = "temp"
	}
	if !c.is("as") || object == "view" {
		s.callsNothing() // of what is only stored
	}
	db, known := dbs.named(schema)
	var err error
	switch {
	case object == "trigger":
		return createTrigger(ctx, q, dbs, c, schema, s)
	case schema == "" && object == "index":
		// The index of a temp table is in temp, any other in main.
		if db, err = onTable(ctx, q, dbs, c); err != nil {
			return err
		}
		db = tempOrMain(db)
	case schema == "":
		db = mainDB
	case !known:
		s.unsure(errNoSuchDatabase)
		return nil
	}
	s.writes(dbs, db)
	s.TempSchema = s.Kind == TempWrite
	if s.TempSchema && c.accept("using") && c.isName("sqlite_dbpage") {
		// It writes pages of any database: https://www.sqlite.org/dbpage.html
		s.refuse("a temp table of sqlite_dbpage could write the main database's pages here")
	}
	if object == "table" && s.Kind == Write && len(dbs) > 0 {
		return asSelect(ctx, q, f, s)
	}
	return nil
}

// asSelect refuses CREATE TABLE … AS SELECT in main from other databases.
func asSelect(ctx context.Context, q Querier, f facts, s *Statement) error {
	p, err := explain(ctx, q, s.SQL, f.params)
	if err != nil {
		return s.notCompiled(ctx, err)
	}
	if !onlyMain(p.reads) {
		s.refuse("it creates a table in the main database, on the primary, from temp or " +
			"attached tables of this connection; create it and insert the rows as arguments")
	}
	return nil
}

// createTrigger: a temp trigger on a table of main would never fire, as
// forwarded writes run on another connection.
func createTrigger(ctx context.Context, q Querier, dbs databases, c cursor, schema string, s *Statement) error {
	table, err := onTable(ctx, q, dbs, c)
	if err != nil {
		return err
	}
	db, known := dbs.named(schema)
	switch {
	case schema == "": // in temp if its table is, else in main
		db = tempOrMain(table)
	case !known:
		s.unsure(errNoSuchDatabase)
		return nil
	}
	if db == tempDB && !dbs.own(table) {
		s.refuse("a temp trigger on a table with a file does not fire for writes that the " +
			"primary runs; create the trigger in the main database")
		s.InTx = true
		return nil
	}
	s.writes(dbs, db)
	s.TempSchema = s.Kind == TempWrite
	return nil
}

// onTable returns the database of the table that the next ON names. ON is
// never an identifier unless it is quoted.
func onTable(ctx context.Context, q Querier, dbs databases, c cursor) (int, error) {
	for !c.accept("on") {
		if c.atEnd() {
			return mainDB, nil
		}
		c.next()
	}
	schema, name, _ := c.qualified()
	if schema != "" {
		db, _ := dbs.named(schema)
		return db, nil
	}
	return dbs.holding(ctx, q, name, "table", "view")
}

func tempOrMain(index int) int {
	if index == tempDB {
		return tempDB
	}
	return mainDB
}

// dropOrAlter classifies DROP TABLE|VIEW|INDEX|TRIGGER [IF EXISTS] [schema.]name
// and ALTER TABLE [schema.]name ….
func dropOrAlter(ctx context.Context, q Querier, dbs databases, c cursor, s *Statement) error {
	c.next()
	var types []string
	switch {
	case c.accept("table"), c.accept("view"):
		types = []string{"table", "view"}
	case c.accept("index"):
		types = []string{"index"}
	case c.accept("trigger"):
		types = []string{"trigger"}
	}
	malformed := c.accept("if") && !c.accept("exists")
	schema, name, ok := c.qualified()
	if !ok || malformed || types == nil {
		s.unsure(errMalformed)
		return nil
	}
	return onExisting(ctx, q, dbs, schema, name, types, s)
}

// maintain classifies REINDEX and ANALYZE [[schema.]name]. Without a name, or
// with a collation's, REINDEX means every database; the primary has main.
func maintain(ctx context.Context, q Querier, dbs databases, c cursor, s *Statement) error {
	analyze := c.is("analyze")
	c.next()
	if c.atEnd() {
		s.Kind = Write
		return nil
	}
	schema, name, ok := c.qualified()
	if !ok || !c.atEnd() {
		s.unsure(errMalformed)
		return nil
	}
	if _, isDB := dbs.named(name); analyze && schema == "" && isDB {
		schema = name
	}
	return onExisting(ctx, q, dbs, schema, name, []string{"table", "index"}, s)
}

// onExisting sets the class of DDL on an object that exists.
func onExisting(
	ctx context.Context, q Querier, dbs databases, schema, name string, types []string, s *Statement,
) (err error) {
	db, known := dbs.named(schema)
	switch {
	case schema == "":
		if db, err = dbs.holding(ctx, q, name, types...); err != nil {
			return err
		}
	case !known:
		s.unsure(errNoSuchDatabase)
		return nil
	}
	s.writes(dbs, db)
	s.TempSchema = s.Kind == TempWrite
	return nil
}

// vacuum classifies VACUUM [schema] [INTO file].
//
// VACUUM INTO reads the database and writes a new file on this host. SQLite
// does that through a connection's own ATTACH and refuses it while query_only
// is on, so that it is a TempWrite; it must not run inside a transaction.
// https://www.sqlite.org/lang_vacuum.html
func vacuum(c cursor, dbs databases, s *Statement) {
	c.next()
	db := mainDB
	if !c.atEnd() && !c.is("into") {
		schema, _ := c.name()
		var known bool
		if db, known = dbs.named(schema); !known {
			s.unsure(errNoSuchDatabase)
			return
		}
	}
	switch {
	case c.accept("into"):
		s.Kind, s.Alone = TempWrite, true
	case !c.atEnd():
		s.unsure(errMalformed)
	default:
		s.Alone = true
		s.writes(dbs, db)
	}
}
