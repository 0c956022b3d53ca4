package conformance

import "fmt"

// declarations are column types as they are found in the wild.
var declarations = []string{
	"INTEGER", "INT", "int", "BIGINT", "TINYINT(1)", "UNSIGNED BIG INT", "INT8", "BOOLEAN", "BOOL", "bit",
	"TEXT", "VARCHAR(255)", "CHARACTER(20)", "NVARCHAR(100)", "CLOB", "char", "UUID", "JSON",
	"REAL", "DOUBLE PRECISION", "FLOAT", "NUMERIC", "DECIMAL(10,5)", "decimal(8)", "MONEY",
	"BLOB", "blob(16)", "DATE", "DATETIME", "TIMESTAMP", "timestamp with time zone", "TIME", "", "ANY", "Some Odd Type",
}

func columnCases() []Case {
	var cases []Case
	for i, decl := range declarations {
		name := decl
		if name == "" {
			name = "none"
		}
		cases = append(cases, Case{
			Name:  fmt.Sprintf("declared %s (%d)", name, i+1),
			Setup: []string{fmt.Sprintf(`CREATE TABLE t(c %s, d %s NOT NULL DEFAULT 0)`, decl, decl)},
			Steps: []Step{
				query(`SELECT * FROM t`).empty(),
				exec(`INSERT INTO t(c) VALUES (NULL), (1), (-2.5), ('text'), (x'00ff'), ('2024-05-06 07:08:09'), ('12'), (0)`),
				query(`SELECT c FROM t WHERE rowid = 1`), query(`SELECT c, d, typeof(c) FROM t ORDER BY rowid`),
				query(`INSERT INTO t(c) VALUES ('2024-05-06') RETURNING c, d`),
				query(`DELETE FROM t WHERE 0 RETURNING c`).empty(),
				query(`SELECT max(c), c || '', CAST(c AS TEXT), (SELECT c FROM t LIMIT 1) AS sub FROM t WHERE rowid < 3`),
			},
		})
	}
	return append(cases, []Case{
		{Name: "of expressions and joins", Setup: family, Steps: []Step{
			query(`SELECT p.*, c.age, c.age * 2, p.name || '', count(*) FROM parent p JOIN child c ON c.parent = p.id GROUP BY p.id`),
			query(`SELECT x.id AS renamed FROM (SELECT id FROM parent) x`),
			query(`SELECT id FROM parent UNION SELECT 'text'`),
			query(`WITH w(a) AS (SELECT name FROM parent) SELECT a FROM w`),
		}},
		{Name: "of a view", Setup: with(family, `CREATE VIEW v AS SELECT id, name, length(name) AS len FROM parent`), Steps: []Step{
			query(`SELECT * FROM v`), query(`SELECT * FROM v WHERE 0`).empty(),
		}},
		{Name: "that change from row to row", Steps: []Step{
			query(`VALUES (1), ('a'), (2.5), (NULL), (x'00')`), query(`VALUES (NULL), (1)`),
		}},
		{Name: "of statements without rows", Setup: numbers, Steps: []Step{
			query(`DELETE FROM numbers WHERE 0`), query(`CREATE TABLE made(a)`),
			query(`INSERT INTO numbers(n) VALUES (1)`), query(`UPDATE numbers SET n = 1`),
			query(`SELECT count(*), (SELECT count(*) FROM made) FROM numbers`).gives(`6|0`),
		}},
	}...)
}
