package sqlclass

import (
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
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
		if tail, ok := prepared(t, c, sql); ok && len(pieces) > 0 {
			if got, want := tokens(tail), tokens(pieces[1:]...); !slices.Equal(got, want) {
				t.Fatalf("after the first statement SQLite has %q, Split %q", got, want)
			}
		}
	})
}

var classifySeeds = []string{
	"SELECT * FROM t; SELECT 1", "SELECT load_extension('x')", "SELECT * FROM dbstat", "SELECT * FROM sqlite_dbpage",
	"SELECT fts3_tokenizer('simple')", "SELECT f4 FROM f4", "SELECT * FROM pragma_user_version",
	"SELECT * FROM pragma_journal_mode", "SELECT * FROM pragma_integrity_check('t')",
	"SELECT * FROM pragma_foreign_key_check, pragma_quick_check", "SELECT rtreecheck('rt')",
	"SELECT * FROM pragma_cache_size(7)", "SELECT * FROM pragma_table_info('t','main')",
	"WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "SELECT (INSERT INTO t(a) VALUES(1))",
	"SELECT randomblob(3), random(), sqlite_version(), sqlite_source_id()", "EXPLAIN INSERT INTO t(a) VALUES(1)",
	"EXPLAIN QUERY PLAN SELECT * FROM v", "SELECT raise(ABORT,'x')", "SELECT * FROM tt, t", "DELETE FROM tt",
	"INSERT INTO both VALUES(1)", "INSERT INTO twice VALUES(1)", "UPDATE tt SET a=(SELECT count(*) FROM t)",
	"CREATE TEMP TABLE n AS SELECT * FROM t", "CREATE TEMP VIEW n AS SELECT 1", "DROP TABLE tt", "DROP TRIGGER both_ins",
	"CREATE INDEX n ON tt(b)", "ALTER TABLE tt ADD COLUMN zz", "ALTER TABLE tt RENAME COLUMN a TO q", "REINDEX tt", "ANALYZE temp",
	"CREATE VIRTUAL TABLE temp.n USING rtree(id,a,b)", "CREATE VIRTUAL TABLE temp.n USING sqlite_dbpage",
	"CREATE TEMP TRIGGER n AFTER INSERT ON tt BEGIN DELETE FROM t; END", "INSERT INTO tt SELECT a,b FROM t ON CONFLICT DO NOTHING",
	"SELECT * FROM mem.m UNION SELECT a FROM aux.x", "DELETE FROM m", "CREATE TABLE mem.n(a)", "VACUUM mem", "PRAGMA mem.user_version=3",
	"PRAGMA temp.auto_vacuum=1", "PRAGMA temp.journal_mode=off", "UPDATE sqlite_temp_schema SET sql=''", "PRAGMA mem.incremental_vacuum",
	"PRAGMA mem.page_size=1024", "PRAGMA mem.wal_checkpoint", "PRAGMA mem.optimize", "UPDATE sqlite_dbpage SET data=x'00'",
}

// FuzzClassify holds the classes against what SQLite does, not against what it
// says. On connections that are not query_only,
//
//   - a Read leaves the file, the temp objects, the list of databases and the
//     transaction state as they are, and query_only never stops it;
//   - a TempWrite leaves the file as it is.
func FuzzClassify(f *testing.F) {
	for _, checks := range [][]check{queryChecks, dmlChecks, pragmaChecks} {
		for _, c := range checks {
			f.Add(c.sql)
		}
	}
	for _, seed := range append(classifySeeds, splitSeeds...) {
		f.Add(seed)
	}
	var subjects []*subject
	dir := f.TempDir()
	for name, drv := range drivers {
		for _, own := range []bool{false, true} {
			s := &subject{own: own, drv: drv, file: filepath.Join(dir, fmt.Sprint(name, own))}
			s.reset(f)
			subjects = append(subjects, s)
		}
	}
	f.Fuzz(func(t *testing.T, sql string) {
		// They take long, much memory, or write files; functions and PRAGMAs
		// that are about the process would outlive the input.
		if hasWord(sql, "blob", "printf", "format", "limit", "vacuum", "attach", "replace", "_heap", "extension", "tokenizer", "vec") {
			return
		}
		for _, s := range subjects {
			s.try(t, sql)
		}
	})
}

// subject is a connection that statements are tried on.
type subject struct {
	*testConn
	own    bool
	cl     *Classifier
	before string
	state  string
	drv    driver.Driver
	file   string // beginning of its files' names
	n      int    // of its files so far
}

// reset gives the subject a new file and connection.
func (s *subject) reset(tb testing.TB) {
	if s.testConn != nil {
		if err := s.Close(); err != nil {
			tb.Fatal(err)
		}
		os.Remove(s.path)
		os.Remove(s.path + "-aux")
	}
	s.n++
	s.testConn = openAt(tb, s.drv, fmt.Sprint(s.file, s.n, ".db"))
	s.cl = New()
	if s.own {
		s.addOwn()
		s.cl = NewPrivate()
	}
	s.exec("PRAGMA query_only=0")
	s.before, s.state = s.contents(), s.connState()
}

// connState is what a Read must not change of the connection.
func (s *subject) connState() string {
	return asText(s.value(`SELECT json_array(
		(SELECT group_concat(name || sql) FROM sqlite_temp_schema),
		(SELECT group_concat(name) FROM pragma_database_list WHERE seq > 1),
		(SELECT query_only FROM pragma_query_only), (SELECT foreign_keys FROM pragma_foreign_keys),
		(SELECT cache_size FROM pragma_cache_size))`))
}

func (s *subject) try(t *testing.T, sql string) {
	s.tb = t
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	stmts, err := s.cl.Classify(ctx, s, sql)
	if err != nil {
		return
	}
	if s.contents() != s.before || s.connState() != s.state {
		t.Fatalf("classifying %q changed something", sql)
	}
	for _, stmt := range stmts {
		_, names := Params(stmt.SQL)
		if stmt.Params != len(names) {
			t.Fatalf("%q has %d parameters, not %d", stmt.SQL, len(names), stmt.Params)
		}
		switch stmt.Kind {
		case Read:
			s.exec("PRAGMA query_only=1")
			err := s.run(ctx, stmt.SQL, names)
			s.exec("PRAGMA query_only=0")
			if fault.Code(err) == fault.CodeReadOnly {
				t.Fatalf("the Read %q: %v", stmt.SQL, err)
			}
			s.run(ctx, stmt.SQL, names)
			if s.connState() != s.state {
				t.Fatalf("the Read %q changed the connection: %s", stmt.SQL, s.connState())
			}
		case TempWrite:
			s.run(ctx, stmt.SQL, names)
		default:
			continue
		}
		if s.contents() != s.before {
			t.Fatalf("the %s %q changed the file", describe(stmt), stmt.SQL)
		}
		if _, err := s.Exec(ctx, "BEGIN; ROLLBACK", nil); err != nil && ctx.Err() == nil {
			t.Fatalf("after %q: %v", stmt.SQL, err)
		}
		if stmt.Kind == TempWrite && (stmt.TempSchema || s.connState() != s.state) {
			s.reset(t) // what comes next needs the objects that may be gone
			return
		}
	}
}

func (s *subject) run(ctx context.Context, sql string, names []string) error {
	rows, err := s.Query(ctx, sql, nullArgs(names))
	if err != nil {
		return err
	}
	return drain(rows, 200)
}
