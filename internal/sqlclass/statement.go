package sqlclass

import (
	"context"
	"errors"
	"fmt"
)

var (
	errMalformed      = errors.New("sqlclass: syntax error")
	errUnknown        = errors.New("sqlclass: not the beginning of a statement that is known here")
	errNoSuchDatabase = errors.New("sqlclass: this connection has no database of that name")
	errForeignExplain = errors.New("sqlclass: EXPLAIN of a statement that is not a query is left to the primary")
	errHiddenWrite    = errors.New("sqlclass: a query that writes")
)

// statement classifies one statement by its first word. It returns an error
// only if the connection could not be asked at all.
func statement(ctx context.Context, q Querier, dbs databases, sql string) (Statement, error) {
	f := factsOf(sql)
	s := Statement{
		SQL: sql, Params: len(f.params),
		UsesRowID: f.usesRowID, UsesChanges: f.usesChanges, UsesTotal: f.usesTotal, ReadsSchema: f.readsSchema,
	}
	c := newCursor(sql)
	word := ""
	if c.tok.kind == tokWord {
		word = fold(c.text())
	}
	var err error
	switch word {
	case "select", "values", "with", "insert", "replace", "update", "delete":
		err = queryOrDML(ctx, q, dbs, c, f, &s)
	case "explain":
		err = explained(ctx, q, c, f, &s)
	case "begin", "commit", "end", "rollback", "savepoint", "release":
		transactionControl(c, &s)
	case "pragma":
		pragma(c, dbs, &s)
	case "create":
		err = create(ctx, q, dbs, c, f, &s)
	case "drop", "alter":
		err = dropOrAlter(ctx, q, dbs, c, &s)
	case "reindex", "analyze":
		err = maintain(ctx, q, dbs, c, &s)
	case "vacuum":
		vacuum(c, dbs, &s)
	case "attach", "detach":
		s.Kind, s.TempSchema = Local, true
	default:
		s.unsure(errUnknown)
	}
	if f.illegal && s.Kind != Unsupported {
		s.unsure(errMalformed) // SQLite refuses it before it looks at the rest
	}
	return s, err
}

// unsure leaves the statement to the primary.
func (s *Statement) unsure(err error) {
	*s = Statement{
		SQL: s.SQL, Params: s.Params, Kind: Unsure, Err: err,
		Inserts: s.Inserts, Counts: s.Counts, // what it does if the primary knows its table
	}
}

// callsNothing notes that running the statement does not call the functions
// that its text has.
func (s *Statement) callsNothing() { s.UsesRowID, s.UsesChanges, s.UsesTotal = false, false, false }

// refuse makes the statement Unsupported.
func (s *Statement) refuse(reason string) {
	s.Kind, s.Reason = Unsupported, reason
	s.Alone, s.TempSchema = false, false
}

// writes sets the class of a statement that writes the one database.
func (s *Statement) writes(dbs databases, index int) {
	switch {
	case index == mainDB:
		s.Kind = Write
	case dbs.own(index):
		s.Kind = TempWrite
	default:
		s.refuse(fmt.Sprintf("it writes the attached database %s, which litefwd does not "+
			"forward; open it with node.Database(name) instead of ATTACH", dbs.name(index)))
	}
}
