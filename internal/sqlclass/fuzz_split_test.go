package sqlclass

import (
	"slices"
	"strings"
	"testing"
)

var splitSeeds = []string{
	"SELECT 1; SELECT 2", ";;/* ; */-- ;\n;", "SELECT ';' || \";\" || [;] || `;`",
	"SELECT $a(;), ?1;x", "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END; SELECT 2",
	"EXPLAIN QUERY PLAN CREATE TEMP TRIGGER x BEFORE DELETE ON t BEGIN DELETE FROM log; END;",
	"CREATE TRIGGER x; DELETE FROM t; END; SELECT 1", "SELECT 1 /*", "SELECT x'zz;'; x", "a\x00;b",
	"\xEF\xBB\xBFSELECT 1;", "SELECT 1e+;2", "CREATE TRIGGER a AFTER UPDATE OF a ON t WHEN 1 BEGIN UPDATE t SET a=CASE WHEN 1 THEN 2 END; END;;",
	"CREATE TRIGGER IF NOT EXISTS t_ins AFTER INSERT ON t BEGIN SELECT 1; END ; DROP TABLE t",
	"BEGIN; END; BEGIN; COMMIT", "CREATE TABLE end(trigger); END",
}

// FuzzSplit compares Split with SQLite: the tokens of the pieces are those of
// the text, SQLite finds no second statement in any piece, and it ends the
// text's first statement where Split does.
func FuzzSplit(f *testing.F) {
	for _, seed := range splitSeeds {
		f.Add(seed)
	}
	for _, checks := range [][]check{queryChecks, dmlChecks, pragmaChecks} {
		for _, c := range checks {
			f.Add(c.sql)
		}
	}
	c := open(f, drivers["mattn"])
	f.Fuzz(func(t *testing.T, sql string) {
		pieces := Split(sql)
		text, _, hasNUL := strings.Cut(sql, "\x00")
		if got, want := tokens(pieces...), tokens(text); !slices.Equal(got, want) {
			t.Fatalf("pieces %q have tokens %q, the text %q", pieces, got, want)
		}
		for _, piece := range pieces {
			if n, names := Params(piece); n != len(names) {
				t.Fatalf("%d parameters, %d names", n, len(names))
			}
		}
		if hasNUL || hasWord(sql, "pragma") { // which acts when it is prepared
			return
		}
		for _, piece := range pieces {
			if tail, ok := prepared(t, c, piece); ok && len(tokens(tail)) > 0 {
				t.Fatalf("SQLite leaves %q of the piece %q", tail, piece)
			}
		}
		if len(pieces) == 0 || strings.Count(sql, pieces[0]) > 1 { // afterFirst must find it
			return
		}
		if tail, ok := prepared(t, c, sql); ok {
			rest := strings.TrimSpace(afterFirst(sql, pieces[0])) // as the driver does
			if got, want := tokens(tail), tokens(rest); !slices.Equal(got, want) {
				t.Fatalf("after the first statement SQLite has %q, Split %q", got, want)
			}
		}
	})
}

// afterFirst is what follows the ';' that ends the first piece.
func afterFirst(sql, first string) string {
	for i := strings.Index(sql, first) + len(first); ; {
		tok := scan(sql, i)
		i = tok.end
		if tok.kind == tokSemi || tok.kind == tokEnd {
			return sql[i:]
		}
	}
}
