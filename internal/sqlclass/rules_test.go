package sqlclass

import (
	"database/sql/driver"
	"path/filepath"
	"strings"
	"testing"
)

func TestTransactionControl(t *testing.T) {
	t.Parallel()
	tests := []struct{ sql, want, mode, name string }{
		{"BEGIN", "begin", "", ""},
		{"begin /**/ transaction;", "begin", "", ""},
		{"BEGIN DEFERRED", "begin", "deferred", ""},
		{"BEGIN Immediate TRANSACTION", "begin", "immediate", ""},
		{"BEGIN EXCLUSIVE TRANSACTION x", "begin", "exclusive", ""},
		{"COMMIT", "commit", "", ""},
		{"END TRANSACTION", "commit", "", ""},
		{"ROLLBACK", "rollback", "", ""},
		{"ROLLBACK TRANSACTION 'x'", "rollback", "", ""},
		{"SAVEPOINT A", "savepoint", "", "a"},
		{`SAVEPOINT "A""B"`, "savepoint", "", `a"b`},
		{"SAVEPOINT 'x y'", "savepoint", "", "x y"},
		{"RELEASE a", "release", "", "a"},
		{"RELEASE SAVEPOINT [B]", "release", "", "b"},
		{"ROLLBACK TO a", "rollbackto", "", "a"},
		{"ROLLBACK TO SAVEPOINT a", "rollbackto", "", "a"},
		{"ROLLBACK TRANSACTION TO a", "rollbackto", "", "a"},
		{"ROLLBACK TRANSACTION x TO SAVEPOINT a", "rollbackto", "", "a"},
		{"BEGIN x", "unsure", "", ""},
		{"BEGIN IMMEDIATE EXCLUSIVE", "unsure", "", ""},
		{"COMMIT 1", "unsure", "", ""},
		{"SAVEPOINT", "unsure", "", ""},
		{"SAVEPOINT a b", "unsure", "", ""},
		{"RELEASE SAVEPOINT", "unsure", "", ""},
		{"ROLLBACK TO", "unsure", "", ""},
		{"ROLLBACK x", "unsure", "", ""},
		{"BEGIN \\", "unsure", "", ""},
	}
	cl := New()
	for _, tt := range tests {
		// The connection that fails: none of these is shown to SQLite.
		stmts, err := cl.Classify(t.Context(), failing{errMalformed}, tt.sql)
		if err != nil {
			t.Fatal(err)
		}
		s := stmts[0]
		if describe(s) != tt.want || s.Mode != tt.mode || s.Name != tt.name {
			t.Errorf("%s: got %q mode %q name %q", tt.sql, describe(s), s.Mode, s.Name)
		}
	}
}

// TestUnsureKeepsParams was found by FuzzClassifyWords: a malformed statement
// is forwarded with its arguments.
func TestUnsureKeepsParams(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{"END :p x", "CREATE ?", "FOO ?", "SELECT ? \\", "WITH ?"} {
		stmts, err := New().Classify(t.Context(), failing{errMalformed}, sql)
		if err != nil || stmts[0].Kind != Unsure || stmts[0].Params != 1 || stmts[0].SQL != sql {
			t.Errorf("%s: %+v, %v", sql, stmts, err)
		}
	}
}

