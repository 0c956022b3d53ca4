package sqlclass

import (
	"context"
	"database/sql/driver"
	"strings"
	"testing"
)

// check is what one statement must be. Its words are the Kind and the flags
// that are set.
type check struct{ sql, want string }

var kindNames = map[Kind]string{
	Unsure: "unsure", Empty: "empty", Read: "read", Write: "write", TempWrite: "temp",
	Local: "local", Setting: "setting", Begin: "begin", Commit: "commit", Rollback: "rollback",
	Savepoint: "savepoint", Release: "release", RollbackTo: "rollbackto", Unsupported: "unsupported",
}

func describe(s Statement) string {
	words := []string{kindNames[s.Kind]}
	for _, flag := range []struct {
		set  bool
		name string
	}{
		{s.Alone, "alone"}, {s.Inserts, "inserts"}, {s.Counts, "counts"}, {s.UsesRowID, "rowid"},
		{s.UsesChanges, "changes"}, {s.UsesTotal, "total"}, {s.InTx, "intx"}, {s.TempSchema, "schema"}, {s.LocalOnly, "here"},
	} {
		if flag.set {
			words = append(words, flag.name)
		}
	}
	return strings.Join(words, " ")
}

// runChecks classifies each, twice, so that the cache answers too.
func runChecks(t *testing.T, c *testConn, cl *Classifier, checks []check) {
	t.Helper()
	for _, tt := range checks {
		for range 2 {
			stmts, err := cl.Classify(t.Context(), c, tt.sql)
			if err != nil {
				t.Fatalf("%s: %v", tt.sql, err)
			}
			if len(stmts) != 1 {
				t.Fatalf("%s: %d statements", tt.sql, len(stmts))
			}
			s := stmts[0]
			if got := describe(s); got != tt.want {
				t.Errorf("%s: got %q, want %q (%s%v)", tt.sql, got, tt.want, s.Reason, s.Err)
			}
			if (s.Kind == Unsupported) != (s.Reason != "") || (s.Kind == Unsure) != (s.Err != nil) {
				t.Errorf("%s: %s with reason %q and error %v", tt.sql, describe(s), s.Reason, s.Err)
			}
		}
	}
}

