package conformance

// searchCases are about full text, JSON and R-trees.
func searchCases() []Case {
	docs := []string{`CREATE VIRTUAL TABLE docs USING fts5(title, body)`,
		`INSERT INTO docs VALUES ('first', 'the quick brown fox'), ('second', 'jumps over the lazy dog'), ('third', 'quick quick dog')`}
	old := []string{`CREATE VIRTUAL TABLE docs USING fts4(title, body)`,
		`INSERT INTO docs VALUES ('first', 'the quick brown fox'), ('second', 'jumps over the lazy dog')`}
	boxes := []string{`CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1, y0, y1)`, `INSERT INTO boxes VALUES (1, 0, 10, 0, 10), (2, 20, 30, 20, 30)`}
	doc := []string{`CREATE TABLE d(id INTEGER PRIMARY KEY, j)`, `INSERT INTO d(j) VALUES ('{"a":1,"b":[1,2,{"c":"x"}]}'), ('[]')`}
	return []Case{
		{Name: "fts5 match", Needs: []string{fts5}, Setup: docs, Steps: []Step{
			query(`SELECT title FROM docs WHERE docs MATCH 'quick' ORDER BY rank`),
			query(`SELECT rowid FROM docs('dog NOT lazy')`).gives(`3`),
			query(`SELECT title FROM docs WHERE docs MATCH ?`, `body: "lazy dog"`).gives(`second`),
			query(`SELECT highlight(docs, 1, '[', ']'), snippet(docs, 1, '<', '>', '…', 2), round(bm25(docs), 6) FROM docs WHERE docs MATCH 'fox'`),
			query(`SELECT * FROM docs WHERE docs MATCH 'AND'`).fails(1),
		}},
		{Name: "fts5 writes", Needs: []string{fts5}, Setup: docs, Steps: []Step{
			exec(`INSERT INTO docs(rowid, title, body) VALUES (?, ?, ?)`, 10, "tenth", "fox again"),
			exec(`UPDATE docs SET body = 'changed' WHERE rowid = 1`),
			exec(`DELETE FROM docs WHERE docs MATCH 'lazy'`),
			query(`SELECT rowid FROM docs WHERE docs MATCH 'fox OR changed' ORDER BY rowid`).gives(`1`, `10`),
			query(`INSERT INTO docs(title) VALUES ('x') RETURNING rowid`), query(`SELECT last_insert_rowid()`),
		}},
		{Name: "fts5 commands", Needs: []string{fts5}, Setup: docs, Steps: []Step{
			exec(`INSERT INTO docs(docs) VALUES ('optimize')`),
			exec(`INSERT INTO docs(docs, rank) VALUES ('merge', 10)`),
			exec(`INSERT INTO docs(docs) VALUES ('rebuild')`),
			exec(`INSERT INTO docs(docs) VALUES ('integrity-check')`),
			exec(`INSERT INTO docs(docs, rank) VALUES ('pgsz', 1000)`),
			exec(`INSERT INTO docs(docs) VALUES ('nosuch')`).fails(1),
			query(`SELECT count(*) FROM docs('quick')`).gives(`2`),
		}},
		{Name: "fts5 external content", Needs: []string{fts5},
			Setup: with(numbers, `CREATE VIRTUAL TABLE names USING fts5(name, content=numbers, content_rowid=id)`,
				`CREATE TRIGGER ai AFTER INSERT ON numbers BEGIN INSERT INTO names(rowid, name) VALUES (new.id, new.name); END`,
				`CREATE TRIGGER ad AFTER DELETE ON numbers BEGIN INSERT INTO names(names, rowid, name) VALUES ('delete', old.id, old.name); END`), Steps: []Step{
				exec(`INSERT INTO names(names) VALUES ('rebuild')`), query(`SELECT rowid FROM names('forty')`).gives(`4`),
				exec(`INSERT INTO numbers(n, name) VALUES (60, 'sixty six')`), exec(`DELETE FROM numbers WHERE id = 4`),
				query(`SELECT rowid FROM names('forty OR six')`).gives(`6`),
			}},
		{Name: "fts5 vocabulary", Needs: []string{fts5},
			Setup: with(docs, `CREATE VIRTUAL TABLE words USING fts5vocab(docs, row)`),
			Steps: []Step{
				query(`SELECT term, doc, cnt FROM words WHERE cnt > 1 ORDER BY term`), exec(`DELETE FROM words`).either(),
			}},
		{Name: "fts5 created and dropped", Needs: []string{fts5}, Steps: []Step{
			exec(`CREATE VIRTUAL TABLE f USING fts5(a, tokenize = 'porter unicode61 remove_diacritics 2', prefix='2 3')`),
			exec(`INSERT INTO f VALUES ('Running übermäßig')`),
			query(`SELECT a FROM f('run')`).gives(`Running übermäßig`),
			query(`SELECT a FROM f('ub*')`).gives(`Running übermäßig`),
			exec(`ALTER TABLE f RENAME TO g`), query(`SELECT count(*) FROM g`).gives(`1`), exec(`DROP TABLE g`),
			query(`SELECT count(*) FROM sqlite_schema`).gives(`0`),
			exec(`CREATE VIRTUAL TABLE f USING fts5(rank)`).fails(1),
		}},
		{Name: "fts4", Needs: []string{fts4}, Setup: old, Steps: []Step{
			query(`SELECT title FROM docs WHERE docs MATCH 'quick'`).gives(`first`),
			exec(`INSERT INTO docs VALUES ('third', 'quick again')`),
			exec(`INSERT INTO docs(docs) VALUES ('optimize')`), exec(`DELETE FROM docs WHERE title = 'first'`),
			query(`SELECT title, snippet(docs) FROM docs WHERE body MATCH 'quick OR dog' ORDER BY docid`),
			exec(`DROP TABLE docs`),
		}},
		{Name: "no such module", Differs: differs("SQLite has half of the table in its schema until the transaction ends", "bare/tx"), Steps: []Step{
			exec(`CREATE VIRTUAL TABLE v USING nosuch(a)`).fails(1), query(`SELECT * FROM v`).fails(1),
		}},
		{Name: "rtree", Needs: []string{rtree}, Setup: boxes, Steps: []Step{
			query(`SELECT id FROM boxes WHERE x1 > 15 AND y0 < 25`).gives(`2`),
			exec(`INSERT INTO boxes VALUES (3, 5, 6, 5, 6)`), exec(`UPDATE boxes SET x1 = 100 WHERE id = 1`),
			exec(`DELETE FROM boxes WHERE id = 2`), query(`SELECT * FROM boxes ORDER BY id`),
			exec(`INSERT INTO boxes VALUES (4, 9, 1, 0, 0)`).fails(275).either(),
			exec(`INSERT OR REPLACE INTO boxes VALUES (3, 1, 2, 3, 4)`),
			query(`INSERT INTO boxes VALUES (NULL, 1, 2, 3, 4) RETURNING id`).either(),
			query(`SELECT rtreecheck('boxes')`).gives(`ok`),
		}},
		{Name: "json reads", Needs: []string{json1}, Setup: doc, Steps: []Step{
			query(`SELECT j -> '$.b', j ->> '$.a', json_extract(j, '$.b[2].c'), json_type(j), json_array_length(j, '$.b') FROM d WHERE id = 1`).gives(`[1,2,{"c":"x"}]|1|x|object|3`),
			query(`SELECT key, value, type FROM json_each('{"a":1,"b":null,"c":[2]}')`).gives(`a|1|integer`, `b|NULL|null`, `c|[2]|array`),
			query(`SELECT fullkey, atom FROM d, json_tree(j) WHERE d.id = 1 AND atom IS NOT NULL`),
			query(`SELECT json_group_array(id), json_group_object(id, json(j)) FROM d`),
			query(`SELECT value FROM json_each(?)`, `[3,"x",2.5]`).gives(`3`, `x`, `2.5`),
			query(`SELECT json_valid('{'), json_valid('{}'), json_quote('a"b')`),
		}},
		{Name: "json writes", Needs: []string{json1}, Setup: doc, Steps: []Step{
			exec(`UPDATE d SET j = json_set(j, '$.new', json('[1]'), '$.a', ?) WHERE id = 1`, "text"),
			exec(`UPDATE d SET j = json_insert(j, '$[#]', 5) WHERE id = 2`),
			exec(`INSERT INTO d(j) SELECT json_object('k', value) FROM json_each('[1,2]')`),
			query(`UPDATE d SET j = json_remove(j, '$.b') WHERE id = 1 RETURNING j`).gives(`{"a":"text","new":[1]}`),
			query(`SELECT j FROM d ORDER BY id`).gives(`{"a":"text","new":[1]}`, `[5]`, `{"k":1}`, `{"k":2}`),
			exec(`UPDATE d SET j = json_patch(j, '{"a":null}')`), exec(`CREATE INDEX ja ON d(j ->> '$.k')`),
			query(`SELECT id FROM d WHERE j ->> '$.k' = 2`).gives(`4`),
		}},
		{Name: "jsonb", Needs: []string{json1}, Setup: doc, Steps: []Step{
			query(`SELECT jsonb('[1,"a"]'), json(jsonb('[1, "a"]'))`), exec(`UPDATE d SET j = jsonb(j)`),
			query(`SELECT json(j), typeof(j) FROM d`),
		}},
	}
}
