package conformance

func pragmaCases() []Case {
	return onConn([]Case{
		{Name: "user_version", Steps: []Step{
			query(`PRAGMA user_version`).gives(`0`), exec(`PRAGMA user_version = 7`),
			query(`PRAGMA user_version`).gives(`7`),
			exec(`PRAGMA main.user_version(-3)`), query(`SELECT * FROM pragma_user_version`).gives(`-3`),
			query(`PRAGMA user_version = 12`).empty(), query(`PRAGMA main.user_version`).gives(`12`),
		}},
		{Name: "application_id", Steps: []Step{
			query(`PRAGMA application_id`).gives(`0`), exec(`PRAGMA application_id = 0x4c465744`),
			query(`PRAGMA application_id`).gives(`1279678276`),
		}},
		{Name: "header rolled back", NotInTx: ownTx, Steps: []Step{
			begin(nil), exec(`PRAGMA user_version = 7`), query(`PRAGMA user_version`).gives(`7`), rollback(),
			query(`PRAGMA user_version`).gives(`0`),
			begin(nil), exec(`PRAGMA user_version = 8`), commit(), query(`PRAGMA user_version`).gives(`8`),
		}},
		{Name: "in a text with others", Setup: numbers, Steps: []Step{
			exec(`PRAGMA user_version = 3; DELETE FROM numbers WHERE id = 1`),
			query(`SELECT user_version, (SELECT count(*) FROM numbers) FROM pragma_user_version`).gives(`3|4`),
		}},
		{Name: "table_info", Setup: family, Steps: []Step{
			query(`PRAGMA table_info(child)`), query(`PRAGMA table_info("child")`),
			query(`PRAGMA table_info = child`), query(`PRAGMA table_xinfo('child')`),
			query(`PRAGMA table_info(nosuch)`).empty(), query(`PRAGMA foreign_key_list(child)`),
			query(`PRAGMA index_list(parent)`),
		}},
		{Name: "table-valued", Setup: family, Steps: []Step{
			query(`SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info('child')`).gives(`id|INTEGER|0|NULL|1`, `parent|INTEGER|0|NULL|0`, `age|INT|0|NULL|0`),
			query(`SELECT m.name, i.name FROM sqlite_schema m, pragma_table_info(m.name) i WHERE m.type = 'table' ORDER BY 1, 2`),
			query(`SELECT name, "unique", origin FROM pragma_index_list(?)`, "parent").gives(`sqlite_autoindex_parent_1|1|u`),
			query(`SELECT count(*) FROM pragma_table_xinfo('parent', 'main')`).gives(`2`),
		}},
		{Name: "after a schema change", Setup: numbers, Steps: []Step{
			query(`SELECT count(*) FROM pragma_table_info('numbers')`).gives(`3`),
			exec(`ALTER TABLE numbers ADD COLUMN x`),
			query(`SELECT count(*) FROM pragma_table_info('numbers')`).gives(`4`),
		}},
		{Name: "integrity", Setup: numbers, Steps: []Step{
			query(`PRAGMA integrity_check`).gives(`ok`), query(`PRAGMA quick_check(1)`).gives(`ok`),
			query(`PRAGMA integrity_check(numbers)`).gives(`ok`),
		}},
		{Name: "about the file", Setup: numbers, Steps: []Step{
			query(`PRAGMA page_size`), query(`PRAGMA page_count`), query(`PRAGMA encoding`).gives(`UTF-8`),
			query(`PRAGMA freelist_count`).gives(`0`), query(`PRAGMA auto_vacuum`).gives(`0`),
			query(`PRAGMA journal_mode`).gives(`wal`),
		}},
		{Name: "schema_version moves", Steps: []Step{
			query(`PRAGMA schema_version`), exec(`CREATE TABLE t(a)`), query(`PRAGMA schema_version`),
		}},
		{Name: "unknown", Steps: []Step{query(`PRAGMA nosuch`).empty(), exec(`PRAGMA nosuch = 1`), exec(`PRAGMA nosuch(1)`)}},
		{Name: "malformed", Steps: []Step{
			exec(`PRAGMA`).fails(1), exec(`PRAGMA user_version =`).fails(1),
			exec(`PRAGMA other.user_version`).fails(1),
		}},
		{Name: "lists", Steps: []Step{
			query(`SELECT count(*) > 1 FROM pragma_collation_list`).gives(`1`),
			query(`SELECT count(*) > 100 FROM pragma_function_list`).gives(`1`),
			query(`SELECT seq, name FROM pragma_database_list WHERE name <> 'temp'`).gives(`0|main`),
			query(`SELECT count(*) > 5 FROM pragma_compile_options`).gives(`1`),
			query(`SELECT count(*) > 0 FROM pragma_module_list`).gives(`1`),
		}},
		{Name: "case_sensitive_like", Steps: []Step{
			query(`SELECT 'a' LIKE 'A'`).gives(`1`), exec(`PRAGMA case_sensitive_like = ON`),
			query(`SELECT 'a' LIKE 'A'`).gives(`0`), exec(`PRAGMA case_sensitive_like = OFF`),
			query(`SELECT 'a' LIKE 'A'`).gives(`1`),
		}},
		{Name: "case_sensitive_like in writes", Setup: numbers, Steps: []Step{
			exec(`PRAGMA case_sensitive_like = ON`), exec(`DELETE FROM numbers WHERE name LIKE 'T%'`),
			query(`SELECT count(*) FROM numbers`).gives(`5`), exec(`PRAGMA case_sensitive_like = OFF`),
			exec(`DELETE FROM numbers WHERE name LIKE 'T%'`), query(`SELECT count(*) FROM numbers`).gives(`2`),
		}},
		{Name: "ignore_check_constraints", Setup: family, Steps: []Step{
			exec(`INSERT INTO child(age) VALUES (-1)`).fails(275), exec(`PRAGMA ignore_check_constraints = ON`),
			exec(`INSERT INTO child(age) VALUES (-1)`), exec(`PRAGMA ignore_check_constraints = OFF`),
			exec(`INSERT INTO child(age) VALUES (-1)`).fails(275),
		}},
		{Name: "reverse_unordered_selects", Setup: numbers, Steps: []Step{
			exec(`PRAGMA reverse_unordered_selects = ON`),
			query(`SELECT id FROM numbers`).gives(`5`, `4`, `3`, `2`, `1`),
			exec(`PRAGMA reverse_unordered_selects = OFF`),
			query(`SELECT id FROM numbers`).gives(`1`, `2`, `3`, `4`, `5`),
		}},
		{Name: "cache_size", Steps: []Step{exec(`PRAGMA cache_size = 500`), query(`PRAGMA cache_size`).gives(`500`)}},
		{Name: "wal_checkpoint", NotInTx: alone, Setup: numbers, Steps: []Step{do("checkpoint", func(e *Env) error {
			rows, err := e.X.QueryContext(e.Ctx, `PRAGMA wal_checkpoint(PASSIVE)`)
			if err != nil {
				return e.Err("query", err)
			}
			defer rows.Close()
			for rows.Next() { // how many pages there are depends on who wrote before
				e.Note("a row")
			}
			return rows.Err()
		})}},
		{Name: "optimize", Setup: numbers, Steps: []Step{exec(`PRAGMA optimize`)}},
		{Name: "data_version is a number", Steps: []Step{query(`SELECT data_version > 0 FROM pragma_data_version`).gives(`1`)}},
		{Name: "recursive_triggers as an argument", Steps: []Step{
			exec(`PRAGMA recursive_triggers(yes)`), query(`PRAGMA recursive_triggers`).gives(`1`),
			exec(`PRAGMA recursive_triggers('off')`), query(`PRAGMA recursive_triggers`).gives(`0`),
		}},
		{Name: "prepared", NotInTx: alone, Setup: family, Steps: []Step{
			prepExec(`PRAGMA foreign_keys = ON`, bind()),
			prepQuery(`PRAGMA foreign_keys`, bind(), bind()).gives(`1`, `1`),
			exec(`INSERT INTO child(parent) VALUES (99)`).fails(787),
		}},
	})
}