var queryChecks = []check{
	{"", "empty"},
	{" -- nothing\n;", "empty"},
	{"SELECT 1", "read"},
	{"\xEF\xBB\xBFselect * from t where id=? and a=:x", "read"},
	{"/* hint */ SELECT * FROM v ORDER BY a DESC LIMIT ?2 -- end", "read"},
	{"VALUES(1),(?)", "read"},
	{"WITH x AS (SELECT id FROM t) SELECT * FROM x", "read"},
	{"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9) SELECT i, sum(i) OVER (ORDER BY i) FROM n", "read"},
	{"SELECT a FROM t UNION SELECT k FROM u EXCEPT SELECT 3 INTERSECT SELECT 2 ORDER BY 1", "read"},
	{"SELECT b, group_concat(DISTINCT a) FROM t GROUP BY b HAVING count(*) > 0", "read"},
	{"SELECT * FROM t LEFT JOIN u ON t_id=t.id FULL JOIN log ON what=k WHERE EXISTS (SELECT 1 FROM log)", "read"},
	{"SELECT * FROM t WHERE id IN (1,2,3) OR a IN (SELECT a FROM t)", "read"},
	{"SELECT lag(a) OVER w, first_value(a) OVER (w ROWS 2 PRECEDING) FROM t WINDOW w AS (ORDER BY a)", "read"},
	{"SELECT json_extract(value,'$') FROM json_each('[1,2]')", "read"},
	{"SELECT name FROM pragma_table_info('t')", "read"},
	{"SELECT * FROM sqlite_schema", "read"},
	{"SELECT * FROM sqlite_temp_schema", "read here"},
	{"SELECT * FROM rt WHERE x0 < 1", "read"},
	{"SELECT last_insert_rowid ( )", "read rowid"},
	{`SELECT "Changes"(), total_changes()`, "read changes total"},
	{"SELECT changes, last_insert_rowid FROM (SELECT 1 AS changes, 2 AS last_insert_rowid)", "read"},
	{"SELECT * FROM last", "read rowid changes"},
	{"EXPLAIN SELECT * FROM t", "read"},
	{"EXPLAIN QUERY PLAN DELETE FROM t WHERE id=?", "read"},
	{"explain insert into t(a) values(:a) returning id", "read"},
	{"EXPLAIN WITH x AS (SELECT 1) UPDATE t SET a=1", "read"},

	{"SELECT * FROM nosuch", "unsure"},
	{"SELECT nosuch(1)", "unsure"},
	{"SELECT", "unsure"},
	{"SELECT 1 \\", "unsure"},
	{"SELECT ?0", "unsure"},
	{"SELECT 1 EXPLAIN", "read"}, // an alias
	{"FOO BAR", "unsure"},
	{"(SELECT 1)", "unsure"},
	{`"SELECT" 1`, "unsure"},
	{"WITH x AS (SELECT 1", "unsure"},
	{"EXPLAIN", "unsure"},
	{"EXPLAIN CREATE TABLE x(a)", "unsure"},
	{"EXPLAIN CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "unsure"},
	{"EXPLAIN BEGIN", "unsure"},
	{"EXPLAIN QUERY PLAN EXPLAIN SELECT 1", "unsure"},
	{"EXPLAIN SELECT * FROM nosuch", "unsure"},
	{"EXPLAIN PRAGMA cache_size=77", "unsupported"},
	{"EXPLAIN QUERY PLAN PRAGMA journal_mode=wal", "unsupported"},
	// They run writes of their own inside a read.
	{"SELECT * FROM pragma_optimize(0xfffe)", "unsure"},
	{"SELECT * FROM 'Pragma_Optimize'", "unsure"},
	{"SELECT optimize(f4) FROM f4", "unsure"},
	{"SELECT 'a\x00'", "unsupported"},
	{"SELECT 1;\x00DELETE FROM t", "unsupported"},
}

var dmlChecks = []check{
	{"INSERT INTO t(a) VALUES(1)", "write inserts counts"},
	{"insert or ignore into u values('x',1) on conflict(k) do update set t_id=2", "write inserts counts"},
	{"INSERT INTO t(a) VALUES(?) RETURNING id, last_insert_rowid()", "write inserts counts rowid"},
	{"REPLACE INTO u VALUES('x',?2)", "write inserts counts"},
	{"UPDATE t SET a=changes() WHERE id=1", "write counts changes"},
	{"DELETE FROM u", "write counts"},
	{"WITH x AS (SELECT 1 AS i) DELETE FROM t WHERE id IN (SELECT i FROM x)", "write counts"},
	{"WITH x(a) AS (VALUES(1)) INSERT INTO t(a) SELECT a FROM x", "write inserts counts"},
	{"WITH x AS (SELECT 1) REPLACE INTO u SELECT 'z', 1 FROM x", "write inserts counts"},
	{"WITH x AS (SELECT 1) UPDATE t SET a=1 FROM x", "write counts"},
	{"INSERT INTO v(a) VALUES(7)", "write inserts counts"}, // INSTEAD OF trigger
	{"INSERT INTO rt VALUES(5,0,1)", "write inserts counts"},
	{"UPDATE t SET a=1 WHERE 0", "write counts"},
}

func TestQueries(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		runChecks(t, c, New(), queryChecks)
		runChecks(t, c, NewPrivate(), queryChecks)
	})
}

func TestDML(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		runChecks(t, c, New(), dmlChecks)
		// Unknown tables are the primary's to refuse, or not.
		runChecks(t, c, New(), []check{{"INSERT INTO nosuch VALUES(1)", "write inserts counts"}})
		c.addOwn()
		private := NewPrivate()
		runChecks(t, c, private, dmlChecks)
		runChecks(t, c, private, []check{{"INSERT INTO nosuch VALUES(1)", "unsure inserts counts"}})
	})
}

