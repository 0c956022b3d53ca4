package conformance

import (
	"database/sql"
	"database/sql/driver"
	"math"
	"strings"
	"time"
)

// cents is a type of the application's own that knows how it is stored.
type cents int64

func (c cents) Value() (driver.Value, error) { return float64(c) / 100, nil }

// broken is one that fails to say it.
type broken struct{}

func (broken) Value() (driver.Value, error) { return nil, errBroken }

// roundTrip writes v as an argument and reads it back, from a table without
// types and straight from the parameter.
func roundTrip(v any) []Step {
	return []Step{
		query(`SELECT ?, typeof(?1)`, v),
		exec(`INSERT INTO t VALUES (1, ?)`, v),
		query(`SELECT v, typeof(v), length(v), hex(v) FROM t`),
		query(`UPDATE t SET v = ? RETURNING v, typeof(v)`, v),
		prepExec(`UPDATE t SET v = ?`, bind(v)),
	}
}

func valueCases() []Case {
	untyped := []string{`CREATE TABLE t(id, v)`}
	var cases []Case
	for _, v := range []struct {
		name  string
		value any
	}{
		{"int64 min", int64(math.MinInt64)},
		{"int64 max", int64(math.MaxInt64)},
		{"zero", 0},
		{"small ints", int8(-7)},
		{"uint32", uint32(math.MaxUint32)},
		{"true", true},
		{"false", false},
		{"float", 1.0 / 3},
		{"whole float", 2.0},
		{"large float", math.MaxFloat64},
		{"smallest float", math.SmallestNonzeroFloat64},
		{"NaN becomes NULL", math.NaN()},
		{"+Inf", math.Inf(1)},
		{"-Inf", math.Inf(-1)},
		{"minus zero", math.Copysign(0, -1)},
		{"nil", nil},
		{"empty string", ""},
		{"unicode", "grüße, 世界 🎉 é"},
		{"string with NUL", "a\x00b"},
		{"invalid UTF-8", "a\xff\xfeb\xc3"},
		{"quotes and semicolons", `it's "x"; DROP TABLE t; --`},
		{"newlines", "a\r\nb\tc"},
		{"string of 1 MB", strings.Repeat("0123456789abcdef", 1<<16)},
		{"blob", []byte{0, 1, 127, 128, 255}},
		{"empty blob", []byte{}},
		{"nil blob", []byte(nil)},
		{"blob of 1 MB", []byte(strings.Repeat("\x00\xff\x10\x80", 1<<18))},
		{"blob of one NUL", []byte{0}},
		{"sql.RawBytes", sql.RawBytes("raw")},
		{"NullString", sql.NullString{String: "s", Valid: true}},
		{"NullString NULL", sql.NullString{}},
		{"NullInt64", sql.NullInt64{Int64: -5, Valid: true}},
		{"NullFloat64", sql.NullFloat64{Float64: .5, Valid: true}},
		{"NullBool", sql.NullBool{Bool: true, Valid: true}},
		{"NullTime", sql.NullTime{Time: time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC), Valid: true}},
		{"Null of int", sql.Null[int]{V: 8, Valid: true}},
		{"pointer", new("pointed to")},
		{"nil pointer", (*int)(nil)},
		{"Valuer", cents(1999)},
		{"named string type", named("x")},
	} {
		cases = append(cases, Case{Name: v.name, Setup: untyped, Steps: roundTrip(v.value)})
	}
	return append(cases, []Case{
		{Name: "failing Valuer", Setup: untyped, Steps: []Step{
			exec(`INSERT INTO t VALUES (1, ?)`, broken{}).errors("broken on purpose"),
			query(`SELECT ?`, broken{}).errors("broken on purpose"),
		}},
		{Name: "types without a form", Setup: untyped, Steps: []Step{
			exec(`INSERT INTO t VALUES (1, ?)`, struct{ A int }{1}).errors("unsupported type"),
			exec(`INSERT INTO t VALUES (1, ?)`, map[string]int{}).errors("unsupported type"),
			exec(`INSERT INTO t VALUES (1, ?)`, []int{1}).errors("unsupported type"),
			exec(`INSERT INTO t VALUES (1, ?)`, uint64(math.MaxUint64)).either(),
			exec(`INSERT INTO t VALUES (1, ?)`, 1i).errors("unsupported type"),
		}},
		{Name: "affinity", Setup: []string{`CREATE TABLE a(i INTEGER, t TEXT, r REAL, n NUMERIC, b BLOB)`}, Steps: []Step{
			exec(`INSERT INTO a VALUES ('12', 12, 12, '12', 12), ('1.0', 1.5, '1', '1.5', '1'), ('x', x'01', 'x', 'x', NULL)`),
			exec(`INSERT INTO a VALUES (?, ?, ?, ?, ?)`, "7", 7, 7, "7", 7),
			query(`SELECT i, t, r, n, b, typeof(i), typeof(t), typeof(r), typeof(n), typeof(b) FROM a`),
		}},
		{Name: "empty and NULL are kept apart", Setup: untyped, Steps: []Step{
			exec(`INSERT INTO t VALUES (1, ?), (2, ?), (3, ?)`, "", []byte{}, nil),
			query(`SELECT id, v IS NULL, typeof(v) FROM t ORDER BY id`).either(),
			query(`SELECT '', x'', NULL`).gives(`|x''|NULL`).either(),
			query(`SELECT v FROM t`),
		}},
		{Name: "scan into types",
			Setup: []string{`CREATE TABLE s(i INT, f REAL, t TEXT, b BLOB, n)`, `INSERT INTO s VALUES (1, 2.5, '3', x'3435', NULL)`},
			Steps: []Step{
				scan(func() []any { return []any{new(int), new(float64), new(string), new([]byte), new(any)} }, `SELECT * FROM s`),
				scan(func() []any { return []any{new(string), new(string), new(int), new(string), new(sql.NullString)} }, `SELECT * FROM s`),
				scan(func() []any {
					return []any{new(bool), new(sql.NullFloat64), new(sql.RawBytes), new(sql.RawBytes), new(*int)}
				}, `SELECT i, f, t, b, n FROM s`),
				scan(func() []any { return []any{new(int)} }, `SELECT n FROM s`).errors("converting NULL to int"),
				scan(func() []any { return []any{new(int)} }, `SELECT f FROM s`).errors("converting"),
				scan(func() []any { return []any{new(int), new(int)} }, `SELECT i FROM s`).errors("expected 1 destination"),
			}},
		{Name: "scan returned rows into types", Setup: untyped, Steps: []Step{
			scan(func() []any {
				return []any{new(int64), new(string), new([]byte), new(sql.NullInt64), new(bool)}
			}, `INSERT INTO t VALUES (1, 'a') RETURNING id, v, v, NULL, id`),
			scan(func() []any { return []any{new(int8)} }, `INSERT INTO t VALUES (300, 1) RETURNING id`).errors("converting"),
		}},
		{Name: "numbers at the edges", Setup: untyped, Steps: []Step{
			query(`SELECT 9007199254740993, 9007199254740993.0, 1e308 * 10, -1e308 * 10, 9223372036854775808, 1e-400`),
			exec(`INSERT INTO t VALUES (9223372036854775808, -9223372036854775808)`),
			query(`SELECT id, v, typeof(id), typeof(v) FROM t`),
		}},
		{Name: "no implicit copy of buffers", Setup: untyped, Steps: []Step{
			do("change the argument afterwards", func(e *Env) error {
				buf := []byte("before")
				if err := e.Exec(e.X, `INSERT INTO t VALUES (1, ?)`, buf); err != nil {
					return err
				}
				copy(buf, "AFTER!")
				return e.Query(e.X, `SELECT v FROM t`)
			}).gives(`x'6265666f7265'`),
		}},
	}...)
}

type named string