var pragmaChecks = []check{
	{"PRAGMA table_info(t)", "read"},
	{"PRAGMA main.table_xinfo = 't'", "read"},
	{"PRAGMA table_list", "read"},
	{"PRAGMA index_list('t')", "read"},
	{"PRAGMA index_info(t_a)", "read"},
	{"PRAGMA foreign_key_list(u)", "read"},
	{"PRAGMA foreign_key_check", "read"},
	{"PRAGMA foreign_key_check(u)", "read"},
	{"PRAGMA integrity_check", "read"},
	{"PRAGMA integrity_check(5)", "read"},
	{"PRAGMA quick_check(t)", "read"},
	{"PRAGMA page_count", "read"},
	{"PRAGMA freelist_count", "read"},
	{"PRAGMA user_version", "read"},
	{"pragma Main . User_Version ;", "read"},
	{"PRAGMA journal_mode", "read"},
	{"PRAGMA journal_mode=nosuch", "read"},
	{"PRAGMA journal_mode(5)", "read"},
	{"PRAGMA database_list", "read here"},
	{"PRAGMA compile_options", "read here"},
	{"PRAGMA function_list", "read here"},
	{"PRAGMA data_version", "read here"},
	{"PRAGMA temp.user_version", "read here"},
	{"PRAGMA cache_size", "read here"},
	{"PRAGMA foreign_keys", "read here"},
	{"PRAGMA query_only", "read here"},
	{"PRAGMA locking_mode", "read here"},
	{"PRAGMA writable_schema", "read here"},

	{"PRAGMA cache_size=-200", "local"},
	{"PRAGMA cache_size(- 200)", "local"},
	{"PRAGMA main.mmap_size=0", "local"},
	{"PRAGMA busy_timeout = 100", "local"},
	{"PRAGMA synchronous=NORMAL", "local"},
	{"PRAGMA temp_store=MEMORY", "local schema"},
	{"PRAGMA locking_mode=NORMAL", "local"},
	{"PRAGMA read_uncommitted=1", "local"},
	{"PRAGMA shrink_memory", "local"},
	{"PRAGMA writable_schema=OFF", "local"},
	{"PRAGMA nosuch", "local"},
	{"PRAGMA nosuch=1", "local"},

	{"PRAGMA foreign_keys=ON", "setting alone"},
	{"PRAGMA temp.foreign_keys=ON", "setting alone"}, // a flag has no schema
	{"PRAGMA recursive_triggers(0)", "setting"},
	{"PRAGMA defer_foreign_keys = true", "setting"},
	{"PRAGMA ignore_check_constraints=0", "setting"},
	{"PRAGMA case_sensitive_like=OFF", "setting"},
	{"PRAGMA secure_delete=FAST", "setting"},
	{"PRAGMA trusted_schema=1", "setting"},
	{"PRAGMA reverse_unordered_selects=0", "setting"},

	{"PRAGMA user_version=5", "write"},
	{"PRAGMA main.application_id(77)", "write"},
	{"PRAGMA incremental_vacuum", "write"},
	{"PRAGMA incremental_vacuum(9)", "write"},
	{"PRAGMA optimize", "write"},
	{"PRAGMA optimize(0x10002)", "write"},
	{"PRAGMA auto_vacuum=FULL", "write alone"},
	{"PRAGMA page_size=8192", "write alone"},
	{"PRAGMA encoding='UTF-8'", "write alone"},
	{"PRAGMA journal_mode=WAL", "write alone"},
	{"PRAGMA journal_mode='Delete'", "write alone"},
	{"PRAGMA journal_mode=p", "write alone"}, // a prefix is enough
	{"PRAGMA wal_checkpoint", "write alone"},
	{"PRAGMA wal_checkpoint(TRUNCATE)", "write alone"},
	{"PRAGMA temp.user_version=5", "temp"},
	{"PRAGMA temp.journal_mode=OFF", "temp alone"},

	{"PRAGMA journal_mode=MEMORY", "unsupported"},
	{"PRAGMA journal_mode=m", "unsupported"},
	{"PRAGMA journal_mode=[OFF]", "unsupported"},
	{"PRAGMA locking_mode=\"Exclusive\"", "unsupported"},
	{"PRAGMA query_only=0", "unsupported"},
	{"PRAGMA temp.query_only=0", "unsupported"},
	{"PRAGMA nosuch.query_only=0", "unsupported"},
	{"PRAGMA 'query_only'(0)", "unsupported"},
	{"PRAGMA writable_schema=ON", "unsupported"},
	{"PRAGMA writable_schema=RESET", "unsupported"},
	{"PRAGMA temp_store_directory='x'", "unsupported"},
	{"PRAGMA", "unsupported"},
	{"PRAGMA query_only 0", "unsupported"},
	{"PRAGMA query_only=0 0", "unsupported"},
	{"PRAGMA query_only(0", "unsupported"},
	{"PRAGMA query_only=-ON", "unsupported"},
	{"PRAGMA query_only=?", "unsupported"},
	{"PRAGMA \\query_only=0", "unsupported"},
	{"PRAGMA nosuch.cache_size=1", "unsure"},
}

