package conformance

import (
	"database/sql"
	"time"
)

func timeCases() []Case {
	table := []string{`CREATE TABLE t(id INTEGER PRIMARY KEY, a DATE, b DATETIME, c TIMESTAMP, d TEXT, e)`}
	berlin := time.FixedZone("CEST", 2*3600)
	odd := time.FixedZone("", -(3*3600 + 30*60))
	write := `INSERT INTO t(a, b, c, d, e) VALUES (?1, ?1, ?1, ?1, ?1)`
	read := query(`SELECT a, b, c, d, e, typeof(a), typeof(e), CAST(a AS TEXT), CAST(e AS TEXT) FROM t`)
	var cases []Case
	for _, v := range []struct {
		name string
		at   time.Time
	}{
		{"UTC", time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)},
		{"milliseconds", time.Date(2024, 5, 6, 7, 8, 9, 123_000_000, time.UTC)},
		{"nanoseconds", time.Date(2024, 5, 6, 7, 8, 9, 123_456_789, time.UTC)},
		{"midnight", time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)},
		{"fixed zone", time.Date(2024, 5, 6, 7, 8, 9, 500_000, berlin)},
		{"zone without a name", time.Date(2024, 5, 6, 7, 8, 9, 0, odd)},
		{"zero", time.Time{}},
		{"epoch", time.Unix(0, 0).UTC()},
		{"before the epoch", time.Date(1900, 1, 1, 12, 0, 0, 1, time.UTC)},
		{"far future", time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)},
	} {
		cases = append(cases, Case{Name: v.name, Setup: table, Steps: []Step{
			exec(write, v.at), read, query(`INSERT INTO t(b) VALUES (?) RETURNING b`, v.at),
			query(`SELECT count(*) FROM t WHERE b = ?`, v.at),
			scan(func() []any { return []any{new(sql.NullTime), new(any)} }, `SELECT b, c FROM t ORDER BY id`).either(),
			query(`SELECT ?, typeof(?1)`, v.at), prepExec(`UPDATE t SET c = ?`, bind(v.at)),
			prepQuery(`SELECT c FROM t WHERE c = ?`, bind(v.at)),
		}})
	}
	return append(cases, []Case{
		{Name: "texts in time columns", Setup: table, Steps: []Step{
			exec(`INSERT INTO t(b) VALUES ('2024-05-06 07:08:09'), ('2024-05-06T07:08:09Z'), ('2024-05-06 07:08:09.123456+02:00'), ('2024-05-06 07:08'), ('2024-05-06'), ('07:08:09'), ('not a time'), (''), (NULL)`),
			query(`SELECT b FROM t ORDER BY id`), query(`UPDATE t SET b = b RETURNING b`),
			query(`SELECT max(b), b || '' FROM t`),
		}},
		{Name: "numbers in time columns", Setup: table, Steps: []Step{
			exec(`INSERT INTO t(a, b, c) VALUES (0, 0, 0), (1714979289, 1714979289, 1714979289), (1714979289123, 1714979289123, 1714979289123), (2460437.5, 2460437.5, 2460437.5), (-1, -1, -1)`),
			query(`SELECT a, b, c FROM t ORDER BY id`), query(`DELETE FROM t RETURNING a, b, c`),
		}},
		{Name: "monotonic clock", Setup: table, Steps: []Step{
			do("with and without", func(e *Env) error {
				// The monotonic reading is not part of the value, in the
				// database or in what is compared with it.
				now := time.Now()
				if _, err := e.X.ExecContext(e.Ctx, `INSERT INTO t(e) VALUES (?)`, now.Round(0)); err != nil {
					return e.Err("insert", err)
				}
				if _, err := e.X.ExecContext(e.Ctx, `INSERT INTO t(e) SELECT ? WHERE 1`, now.Round(0)); err != nil {
					return e.Err("insert", err)
				}
				return e.Query(e.X, `SELECT count(DISTINCT e) FROM t`)
			}).gives(`1`),
			exec(`DELETE FROM t`),
		}},
		{Name: "scan to time", Setup: table, Steps: []Step{
			exec(`INSERT INTO t(b) VALUES (?), (NULL)`, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)),
			scan(func() []any { return []any{new(time.Time)} }, `SELECT b FROM t WHERE id = 1`),
			scan(func() []any { return []any{new(time.Time)} }, `SELECT b FROM t WHERE id = 2`).errors("Scan"),
			scan(func() []any { return []any{new(string), new([]byte)} }, `SELECT b, b FROM t WHERE id = 1`),
			scan(func() []any { return []any{new(time.Time)} }, `UPDATE t SET id = id WHERE id = 1 RETURNING b`),
		}},
		{Name: "date functions on written times", Setup: table, Steps: []Step{
			exec(`INSERT INTO t(b, d) VALUES (?1, ?1)`, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)),
			query(`SELECT date(b), strftime('%H', d), unixepoch(b), datetime(b, '+1 hour') FROM t`),
		}},
		{Name: "in a boolean column", Setup: []string{`CREATE TABLE b(v BOOLEAN, w BOOL)`}, Steps: []Step{
			exec(`INSERT INTO b VALUES (?, ?), (1, 0), ('true', 'f'), (2, NULL)`, true, false),
			query(`SELECT v, w, typeof(v), typeof(w) FROM b`),
			scan(func() []any { return []any{new(any), new(sql.NullBool)} }, `SELECT v, w FROM b WHERE rowid < 3`),
			query(`SELECT count(*) FROM b WHERE v = ?`, true),
			query(`INSERT INTO b VALUES (?, ?) RETURNING v, w, NOT v`, false, true),
		}},
	}...)
}
