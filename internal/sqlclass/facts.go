package sqlclass

// facts is what the tokens of a statement tell wherever they stand.
type facts struct {
	params      []string // names, see Params
	usesRowID   bool
	usesChanges bool // changes() or total_changes()
	usesTotal   bool // total_changes()
	// writesInside: it names something that SQLite runs as a read although
	// it writes, through statements of its own that EXPLAIN does not show.
	// Behind a view it is not seen; query_only then stops the write.
	writesInside bool
	readsSchema  bool // it names a PRAGMA's table-valued function
	illegal      bool // it has a token that SQLite refuses
}

func factsOf(sql string) facts {
	var f facts
	var numbers numbering
	name := "" // of the identifier just passed
	for i := 0; ; {
		t := scan(sql, i)
		i = t.end
		switch t.kind {
		case tokEnd:
			f.params = numbers.names
			return f
		case tokSpace, tokComment:
			continue
		case tokVariable:
			numbers.add(t.text(sql))
		case tokIllegal:
			f.illegal = true
		case tokLeft:
			if name != "" {
				f.calls(name)
			}
		}
		name = ""
		switch t.kind {
		case tokWord, tokQuoted, tokString: // a string may name a table
			name = unquote(t.text(sql))
			f.writesInside = f.writesInside || foldEq(name, "pragma_optimize")
			const prefix = "pragma_"
			f.readsSchema = f.readsSchema || len(name) > len(prefix) && foldEq(name[:len(prefix)], prefix)
		}
	}
}

// calls notes a call of the SQL function name.
//
//	last_insert_rowid, changes, total_changes: lang_corefunc.html
//	optimize: of FTS3 and FTS4, merges the index (fts3.html#optimize)
func (f *facts) calls(name string) {
	switch {
	case foldEq(name, "last_insert_rowid"):
		f.usesRowID = true
	case foldEq(name, "changes"):
		f.usesChanges = true
	case foldEq(name, "total_changes"):
		f.usesChanges, f.usesTotal = true, true
	case foldEq(name, "optimize"):
		f.writesInside = true
	}
}
