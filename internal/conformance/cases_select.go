package conformance

func selectCases() []Case {
	return []Case{
		{Name: "literal", Steps: []Step{query(`SELECT 1, 'a', 2.5, NULL, x'00ff'`).gives(`1|a|2.5|NULL|x'00ff'`)}},
		{Name: "values", Steps: []Step{
			query(`VALUES (1,'a'), (2,'b'), (3,NULL)`).gives(`1|a`, `2|b`, `3|NULL`),
			exec(`VALUES (1)`),
		}},
		{Name: "where and order", Setup: numbers, Steps: []Step{
			query(`SELECT id, name FROM numbers WHERE n > ? ORDER BY n DESC`, 25).gives(`5|fifty`, `4|forty`, `3|thirty`),
		}},
		{Name: "zero rows", Setup: numbers, Steps: []Step{
			query(`SELECT * FROM numbers WHERE 0`).empty(),
			query(`SELECT n+1 AS m, name FROM numbers WHERE n > 999`).empty(),
		}},
		{Name: "limit and offset", Setup: numbers, Steps: []Step{
			query(`SELECT n FROM numbers ORDER BY n LIMIT ? OFFSET ?`, 2, 1).gives(`20`, `30`),
			query(`SELECT n FROM numbers ORDER BY n LIMIT 0`).empty(),
			query(`SELECT n FROM numbers ORDER BY n LIMIT -1 OFFSET 4`).gives(`50`),
		}},
		{Name: "joins", Setup: family, Steps: []Step{
			query(`SELECT p.name, c.age FROM parent p JOIN child c ON c.parent = p.id ORDER BY c.age`).
				gives(`bob|3`, `ann|5`, `ann|7`),
			query(`SELECT p.name, c.id FROM parent p LEFT JOIN child c ON c.parent = p.id AND c.age > 6 ORDER BY p.id`).
				gives(`ann|1`, `bob|NULL`),
			query(`SELECT p.name, c.id FROM child c RIGHT JOIN parent p ON p.id = c.parent AND c.age < 4 ORDER BY p.id`).
				gives(`ann|NULL`, `bob|3`),
			query(`SELECT count(*) FROM parent, child`).gives(`6`),
			query(`SELECT count(*) FROM parent NATURAL JOIN child`),
		}},
		{Name: "compound", Steps: []Step{
			query(`SELECT 1 UNION SELECT 2 UNION SELECT 1 ORDER BY 1`).gives(`1`, `2`),
			query(`SELECT 1 UNION ALL SELECT 1`).gives(`1`, `1`),
			query(`SELECT 1 EXCEPT SELECT 1`).empty(),
			query(`VALUES (1),(2) INTERSECT SELECT 2`).gives(`2`),
		}},
		{Name: "with", Setup: numbers, Steps: []Step{
			query(`WITH big AS (SELECT * FROM numbers WHERE n >= 40) SELECT name FROM big ORDER BY n`).gives(`forty`, `fifty`),
			query(`WITH a(x) AS MATERIALIZED (SELECT 1), b(x) AS NOT MATERIALIZED (SELECT x+1 FROM a) SELECT * FROM a, b`).gives(`1|2`),
		}},
		{Name: "recursive 10k rows", Steps: []Step{
			query(`WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 10000) SELECT i, i*i, 'row ' || i FROM c`),
			query(`WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 10000) SELECT count(*), sum(i) FROM c`).
				gives(`10000|50005000`),
		}},
		{Name: "aggregates", Setup: numbers, Steps: []Step{
			query(`SELECT count(*), count(n), sum(n), total(n), avg(n), min(name), max(name) FROM numbers`).
				gives(`5|5|150|150|30|fifty|twenty`),
			query(`SELECT group_concat(name, '/') FROM (SELECT name FROM numbers ORDER BY n)`).gives(`ten/twenty/thirty/forty/fifty`),
			query(`SELECT n % 20, count(*) FROM numbers GROUP BY 1 HAVING count(*) > 2`).gives(`10|3`),
			query(`SELECT sum(n), avg(n), max(n), count(n) FROM numbers WHERE 0`).gives(`NULL|NULL|NULL|0`),
			query(`SELECT count(DISTINCT length(name)), sum(n) FILTER (WHERE n > 20) FROM numbers`).gives(`3|120`),
		}},
		{Name: "window functions", Setup: numbers, Steps: []Step{
			query(`SELECT n, row_number() OVER w, lag(n) OVER w, sum(n) OVER (ORDER BY n ROWS 1 PRECEDING)
				FROM numbers WINDOW w AS (ORDER BY n)`).
				gives(`10|1|NULL|10`, `20|2|10|30`, `30|3|20|50`, `40|4|30|70`, `50|5|40|90`),
			query(`SELECT ntile(2) OVER (ORDER BY n), first_value(name) OVER (ORDER BY n DESC) FROM numbers ORDER BY n LIMIT 1`).
				gives(`1|fifty`),
		}},
		{Name: "subqueries", Setup: family, Steps: []Step{
			query(`SELECT name, (SELECT count(*) FROM child WHERE parent = p.id) FROM parent p ORDER BY id`).gives(`ann|2`, `bob|1`),
			query(`SELECT name FROM parent p WHERE EXISTS (SELECT 1 FROM child WHERE parent = p.id AND age > 6)`).gives(`ann`),
			query(`SELECT (1, 2) < (1, 3), (SELECT 1, 2) = (1, 2)`).gives(`1|1`),
		}},
		{Name: "distinct and collations", Steps: []Step{
			query(`SELECT 'a' = 'A', 'a' = 'A' COLLATE NOCASE, 'a ' = 'a' COLLATE RTRIM, 'ä' = 'Ä' COLLATE NOCASE`).gives(`0|1|1|0`),
			query(`SELECT DISTINCT column1 COLLATE NOCASE AS c FROM (VALUES ('b'),('A'),('a'),('B')) ORDER BY c`),
			query(`SELECT column1 FROM (VALUES ('b'),('A'),('a'),('B')) ORDER BY column1`).gives(`A`, `B`, `a`, `b`),
		}},
		{Name: "like and glob", Setup: numbers, Steps: []Step{
			query(`SELECT name FROM numbers WHERE name LIKE 'T%' ORDER BY n`).gives(`ten`, `twenty`, `thirty`),
			query(`SELECT name FROM numbers WHERE name GLOB 'T*'`).empty(),
			query(`SELECT '10%' LIKE '10\%' ESCAPE '\', 'a_b' LIKE 'a\_b' ESCAPE '\', 'x' NOT LIKE 'y'`).gives(`1|1|1`),
			query(`SELECT 'abc' GLOB '[a-c]?c', 'abc' GLOB '[^a]*'`).gives(`1|0`),
		}},
		{Name: "cast", Steps: []Step{
			query(`SELECT CAST('12abc' AS INTEGER), CAST('1e3' AS REAL), CAST(3.9 AS INT), CAST(-3.9 AS INT), CAST(5 AS TEXT), CAST('x' AS BLOB)`).
				gives(`12|1000|3|-3|5|x'78'`),
			query(`SELECT typeof(CAST('1' AS NUMERIC)), typeof(CAST('1.5' AS NUMERIC)), CAST(x'6162' AS TEXT), CAST(1e300 AS INTEGER)`).
				gives(`integer|real|ab|9223372036854775807`),
		}},
		{Name: "dates with fixed input", Steps: []Step{
			query(`SELECT date('2024-02-28', '+2 days'), datetime(0, 'unixepoch'), time('12:34:56.789'), julianday('2000-01-01')`).
				gives(`2024-03-01|1970-01-01 00:00:00|12:34:56|2.4515445e+06`),
			query(`SELECT strftime('%Y/%j %W %s', '2024-12-31 23:59:59'), unixepoch('2024-01-01'), date('nonsense')`).
				gives(`2024/366 53 1735689599|1704067200|NULL`),
			query(`SELECT strftime('%f', '2024-01-01 00:00:01.2345'), date('2024-01-31', '+1 month'), date('2024-03-15', 'start of month', '-1 day')`),
		}},
		{Name: "literals", Steps: []Step{
			query(`SELECT 0x7fffffffffffffff, 0xFFFFFFFFFFFFFFFF, x'', x'DEadBEef', 1e-5, .5, 5., 'it''s'`),
			query(`SELECT TRUE, FALSE, NULL IS NULL, 1 IS NOT DISTINCT FROM 1, current_user IS NULL`).fails(1),
		}},
		{Name: "arithmetic", Steps: []Step{
			query(`SELECT 7/2, -7/2, 7%3, -7%3, 7.0/2, 1/0, 1.0/0, 1%0`).gives(`3|-3|1|-1|3.5|NULL|NULL|NULL`),
			query(`SELECT 9223372036854775807 + 1, typeof(9223372036854775807 + 1)`).gives(`9.223372036854776e+18|real`),
			query(`SELECT 1 << 62, 1 << 64, -1 >> 70, 5 & 3, 5 | 3, ~0`).gives(`4611686018427387904|0|-1|1|7|-1`),
			query(`SELECT '5' + '6', 'a' + 1, '1x' * 2, 'a' || 1 || NULL`).gives(`11|1|2|NULL`),
		}},
		{Name: "integer overflow", Steps: []Step{
			query(`SELECT sum(column1) FROM (VALUES (9223372036854775807), (1))`).fails(1),
			query(`SELECT abs(-9223372036854775807 - 1)`).fails(1),
			query(`SELECT 1`).gives(`1`),
		}},
		{Name: "error in a later row", Steps: []Step{
			query(`SELECT abs(column1) FROM (VALUES (1), (2), (-9223372036854775808))`).fails(1),
		}},
		{Name: "functions", Steps: []Step{
			query(`SELECT coalesce(NULL, 2), ifnull(NULL, 'x'), nullif(1, 1), iif(0, 'a', 'b'), CASE 2 WHEN 1 THEN 'one' ELSE 'other' END`).
				gives(`2|x|NULL|b|other`),
			query(`SELECT substr('hello', 2, 3), instr('hello', 'l'), replace('aaa', 'a', 'b'), trim('  x '), upper('ä'), hex('ab'), quote('it''s'), unicode('€')`).
				gives(`ell|3|bbb|x|ä|6162|'it''s'|8364`),
			query(`SELECT printf('%05d|%.2f|%s|%q', 42, 1.005, NULL, 'a''b'), char(72, 105), length(x'0001'), zeroblob(3)`),
			query(`SELECT typeof(NULL), typeof(1), typeof(1.0), typeof('a'), typeof(x'')`).gives(`null|integer|real|text|blob`),
		}},
		{Name: "math functions", Needs: []string{maths}, Steps: []Step{
			query(`SELECT sqrt(16), pow(2, 10), floor(-1.5), ceil(1.2), sqrt(-1), log(2, 8), mod(7, 3)`),
		}},
		{Name: "large IN list", Setup: numbers, Steps: []Step{
			query(`SELECT count(*) FROM numbers WHERE n IN (` + joined(5000, "%d") + `)`).gives(`5`),
			query(`SELECT name FROM numbers WHERE id IN ()`).empty(),
		}},
		{Name: "1000 parameters", Setup: numbers, Steps: []Step{
			query(`SELECT count(*) FROM numbers WHERE n IN (`+repeated(1000, "?")+`)`, counting(1000)...).gives(`5`),
		}},
		{Name: "50 joined copies", Setup: numbers[:1], Steps: []Step{
			query(`SELECT count(*) FROM ` + repeated(50, "numbers")).gives(`0`),
			query(`SELECT count(*) FROM ` + repeated(70, "numbers")).fails(1),
		}},
		{Name: "by exec", Setup: numbers, Steps: []Step{
			exec(`SELECT * FROM numbers`),
			exec(`SELECT * FROM numbers WHERE n = ?`, 10),
		}},
		{Name: "rowid", Setup: numbers, Steps: []Step{
			query(`SELECT rowid, oid, _rowid_, id FROM numbers WHERE rowid = 2`).gives(`2|2|2|2`),
		}},
		{Name: "duplicate column names", Steps: []Step{query(`SELECT 1 AS a, 2 AS a, 3 AS "a b", 4 AS ""`)}},
		{Name: "quoted identifiers", Setup: []string{`CREATE TABLE "select ""x"""([order] TEXT, ` + "`group`" + ` INT)`}, Steps: []Step{
			exec(`INSERT INTO "select ""x""" VALUES ('a', 1)`),
			query(`SELECT [order], "group" FROM main."select ""x"""`).gives(`a|1`),
		}},
		{Name: "sqlite_schema", Setup: numbers, Steps: []Step{
			query(`SELECT type, name, tbl_name, sql FROM sqlite_schema`),
			query(`SELECT name FROM sqlite_master WHERE type = 'table'`).gives(`numbers`),
			query(`SELECT count(*) FROM sqlite_temp_schema`).gives(`0`),
		}},
		{Name: "indexed by", Setup: with(numbers, `CREATE INDEX by_n ON numbers(n)`), Steps: []Step{
			query(`SELECT name FROM numbers INDEXED BY by_n WHERE n = 20`).gives(`twenty`),
			query(`SELECT name FROM numbers NOT INDEXED WHERE n = 20`).gives(`twenty`),
			query(`SELECT name FROM numbers INDEXED BY nosuch WHERE n = 20`).fails(1),
		}},
		{Name: "random is only counted", Steps: []Step{
			query(`SELECT typeof(random()), length(randomblob(5)), abs(random() % 1)`).gives(`integer|5|0`),
		}},
		{Name: "sqlite_version", Steps: []Step{query(`SELECT sqlite_version(), length(sqlite_source_id()) > 20`)}},
	}
}