func maintenanceCases() []Case {
	return []Case{
		{Name: "vacuum", NotInTx: alone, Setup: with(numbers, `DELETE FROM numbers WHERE id < 3`), Steps: []Step{
			exec(`VACUUM`), query(`SELECT count(*) FROM numbers`).gives(`3`), exec(`vacuum main;`),
			query(`VACUUM`).empty().either(),
		}},
		{Name: "vacuum in a transaction", NotInTx: ownTx, Setup: numbers, Steps: []Step{
			begin(nil), exec(`DELETE FROM numbers WHERE id = 1`), exec(`VACUUM`).fails(1),
			exec(`DELETE FROM numbers WHERE id = 2`), commit(), query(`SELECT count(*) FROM numbers`).gives(`3`),
		}},
		{Name: "vacuum of nothing", NotInTx: alone, Steps: []Step{exec(`VACUUM`), exec(`VACUUM nosuch`).fails(1)}},
		{Name: "page size by vacuum", NotInTx: alone, OnConn: true, Setup: numbers, Steps: []Step{
			exec(`PRAGMA auto_vacuum = FULL`), query(`PRAGMA auto_vacuum`).either(),
		}},
		{Name: "analyze", Setup: with(numbers, `CREATE INDEX i ON numbers(n)`), Steps: []Step{
			exec(`ANALYZE`), query(`SELECT * FROM sqlite_stat1`).gives(`numbers|i|5 1`), exec(`ANALYZE numbers`),
			exec(`ANALYZE main`), exec(`ANALYZE i`), exec(`DELETE FROM sqlite_stat1`),
		}},
		{Name: "reindex", Setup: with(numbers, `CREATE INDEX i ON numbers(name COLLATE NOCASE)`), Steps: []Step{
			exec(`REINDEX`), exec(`REINDEX numbers`), exec(`REINDEX i`), exec(`REINDEX NOCASE`),
			query(`PRAGMA integrity_check`).gives(`ok`),
		}},
		{Name: "explain", Setup: numbers, Steps: []Step{
			exec(`UPDATE numbers SET n = n`),
			do("explain", func(e *Env) error { return countRows(e, `EXPLAIN SELECT * FROM numbers`) }),
			do("explain a write", func(e *Env) error { return countRows(e, `EXPLAIN DELETE FROM numbers`) }),
			exec(`EXPLAIN INSERT INTO numbers(n) VALUES (1)`),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
		{Name: "explain query plan", Setup: with(numbers, `CREATE INDEX i ON numbers(n)`), Steps: []Step{
			query(`EXPLAIN QUERY PLAN SELECT name FROM numbers WHERE n = ?`, 1),
			query(`EXPLAIN QUERY PLAN DELETE FROM numbers WHERE id = 1`),
			query(`EXPLAIN QUERY PLAN SELECT * FROM nosuch`).fails(1),
			query(`SELECT count(*) FROM numbers`).gives(`5`),
		}},
	}
}

// countRows notes whether query gives rows at all: their texts are not ours.
func countRows(e *Env, query string) error {
	rows, err := e.X.QueryContext(e.Ctx, query)
	if err != nil {
		return e.Err("query", err)
	}
	defer rows.Close()
	cols, err := e.Columns(rows)
	if err != nil {
		return err
	}
	n := 0
	for rows.Next() {
		n++
	}
	e.Note("%d columns, rows: %t", len(cols), n > 0)
	return rows.Err()
}