// TestPragmas also runs what stays here on a query_only connection: SQLite
// must allow it, and the file must stay as it is.
func TestPragmas(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		before := c.contents()
		runChecks(t, c, New(), pragmaChecks)
		runChecks(t, c, NewPrivate(), pragmaChecks[:len(pragmaChecks)-1])
		for _, check := range pragmaChecks {
			stmts, err := New().Classify(t.Context(), c, check.sql)
			if err != nil {
				t.Fatal(err)
			}
			if k := stmts[0].Kind; k != Read && k != Local && k != Setting {
				continue
			}
			rows, err := c.Query(t.Context(), check.sql, nil)
			if err == nil {
				err = drain(rows, 1000)
			}
			if err != nil {
				t.Errorf("%s: %v", check.sql, err)
			}
		}
		if c.contents() != before {
			t.Error("the file has changed")
		}
		if got := c.value("PRAGMA query_only"); got != int64(1) {
			t.Errorf("query_only is %v", got)
		}
	})
}

func TestPragmaValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ sql, name, value string }{
		{"PRAGMA foreign_keys", "foreign_keys", ""},
		{"PRAGMA main . Foreign_Keys = ON ;", "foreign_keys", "ON"},
		{"PRAGMA foreign_keys ( 'o''n' )", "foreign_keys", "'o''n'"},
		{"PRAGMA analysis_limit == + 100", "analysis_limit", "+ 100"},
		{"PRAGMA cache_size=-2_000", "cache_size", "-2_000"},
		{"PRAGMA recursive_triggers=/* c */DELETE", "recursive_triggers", "DELETE"},
	}
	for _, tt := range tests {
		stmts, err := New().Classify(t.Context(), failing{errMalformed}, tt.sql)
		if err != nil {
			t.Fatal(err)
		}
		if s := stmts[0]; s.Pragma != tt.name || s.Value != tt.value {
			t.Errorf("%s: got %q = %q", tt.sql, s.Pragma, s.Value)
		}
	}
}

// TestEveryPragma looks for those that the drivers' SQLite knows and the table
// does not.
func TestEveryPragma(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		rows, err := c.Query(t.Context(), "PRAGMA pragma_list", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		dest := make([]driver.Value, 1)
		n := 0
		for ; rows.Next(dest) == nil; n++ {
			if name := asText(dest[0]); !hasPragma(name) {
				t.Errorf("PRAGMA %s is not in the table", name)
			}
		}
		if n < 50 {
			t.Errorf("only %d PRAGMAs", n)
		}
	})
}

func hasPragma(name string) bool {
	_, ok := pragmas[name]
	return ok
}

