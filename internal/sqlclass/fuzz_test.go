package sqlclass

import (
	"context"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

var classifySeeds = []string{
	"SELECT * FROM t; SELECT 1", "SELECT * FROM pragma_optimize(0x10002)", "SELECT * FROM \"PRAGMA_OPTIMIZE\"(65538)", "SELECT load_extension('x')", "SELECT * FROM dbstat", "SELECT * FROM sqlite_dbpage",
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
	subjects := newSubjects(f)
	f.Fuzz(func(t *testing.T, sql string) {
		for _, s := range subjects {
			s.try(t, sql)
		}
	})
}

// FuzzClassifyWords is FuzzClassify with texts that are made of SQL's words
// and of the fixture's names, a byte for each, so that more of them compile.
func FuzzClassifyWords(f *testing.F) {
	words := strings.Fields(`select * from where values ( ) , ; insert into delete update set returning
		with recursive as materialized temp . main mem aux t u v tt tv both m x last log seq rt f4 ft twice a b id k
		= 1 ? :p create table view index trigger virtual using after instead of on begin end drop alter rename to
		add column if not exists pragma user_version journal_mode wal query_only foreign_keys incremental_vacuum
		explain query plan or ignore conflict do nothing union all except join left natural order by group limit
		count changes last_insert_rowid pragma_optimize pragma_table_info pragma_user_version optimize match
		'rebuild' 'integrity-check' 't' null savepoint rollback release commit analyze reindex sqlite_dbpage
		sqlite_schema sqlite_temp_schema over partition rows case when then else default unique`)
	index := make(map[string]byte)
	for i, w := range words {
		index[w] = byte(i)
	}
	for _, seed := range append([]string{
		"insert into t ( a ) values ( 1 ) returning id", "with x as ( select 1 ) delete from tt",
		"create temp trigger x after insert on tt begin delete from t ; end ; insert into tt values ( 1 , 1 )",
		"create temp view x as select * from pragma_optimize ; select * from x",
		"select optimize ( f4 ) from f4", "insert into ft ( ft ) values ( 'rebuild' )",
		"alter table tt rename a to b", "create table mem . x as select * from t",
	}, classifySeeds...) {
		var b []byte
		for w := range strings.FieldsSeq(strings.ToLower(seed)) {
			b = append(b, index[w])
		}
		f.Add(b)
	}
	subjects := newSubjects(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		var sql strings.Builder
		for _, b := range text {
			sql.WriteString(words[int(b)%len(words)])
			sql.WriteByte(' ')
		}
		for _, s := range subjects {
			s.try(t, sql.String())
		}
	})
}

// newSubjects is one for each driver, with and without temp objects.
func newSubjects(f *testing.F) (subjects []*subject) {
	dir := f.TempDir()
	for name, drv := range drivers {
		for _, own := range []bool{false, true} {
			s := &subject{own: own, drv: drv, file: filepath.Join(dir, fmt.Sprint(name, own))}
			s.reset(f)
			subjects = append(subjects, s)
		}
	}
	return subjects
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
	// They take long, much memory, or write files; functions and PRAGMAs
	// that are about the process would outlive the input.
	if hasWord(sql, "blob", "printf", "format", "replace", "vacuum into", "attach",
		"_limit", "_heap", "extension", "tokenizer", "vec") {
		return
	}
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
		if stmt.Kind != Unsupported && stmt.Params != len(names) {
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