// TestVirtualTables has the full text searches, of which each driver has one.
func TestVirtualTables(t *testing.T) {
	t.Parallel()
	searches := map[string][]check{
		"f4": {
			{"SELECT * FROM f4 WHERE f4 MATCH 'hello'", "read"},
			{"SELECT snippet(f4) FROM f4 WHERE f4 MATCH ?", "read"},
			{"INSERT INTO f4(f4) VALUES('optimize')", "write inserts counts"},
			{"DELETE FROM f4 WHERE docid=1", "write counts"},
		},
		"ft": {
			{"SELECT highlight(ft,0,'<','>'), bm25(ft) FROM ft WHERE ft MATCH ? ORDER BY rank", "read"},
			{"SELECT * FROM ft('hello')", "read"},
			{"INSERT INTO ft(ft) VALUES('rebuild')", "write inserts counts"},
			{"INSERT INTO ft(ft, rank) VALUES('merge', 5)", "write inserts counts"},
			{"UPDATE ft SET body='x' WHERE rowid=1", "write counts"},
		},
	}
	forDrivers(t, func(t *testing.T, c *testConn) {
		if !c.hasFTS4 && !c.hasFTS5 {
			t.Fatal("neither FTS4 nor FTS5: nothing was tested")
		}
		for table, has := range map[string]bool{"f4": c.hasFTS4, "ft": c.hasFTS5} {
			if !has {
				t.Logf("SKIPPED: this build of the driver has no table %s", table)
				continue
			}
			runChecks(t, c, New(), searches[table])
			runChecks(t, c, NewPrivate(), searches[table])
		}
	})
}

