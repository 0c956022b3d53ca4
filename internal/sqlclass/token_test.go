package sqlclass

import (
	"slices"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sql  string // the token, up to a '‖' if more follows
		kind tokenKind
	}{
		{"", tokEnd},
		{"\x00; DELETE FROM t", tokEnd},
		{" \t\n\f\r\v‖x", tokSpace},
		{"\v‖ ", tokIllegal}, // isspace, but begins no token
		{"\xEF\xBB\xBF‖SELECT", tokSpace},
		{"\xEF\xBB\xC0", tokWord},
		{"a\xEF\xBB\xBFb‖ ", tokWord},
		{"-- x; y‖\n", tokComment},
		{"--", tokComment},
		{"-‖1", tokMinus},
		{"->‖1", tokOther},
		{"->>‖1", tokOther},
		{"/* ; */‖;", tokComment},
		{"/**/‖;", tokComment},
		{"/*/ ; */‖x", tokComment},
		{"/***/‖x", tokComment},
		{"/* open ; ", tokComment},
		{"/‖*", tokOther}, // at the very end it is no comment
		{"/‖ 2", tokOther},
		{"'it''s ; '‖;", tokString},
		{"'open ; ", tokIllegal},
		{`"a"";"‖;`, tokQuoted},
		{"`a``;`‖;", tokQuoted},
		{"[a;[\"]‖]", tokQuoted},
		{"[a;", tokIllegal},
		{"x'0aF9'‖;", tokBlob},
		{"X'0'‖;", tokIllegal},
		{"x'zz;'‖;", tokIllegal},
		{"x'12;", tokIllegal},
		{"xyz‖'a'", tokWord},
		{"12‖+", tokNumber},
		{"1_000.2_5e+1_0‖;", tokNumber},
		{".5‖.", tokNumber},
		{"1.‖;", tokNumber},
		{"1e5‖ ", tokNumber},
		{"1e", tokIllegal},
		{"1e‖+", tokIllegal},
		{"0x1F‖;", tokNumber},
		{"0x‖", tokIllegal},
		{"12ab‖ ", tokIllegal},
		{".‖a", tokDot},
		{"?‖a", tokVariable},
		{"?12‖a", tokVariable},
		{":a1_$é‖,", tokVariable},
		{"@a‖-", tokVariable},
		{"#a‖ ", tokVariable},
		{"$a::b::c‖:", tokVariable},
		{"$a(;'\")‖;", tokVariable},
		{"$a::b(x;y)‖z", tokVariable},
		{"$a(;‖ x)", tokIllegal},
		{"$a(;", tokIllegal},
		{":‖ a", tokIllegal},
		{"$‖(a)", tokIllegal},
		{":‖:;", tokIllegal},
		{"==‖=", tokEqual},
		{"=‖ =", tokEqual},
		{"<>‖", tokOther},
		{"<<‖", tokOther},
		{">=‖", tokOther},
		{"||‖", tokOther},
		{"!=‖", tokOther},
		{"!‖a", tokIllegal},
		{"\\‖", tokIllegal},
		{"a$1‖-", tokWord},
		{"_é‖;", tokWord},
	}
	for _, tt := range tests {
		want, rest, _ := strings.Cut(tt.sql, "‖")
		if tt.kind == tokEnd {
			want, rest = "", tt.sql
		}
		got := scan(want+rest, 0)
		if got.kind != tt.kind || got.text(want+rest) != want {
			t.Errorf("scan(%q) = kind %d %q, want kind %d %q",
				want+rest, got.kind, got.text(want+rest), tt.kind, want)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	const body = "AFTER INSERT ON t BEGIN SELECT ';'; DELETE FROM log; END"
	tests := []struct {
		name, sql string
		want      []string
	}{
		{"nothing", " ; ;; -- x\n /* ; */", nil},
		{"one", "SELECT 1", []string{"SELECT 1"}},
		{"two", " SELECT 1 ;\n SELECT 2; ", []string{"SELECT 1", "SELECT 2"}},
		{"comments stay", "/*a*/ SELECT 1 --c\n; -- b\nSELECT 2", []string{"/*a*/ SELECT 1 --c", "-- b\nSELECT 2"}},
		{"quotes", `SELECT ';', ";", [;], ` + "`;`" + `; x`, []string{`SELECT ';', ";", [;], ` + "`;`", "x"}},
		{"TCL variable", "SELECT $a(;); b", []string{"SELECT $a(;)", "b"}},
		{"comment's end at the end", "SELECT 1 /*", []string{"SELECT 1 /*"}},
		// Found by FuzzSplit: space that belongs to a token must stay.
		{"open comment of a space", " SELECT 1 /* ", []string{"SELECT 1 /* "}},
		{"open string", "SELECT ' ", []string{"SELECT ' "}},
		{"NUL ends", "SELECT 1;\x00DELETE FROM t", []string{"SELECT 1"}},
		{"trigger", "CREATE TRIGGER x " + body + "; SELECT 1", []string{"CREATE TRIGGER x " + body, "SELECT 1"}},
		{"temp trigger", "create /**/ temp trigger x " + body + ";;", []string{"create /**/ temp trigger x " + body}},
		{"temporary", "CREATE TEMPORARY TRIGGER x " + body, []string{"CREATE TEMPORARY TRIGGER x " + body}},
		{"explained", "EXPLAIN CREATE TRIGGER x " + body + ";a", []string{"EXPLAIN CREATE TRIGGER x " + body, "a"}},
		{"plan explained", "EXPLAIN QUERY PLAN CREATE TRIGGER x " + body + ";a", []string{"EXPLAIN QUERY PLAN CREATE TRIGGER x " + body, "a"}},
		{"END in the body", "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END; a",
			[]string{"CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END", "a"}},
		{"open trigger", "CREATE TRIGGER x; DELETE FROM t; DROP TABLE t", []string{"CREATE TRIGGER x; DELETE FROM t; DROP TABLE t"}},
		{"END that ends nothing", "CREATE TRIGGER x; END y; z; END; a", []string{"CREATE TRIGGER x; END y; z; END", "a"}},
		{"quoted keyword", `CREATE "TRIGGER" x; END; a`, []string{`CREATE "TRIGGER" x`, "END", "a"}},
		{"trigger as a name", "CREATE TABLE trigger(a); END", []string{"CREATE TABLE trigger(a)", "END"}},
		{"sqlite3_complete would go on", "EXPLAIN foo CREATE TRIGGER x; DELETE FROM t; END; a",
			[]string{"EXPLAIN foo CREATE TRIGGER x", "DELETE FROM t", "END", "a"}},
		{"temp twice", "CREATE TEMP TEMP TRIGGER x; a; END", []string{"CREATE TEMP TEMP TRIGGER x", "a", "END"}},
		{"not a Unicode fold", "CREATE TRIGGEſ x; END; a", []string{"CREATE TRIGGEſ x", "END", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Split(tt.sql); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sql  string
		want []string
	}{
		{"SELECT 1", nil},
		{"SELECT ?, ?", []string{"", ""}},
		{"SELECT ?3", []string{"", "", "?3"}},
		{"SELECT ?2, ?, ?1", []string{"?1", "?2", ""}},
		{"SELECT :a, ?, :a, @a, $a, #a", []string{":a", "", "@a", "$a", "#a"}},
		{"SELECT ?1, ?01, :A, :a", []string{"?1", ":A", ":a"}},
		{"SELECT ?007", []string{"", "", "", "", "", "", "?007"}},
		{"SELECT ':a', /* ? */ \"?\", [?] -- ?", nil},
		{"SELECT $a::b(?;), ?", []string{"$a::b(?;)", ""}},
		{"SELECT :a, ?1", []string{":a"}},
	}
	for _, tt := range tests {
		n, got := Params(tt.sql)
		if n != len(tt.want) || !slices.Equal(got, tt.want) {
			t.Errorf("Params(%q) = %d %q, want %q", tt.sql, n, got, tt.want)
		}
	}
	if n, _ := Params("SELECT ?0, ?99999999999999999999, ?250001"); n != 0 {
		t.Errorf("numbers out of range counted: %d", n)
	}
}

// TestParamsAgree compares the numbers with SQLite's own, and checks that both
// drivers take nullArgs.
func TestParamsAgree(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		for _, sql := range []string{
			"SELECT 1", "SELECT ?", "SELECT ?3, ?", "SELECT :a, @a, $a, :a, ?", "SELECT ?007, ?7, :x",
			"SELECT $a::b(c), $12, :12, @12, ?12", "SELECT ?2, :b, ?1, ?5", "SELECT #a",
			"SELECT * FROM t WHERE id IN (?,?,?) LIMIT ? OFFSET :o",
			"INSERT INTO t(a) VALUES(?1),(:x) RETURNING ?, ?9",
		} {
			n, names := Params(sql)
			stmt, err := c.Prepare(t.Context(), sql)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			if got := stmt.NumInput(); got >= 0 && got != n {
				t.Errorf("%s: %d parameters, SQLite has %d", sql, n, got)
			}
			stmt.Close()
			if _, err := explain(t.Context(), c, sql, names); err != nil {
				t.Errorf("EXPLAIN %s: %v", sql, err)
			}
		}
	})
}

func TestReadOpcodes(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"OpenWrite", "VUpdate", "AutoCommit", "Savepoint", "Vacuum",
		"JournalMode", "Checkpoint", "IncrVacuum", "Expire", "SetCookie", "SqlExec", "Program"} {
		if readOpcodes[op] {
			t.Errorf("%s is no opcode of a read", op)
		}
	}
}

func TestCursorSkipsWith(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"SELECT 1":                           "select",
		"WITH a AS (SELECT 1) DELETE FROM t": "delete",
		"with recursive a(x,y) as not materialized (select (1)), b AS (x) Update": "update",
		"WITH replace AS (SELECT 1) SELECT * FROM replace":                        "select",
		`WITH "insert"(a) AS MATERIALIZED (VALUES(1)) REPLACE INTO t`:             "replace",
		"WITH a AS (SELECT 1":   "",
		"WITH a (SELECT 1) x":   "",
		"WITH a AS (SELECT 1),": "",
	}
	for sql, want := range tests {
		c := newCursor(sql)
		if got := c.mainVerb(); got != want {
			t.Errorf("mainVerb(%q) = %q, want %q", sql, got, want)
		}
	}
	if got := unquote(`"a""b"`); got != `a"b` {
		t.Errorf("unquote gave %q", got)
	}
}
