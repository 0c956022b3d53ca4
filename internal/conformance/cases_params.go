package conformance

import "database/sql"

// arg is a named argument.
func arg(name string, value any) any { return sql.Named(name, value) }

func paramCases() []Case {
	return []Case{
		{Name: "named by colon, at and dollar", Steps: []Step{
			query(`SELECT :a, @b, $c`, arg("a", 1), arg("b", 2), arg("c", 3)).gives(`1|2|3`),
			query(`SELECT :a, @a, $a`, arg("a", 1)).either(),
			query(`SELECT :b, :a`, arg("a", 1), arg("b", 2)).gives(`2|1`),
		}},
		{Name: "named in writes", Setup: numbers, Steps: []Step{
			exec(`INSERT INTO numbers(n, name) VALUES (:n, @name)`, arg("name", "x"), arg("n", 60)),
			exec(`UPDATE numbers SET n = $n + :one WHERE name = @name`, arg("one", 1), arg("n", 60), arg("name", "x")),
			query(`DELETE FROM numbers WHERE n = :n RETURNING name`, arg("n", 61)).gives(`x`),
		}},
		{Name: "named used twice", Setup: numbers, Steps: []Step{
			query(`SELECT :a, :a + 1 WHERE :a > 0`, arg("a", 5)).gives(`5|6`),
			exec(`UPDATE numbers SET n = :a, name = :a WHERE id = :a`, arg("a", 3)),
			query(`SELECT n, name FROM numbers WHERE id = 3`).gives(`3|3`),
		}},
		{Name: "numbered", Setup: numbers, Steps: []Step{
			query(`SELECT ?2, ?1, ?2`, "a", "b").gives(`b|a|b`),
			exec(`UPDATE numbers SET n = ?2 WHERE id = ?1`, 1, 99),
			query(`SELECT n FROM numbers WHERE id = ?1 AND ?1 = id`, 1).gives(`99`),
			query(`SELECT ?3`, 1, 2, 3).either(),
		}},
		{Name: "mixed numbered and plain", Steps: []Step{
			query(`SELECT ?, ?2, ?`, 1, 2, 3).either(),
			query(`SELECT ?2, ?`, 1, 2, 3).either(),
			query(`SELECT ?, ?1`, 1).gives(`1|1`),
		}},
		{Name: "mixed named and plain", Setup: numbers, Steps: []Step{
			query(`SELECT ?, :a`, 1, arg("a", 2)).either(),
			query(`SELECT :a, ?`, arg("a", 1), 2).either(),
			exec(`UPDATE numbers SET n = :n WHERE id = ?`, arg("n", 7), 1).either(),
			query(`SELECT n FROM numbers WHERE id = 1`),
		}},
		{Name: "named given in order", Setup: numbers, Steps: []Step{
			query(`SELECT :a, :b`, 1, 2).either(),
			exec(`UPDATE numbers SET n = :n WHERE id = :id`, 5, 1).either(),
			query(`SELECT n FROM numbers WHERE id = 1`),
		}},
		{Name: "too few", Setup: numbers, Steps: []Step{
			query(`SELECT ?, ?`, 1).errors(""),
			exec(`INSERT INTO numbers(n, name) VALUES (?, ?)`, 1).errors(""),
			exec(`DELETE FROM numbers WHERE id = ?`).errors(""),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "too many", Setup: numbers, Steps: []Step{
			query(`SELECT ?`, 1, 2).either(),
			exec(`DELETE FROM numbers WHERE id = ?`, 1, 2).either(),
			exec(`DELETE FROM numbers WHERE id = 2`, 2).either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "too few prepared", Setup: numbers, Steps: []Step{
			prepQuery(`SELECT ?, ?`, bind(1), bind(1, 2), bind(1, 2, 3)).either(),
			prepExec(`DELETE FROM numbers WHERE id = ?`, bind(), bind(1, 2)).either(),
			query(`SELECT count(*) FROM numbers`),
		}},
		{Name: "named missing", Setup: numbers, Steps: []Step{
			query(`SELECT :a, :b`, arg("a", 1)).either(),
			query(`SELECT :a`, arg("b", 1)).either(),
			exec(`UPDATE numbers SET n = :a WHERE id = 1`, arg("b", 1)).either(),
			query(`SELECT n FROM numbers WHERE id = 1`),
		}},
		{Name: "named unused", Setup: numbers, Steps: []Step{
			query(`SELECT :a`, arg("a", 1), arg("b", 2)).either(),
			exec(`UPDATE numbers SET n = :a WHERE id = 1`, arg("a", 1), arg("b", 2)).either(),
			query(`SELECT n FROM numbers WHERE id = 1`),
		}},
		{Name: "bad names", Steps: []Step{
			query(`SELECT :a`, arg("", 1)).either(),
			query(`SELECT :a`, arg(":a", 1)).errors("does not begin with a letter"),
			query(`SELECT :1a`, 1).either(),
		}},
		{Name: "the highest number", Steps: []Step{
			query(`SELECT ?32767`, 1).errors(""),
			query(`SELECT ?32768`, 1).errors(""),
			query(`SELECT ?0`, 1).fails(1),
		}},
		{Name: "where parameters cannot be", Setup: numbers, Steps: []Step{
			query(`SELECT * FROM ?`, "numbers").fails(1),
			exec(`CREATE TABLE t(a DEFAULT ?)`, 1).fails(1),
			exec(`CREATE VIEW v AS SELECT ?`, 1).fails(1),
			query(`SELECT * FROM numbers LIMIT ?`, 1).gives(`1|10|ten`),
			query(`SELECT * FROM numbers LIMIT ?`, "a").fails(20),
		}},
		{Name: "question marks that are none", Setup: numbers, Steps: []Step{
			query(`SELECT '?', "name" /* ? */ FROM numbers -- ?`+"\n"+`WHERE id = ?`, 1).gives(`?|ten`),
			exec(`UPDATE numbers SET name = '?:a@b$c' WHERE id = ?`, 1),
			query(`SELECT name FROM numbers WHERE id = 1`).gives(`?:a@b$c`),
		}},
		{Name: "type of a bare parameter", Steps: []Step{
			query(`SELECT typeof(?), typeof(?), typeof(?), typeof(?), typeof(?), typeof(?)`, 1, 1.5, "x", []byte("x"), nil, true),
		}},
		{Name: "comparison with affinity", Setup: numbers, Steps: []Step{
			query(`SELECT name FROM numbers WHERE n = ?`, "20").gives(`twenty`),
			query(`SELECT name FROM numbers WHERE n = ?`, 20.0).gives(`twenty`),
			query(`SELECT count(*) FROM numbers WHERE name = ?`, []byte("ten")).gives(`0`),
			query(`SELECT count(*) FROM numbers WHERE n IS ?`, nil).gives(`0`),
		}},
		{Name: "in DDL text by prepare", Steps: []Step{
			prepExec(`CREATE TABLE t(a)`, bind()),
			prepExec(`INSERT INTO t VALUES (:x)`, bind(arg("x", 1)), bind(arg("x", 2))),
			prepQuery(`SELECT a FROM t WHERE a > @min`, bind(arg("min", 0)), bind(arg("min", 1))).gives(`1`, `2`, `2`),
		}},
	}
}