// TestDDL is a connection with main only.
func TestDDL(t *testing.T) {
	t.Parallel()
	checks := []check{
		{"CREATE TABLE x(a)", "write"},
		{"CREATE TABLE IF NOT EXISTS t(a)", "write"},
		{"CREATE TABLE main.x AS SELECT * FROM t", "write"},
		{"CREATE UNIQUE INDEX IF NOT EXISTS x ON t(a)", "write"},
		{"CREATE VIEW x AS SELECT 1", "write"},
		{"CREATE VIRTUAL TABLE x USING nosuch(a)", "write"},
		{"CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM log; SELECT 1; END", "write"},
		{"CREATE TRIGGER x", "write"}, // malformed: the primary says so
		{"DROP TABLE t", "write"},
		{"DROP TABLE IF EXISTS nosuch", "write"},
		{"DROP VIEW v", "write"},
		{"DROP INDEX IF EXISTS main.t_a", "write"},
		{"DROP TRIGGER t_ins", "write"},
		{"ALTER TABLE t RENAME COLUMN a TO z", "write"},
		{"REINDEX", "write"},
		{"REINDEX t", "write"},
		{"ANALYZE", "write"},
		{"ANALYZE main", "write"},
		{"ANALYZE t_a", "write"},
		{"VACUUM", "write alone"},
		{"VACUUM main", "write alone"},
		{"VACUUM INTO ?", "temp alone"},
		{"VACUUM main INTO 'x'", "temp alone"},
		{"CREATE TEMP TABLE x(a)", "temp schema"},
		{"create temporary table if not exists x as select * from t", "temp schema"},
		{"CREATE TABLE temp.x(a)", "temp schema"},
		{"CREATE TABLE [TEMP].x(a)", "temp schema"},
		{"CREATE TEMP VIEW x AS SELECT * FROM t", "temp schema"},
		{"CREATE VIRTUAL TABLE temp.x USING rtree(id,a,b)", "temp schema"},
		{"CREATE VIRTUAL TABLE temp.x USING 'Sqlite_DBpage'", "unsupported"},
		{"DROP TABLE temp.x", "temp schema"},
		{"CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "unsupported intx"},
		// What is only stored calls nothing.
		{"CREATE VIEW x AS SELECT changes(), total_changes(), last_insert_rowid()", "write"},
		{"CREATE TEMP VIEW x(n) AS SELECT changes()", "temp schema"},
		{"CREATE TRIGGER x AFTER INSERT ON t BEGIN INSERT INTO log VALUES (changes(), last_insert_rowid()); END", "write"},
		{"CREATE INDEX x ON t(a) WHERE changes() > 1", "write"},
		{"CREATE TABLE x(a DEFAULT (last_insert_rowid()), b CHECK (changes() > 0))", "write"},
		{"CREATE TABLE x AS SELECT changes() AS n", "write changes"},
		{"CREATE TEMP TABLE x AS SELECT total_changes(), last_insert_rowid()", "temp rowid changes total schema"},
		{"CREATE TRIGGER temp.x AFTER INSERT ON t BEGIN SELECT 1; END", "unsupported intx"},
		{"CREATE TEMP TRIGGER x AFTER INSERT ON temp.y BEGIN SELECT 1; END", "temp schema"},
		{"ATTACH 'x.db' AS aux", "local schema"},
		{"ATTACH DATABASE ? AS ?", "local schema"},
		{"DETACH aux", "local schema"},
		{"CREATE TABLE aux.x(a)", "unsure"},
		{"CREATE TRIGGER aux.x AFTER INSERT ON t BEGIN SELECT 1; END", "unsure"},
		{"DROP TABLE aux.x", "unsure"},
		{"CREATE SOMETHING x", "unsure"},
		{"CREATE TABLE IF EXISTS x(a)", "unsure"},
		{"DROP TABLE", "unsure"},
		{"DROP TABLE IF t", "unsure"},
		{"ANALYZE a b", "unsure"},
		{"VACUUM main main", "unsure"},
	}
	cl := New()
	for _, tt := range checks {
		// None of these is shown to SQLite.
		stmts, err := cl.Classify(t.Context(), failing{errMalformed}, tt.sql)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(stmts[0]); got != tt.want {
			t.Errorf("%s: got %q, want %q (%s)", tt.sql, got, tt.want, stmts[0].Reason)
		}
	}
}

// TestQueryOnlyAllows checks what the classes Local and TempWrite rest on.
func TestQueryOnlyAllows(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		before := c.contents()
		c.exec("ATTACH '" + filepath.Join(t.TempDir(), "new.db") + "' AS new")
		c.exec("ATTACH ':memory:' AS mem")
		c.exec("DETACH new")
		c.exec("DETACH mem")
		copied := filepath.Join(t.TempDir(), "copy.db")
		into := "VACUUM INTO '" + copied + "'"
		if _, err := c.Exec(t.Context(), into, nil); err == nil {
			t.Error("query_only permits VACUUM INTO, which need not be a TempWrite")
		}
		if _, err := c.Exec(t.Context(), "CREATE TEMP TABLE x(a)", nil); err == nil {
			t.Error("query_only permits writes to temp, which need no class of their own")
		}
		c.exec("PRAGMA query_only=0")
		c.exec(into)
		c.exec("CREATE TEMP TABLE x AS SELECT * FROM t")
		c.exec("ATTACH '" + copied + "' AS copied")
		if n := c.value("SELECT count(*) FROM copied.t"); n != int64(3) {
			t.Errorf("the copy has %v rows", n)
		}
		c.exec("BEGIN")
		if _, err := c.Exec(t.Context(), strings.Replace(into, "copy", "copy2", 1), nil); err == nil {
			t.Error("VACUUM INTO runs inside a transaction, so it need not be Alone")
		}
		c.exec("ROLLBACK")
		if c.contents() != before {
			t.Error("the file has changed")
		}
	})
}