// TestOwnObjects is a connection with temp and attached databases.
func TestOwnObjects(t *testing.T) {
	t.Parallel()
	checks := []check{
		{"SELECT * FROM tt", "read here"},
		{"SELECT * FROM tv JOIN t", "read here"},
		{"SELECT * FROM t", "read"},
		{"SELECT * FROM aux.x", "read here"},
		{"EXPLAIN SELECT * FROM m", "read here"},
		{"EXPLAIN DELETE FROM tt", "read here"},
		{"PRAGMA table_info(tt)", "read here"},
		{"INSERT INTO tt VALUES(?,?)", "temp inserts counts"},
		{"INSERT INTO tt SELECT a, b FROM t", "temp inserts counts"},
		{"UPDATE mem.m SET a=(SELECT max(a) FROM t)", "temp counts"},
		{"WITH z AS (SELECT a FROM tt) DELETE FROM m", "temp counts"},
		{"INSERT INTO twice VALUES(1)", "temp inserts counts"},
		{"INSERT INTO AUX.x VALUES(1)", "unsupported inserts counts"},
		{"DELETE FROM x", "unsupported counts"},
		{"INSERT INTO t(a) SELECT a FROM tt", "unsupported inserts counts"},
		{"INSERT INTO t(a) SELECT a FROM aux.x", "unsupported inserts counts"},
		{"INSERT INTO t(a) SELECT a FROM mem.m", "unsupported inserts counts"},
		{"INSERT INTO both VALUES(1)", "unsupported inserts counts"}, // its trigger writes main

		{"DROP TABLE tt", "temp schema"},
		{"DROP VIEW IF EXISTS tv", "temp schema"},
		{"DROP INDEX tt_a", "temp schema"},
		{"DROP TRIGGER TT_INS", "temp schema"},
		{"DROP TABLE twice", "temp schema"},
		{"DROP TABLE mem.twice", "temp schema"},
		{"DROP TABLE m", "temp schema"},
		{"DROP INDEX m_a", "temp schema"},
		{"DROP TABLE x", "unsupported"},
		{"DROP TABLE aux.x", "unsupported"},
		{"DROP INDEX aux.x_a", "unsupported"},
		{"DROP TABLE t", "write"},
		{"DROP TABLE IF EXISTS nosuch", "write"},
		{"DROP TABLE IF EXISTS temp.nosuch", "temp schema"},
		{"DROP TABLE nosuch.t", "unsure"},
		{"ALTER TABLE tt ADD COLUMN z", "temp schema"},
		{"ALTER TABLE t RENAME TO t9", "write"},
		{"ALTER TABLE aux.x RENAME TO y", "unsupported"},
		{"CREATE INDEX i ON tt(b)", "temp schema"},
		{"CREATE INDEX temp.i ON tt(b)", "temp schema"},
		{"CREATE INDEX i ON t(b)", "write"},
		{"CREATE UNIQUE INDEX mem.i ON m(a)", "temp schema"},
		{"CREATE INDEX aux.i ON x(a)", "unsupported"},
		{"CREATE TABLE mem.n(a)", "temp schema"},
		{"CREATE TABLE aux.n(a)", "unsupported"},
		{"CREATE TABLE n AS SELECT * FROM t", "write"},
		{"CREATE TABLE n AS SELECT * FROM tt", "unsupported"},
		{"CREATE TABLE n AS SELECT * FROM aux.x", "unsupported"},
		{"CREATE TEMP TRIGGER g AFTER INSERT ON tt BEGIN SELECT 1; END", "temp schema"},
		{"CREATE TRIGGER g AFTER INSERT ON tt BEGIN SELECT 1; END", "temp schema"},
		{"CREATE TEMP TRIGGER g AFTER UPDATE OF a ON main.t BEGIN SELECT 1; END", "unsupported intx"},
		{"CREATE TEMP TRIGGER g AFTER DELETE ON mem.m BEGIN SELECT 1; END", "temp schema"},
		{"CREATE TEMP TRIGGER g AFTER DELETE ON aux.x BEGIN SELECT 1; END", "unsupported intx"},
		{"CREATE TRIGGER mem.g AFTER DELETE ON m BEGIN SELECT 1; END", "temp schema"},
		{"CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END", "write"},
		{"REINDEX tt", "temp schema"},
		{"REINDEX tt_a", "temp schema"},
		{"REINDEX nocase", "write"},
		{"ANALYZE temp", "temp schema"},
		{"ANALYZE mem.m", "temp schema"},
		{"ANALYZE aux", "unsupported"},
		{"ANALYZE main", "write"},
		{"VACUUM mem", "temp alone"},
		{"VACUUM aux", "unsupported"},
		{"VACUUM nosuch", "unsure"},

		{"PRAGMA mem.user_version=4", "temp"},
		{"PRAGMA aux.user_version=4", "unsupported"},
		{"PRAGMA aux.user_version", "read here"},
		{"PRAGMA mem.journal_mode=off", "temp alone"},
		{"PRAGMA aux.journal_mode=off", "unsupported"},
		{"PRAGMA nosuch.user_version=4", "unsure"},
	}
	forDrivers(t, func(t *testing.T, c *testConn) {
		if own, err := HasOwnObjects(t.Context(), c); own || err != nil {
			t.Errorf("before: HasOwnObjects = %t, %v", own, err)
		}
		c.addOwn()
		if own, err := HasOwnObjects(t.Context(), c); !own || err != nil {
			t.Errorf("after: HasOwnObjects = %t, %v", own, err)
		}
		before := c.contents()
		runChecks(t, c, NewPrivate(), checks)
		if c.contents() != before {
			t.Error("classifying changed the file")
		}
	})
}

// TestContextEnds: that the caller gave up says nothing of the statement.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := New().Classify(ctx, c, "SELECT * FROM t"); err == nil {
			t.Error("no error for a context that has ended")
		}
	})
}

// failing is a connection that cannot be asked anything.
type failing struct{ err error }

func (f failing) Query(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, f.err
}

func TestConnectionFails(t *testing.T) {
	t.Parallel()
	q := failing{driver.ErrBadConn}
	if _, err := NewPrivate().Classify(t.Context(), q, "SELECT 1"); err != q.err {
		t.Errorf("private: got %v, want %v", err, q.err)
	}
	stmts, err := New().Classify(t.Context(), q, "SELECT 1")
	if err != nil || stmts[0].Kind != Unsure || stmts[0].Err != q.err {
		t.Errorf("shared: got %+v, %v", stmts, err)
	}
	stmts, err = New().Classify(t.Context(), q, "PRAGMA cache_size=1; BEGIN; ATTACH 'x' AS y; INSERT INTO t VALUES(1)")
	if err != nil || len(stmts) != 4 {
		t.Errorf("it was asked what the text alone tells: %+v, %v", stmts, err)
	}
}
