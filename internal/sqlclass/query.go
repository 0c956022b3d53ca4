package sqlclass

import (
	"context"
	"fmt"
)

// queryOrDML classifies SELECT, VALUES, INSERT, REPLACE, UPDATE and DELETE, each
// perhaps after WITH.
//
// A query is asked of SQLite in any case. DML is asked only on a connection
// with more than the main database: without, it can write nothing else, as a
// trigger or a view of main reaches objects of main only
// (https://www.sqlite.org/lang_createtrigger.html), so it is forwarded
// whatever this copy knows of its tables.
func queryOrDML(ctx context.Context, q Querier, dbs databases, c cursor, f facts, s *Statement) error {
	verb := c.mainVerb()
	switch verb {
	case "select", "values":
	case "insert", "replace":
		s.Inserts, s.Counts = true, true
	case "update", "delete":
		s.Counts = true
	default:
		s.unsure(errMalformed)
		return nil
	}
	isRead := !s.Counts
	switch {
	case isRead && f.writesInside:
		s.unsure(errHiddenWrite)
		return nil
	case !isRead && len(dbs) == 0:
		s.Kind = Write
		return nil
	}
	p, err := explain(ctx, q, s.SQL, f.params)
	if err != nil {
		return s.notCompiled(ctx, err)
	}
	s.UsesRowID = s.UsesRowID || p.usesRowID
	s.UsesChanges = s.UsesChanges || p.usesChanges
	s.UsesTotal = s.UsesTotal || p.usesTotal
	switch {
	case isRead && len(p.writes) == 0 && p.unexpected == "":
		s.Kind = Read
		s.LocalOnly = !onlyMain(p.reads)
		s.Short = !p.long
	case isRead && len(p.writes) == 0:
		s.unsure(fmt.Errorf("%w: its program has the opcode %s", errHiddenWrite, p.unexpected))
	default:
		s.placeWrite(dbs, p)
	}
	return nil
}

// notCompiled makes the statement Unsure for SQLite's error, unless the
// context ended, which says nothing of the statement.
func (s *Statement) notCompiled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	s.unsure(err)
	return nil
}

// placeWrite sets the class for the databases that the program writes and
// reads:
//
//	writes               | reads      | class
//	main or nothing      | main       | Write
//	main or nothing      | any other  | Unsupported: the primary lacks those
//	only the conn's own  | any        | TempWrite
//	an attached file     | any        | Unsupported
//	several of these     | any        | Unsupported
func (s *Statement) placeWrite(dbs databases, p program) {
	s.Kind = TempWrite
	main := len(p.writes) == 0
	for _, index := range p.writes {
		if index == mainDB {
			main = true
		} else if s.writes(dbs, index); s.Kind == Unsupported {
			return
		}
	}
	switch {
	case !main:
	case onlyMain(p.writes) && onlyMain(p.reads):
		s.Kind = Write
	case onlyMain(p.writes):
		s.refuse("it writes the main database, on the primary, and reads temp or attached " +
			"tables of this connection; read them first and pass the values as arguments")
	default:
		s.refuse("it writes both the main database, on the primary, and temp or attached " +
			"tables of this connection, perhaps by a trigger; use a statement for each")
	}
}

func onlyMain(indexes []int) bool {
	for _, index := range indexes {
		if index != mainDB {
			return false
		}
	}
	return true
}

// mainVerb returns the statement's verb, in lower case, after
//
//	WITH [RECURSIVE] name [(columns)] AS [[NOT] MATERIALIZED] (…), …
//
// or "" if that is malformed. https://www.sqlite.org/lang_with.html
func (c *cursor) mainVerb() string {
	if c.accept("with") {
		c.accept("recursive")
		for more := true; more; more = c.acceptKind(tokComma) {
			_, ok := c.name()
			if c.tok.kind == tokLeft {
				ok = ok && c.skipParens()
			}
			ok = ok && c.accept("as")
			c.accept("not")
			c.accept("materialized")
			if !ok || !c.skipParens() {
				return ""
			}
		}
	}
	if c.tok.kind != tokWord {
		return ""
	}
	return fold(c.text())
}

// explained classifies EXPLAIN [QUERY PLAN] …, which compiles a statement and
// runs nothing of it, so that it is a read if the statement compiles here.
//
// EXPLAIN of a PRAGMA is refused: SQLite runs most of them while it compiles
// them. What is neither a query nor DML is not compiled here either.
func explained(ctx context.Context, q Querier, c cursor, f facts, s *Statement) error {
	c.next()
	if plan := c; plan.accept("query") && plan.accept("plan") {
		c = plan
	}
	switch {
	case c.is("pragma"):
		s.refuse("SQLite runs a PRAGMA when it is to explain it; use the PRAGMA itself")
		return nil
	case c.is("select"), c.is("values"), c.is("with"), c.is("insert"), c.is("replace"),
		c.is("update"), c.is("delete"):
	default:
		s.unsure(errForeignExplain)
		return nil
	}
	p, err := explain(ctx, q, s.SQL[c.tok.start:], f.params)
	if err != nil {
		return s.notCompiled(ctx, err)
	}
	s.Kind, s.ReadsSchema = Read, true // it is compiled, and not run
	s.LocalOnly = !onlyMain(p.reads) || !onlyMain(p.writes)
	s.callsNothing()
	return nil
}
