package conformance

// defects are where litefwd is known to be wrong. Each entry is to go with its
// defect: a case that does not differ any more fails until it has.
var defects = []mark{
	{
		reason: knownDefect + "last_insert_rowid() and changes() are not those of a write that failed (SQLite sets both: " +
			"the id of a row that was rolled back, and 0 or what OR FAIL kept)",
		ways: plain,
		steps: map[string][]int{
			"conn/statement error inside":                {5},
			"counters/result after a failed fail":        {2},
			"counters/result after a failed insert":      {3, 4},
			"foreign keys/on and off again":              {3, 8},
			"insert/or fail keeps the rows before":       {4},
			"pragma/ignore_check_constraints":            {2},
			"script/transaction in one text fails":       {3},
			"limits/settings stay with their connection": {4},
			"mix/savepoint for each item":                {8, 9},
		},
	},
	{
		reason: knownDefect + "the counters inside a transaction are not those of a write that failed",
		ways:   inTx,
		steps: map[string][]int{
			"counters/result after a failed fail":   {2},
			"counters/result after a failed insert": {4},
			"insert/or fail keeps the rows before":  {4},
			"pragma/ignore_check_constraints":       {2},
		},
	},
	{
		reason: knownDefect + "changes() is refused in a forwarded write, and in a transaction before its first write",
		ways:   plain,
		steps: map[string][]int{
			"counters/in a transaction":           {8},
			"counters/in a write":                 {3, 4, afterwards},
			"views and triggers/view of counters": {1, 3, afterwards},
		},
	},
	{
		reason: knownDefect + "changes() and total_changes() are refused in a transaction before its first write, also where they are only mentioned",
		ways:   inTx,
		steps: map[string][]int{
			"counters/total_changes before any write": {1},
			"views and triggers/view of counters":     {1, 3, afterwards},
		},
	},
	{
		reason: knownDefect + "PRAGMAs that show the schema do not see what another connection (the writer's) has changed: " +
			"SQLite answers these without checking whether its copy of the schema is current",
		ways: plain,
		steps: map[string][]int{
			"foreign keys/check pragma":   {1},
			"foreign keys/mismatch":       {5},
			"foreign keys/off by default": {3},
			"schema/indexes":              {3, 4, 5},
		},
	},
	{
		reason: knownDefect + "the driver's own error about arguments becomes an *SQLError with code 1",
		ways:   inTx,
		steps:  map[string][]int{"params/too few": {1, 2, 3}},
	},
	{
		reason: knownDefect + "the driver's own error about arguments becomes an *SQLError with code 1",
		ways:   plain,
		steps:  map[string][]int{"params/too few": {2, 3}},
	},
	{
		reason: knownDefect + "the driver's own error about arguments becomes an *SQLError with code 1",
		driver: "sqlite",
		ways:   inTx,
		steps: map[string][]int{
			"params/bad names": {1, 3}, "params/named given in order": {1, 2}, "params/named missing": {1, 2, 3}, "params/too few prepared": {1, 2},
		},
	},
	{
		reason: knownDefect + "the driver's own error about arguments becomes an *SQLError with code 1",
		driver: "sqlite",
		ways:   plain,
		steps: map[string][]int{
			"params/named given in order": {2}, "params/named missing": {3}, "params/too few prepared": {2},
		},
	},
	{
		reason: knownDefect + "the driver's own error about arguments becomes an *SQLError with code 1",
		driver: "sqlite3",
		ways:   inTx,
		steps:  map[string][]int{"params/named by colon, at and dollar": {2}, "params/named missing": {1}},
	},
	{
		reason: knownDefect + "the driver's own error about arguments becomes an *SQLError with code 1",
		driver: "sqlite3",
		ways:   always,
		steps: map[string][]int{
			"script/named arguments shared by statements": {1}, "script/numbered arguments shared by statements": {1}, "script/with too few arguments by exec": {1},
		},
	},
	{
		reason: knownDefect + "a prepared text of several statements runs whole, where mattn/go-sqlite3 runs the first only",
		driver: "sqlite3",
		ways:   always,
		steps:  map[string][]int{"prepared/several statements": {2, 3, 5, afterwards}},
	},
	{
		reason: knownDefect + "a text that is not complete is not taken for a syntax error (\"incomplete input\"), and fails late",
		ways:   []string{"primary/tx", "replica", "replica/tx"},
		steps:  map[string][]int{"prepared/errors": {2, 3, 4}}, // 3 and 4 are the schema's, and right
	},
	{
		reason: knownDefect + "an incomplete PRAGMA is refused by litefwd, where it should be SQLite's syntax error",
		ways:   always,
		steps:  map[string][]int{"pragma/malformed": {1, 2}},
	},
	{
		reason: knownDefect + "PRAGMA defer_foreign_keys reads 1 after the ROLLBACK that dropped it",
		ways:   plain,
		steps:  map[string][]int{"foreign keys/defer_foreign_keys before the transaction": {7}},
	},
	{
		reason: knownDefect + "an UPDATE or DELETE of a virtual table, or its creation, sets last_insert_rowid() in SQLite",
		ways:   always,
		steps:  map[string][]int{"search/rtree": {3, 4}},
	},
	{
		reason: knownDefect + "an UPDATE or DELETE of a virtual table, or its creation, sets last_insert_rowid() in SQLite",
		driver: "sqlite",
		ways:   always,
		steps:  map[string][]int{"search/fts5 writes": {2, 3}, "search/fts5 created and dropped": {1}},
	},
	{
		reason: knownDefect + "EXPLAIN of a write sets changes() to 0 in SQLite",
		ways:   always,
		steps:  map[string][]int{"maintenance/explain": {3}},
	},
	{
		reason: knownDefect + "DROP TABLE with foreign keys on deletes the rows first, which sets changes() in SQLite",
		ways:   plain,
		steps:  map[string][]int{"foreign keys/drop of a parent": {2}},
	},
	{
		reason: knownDefect + "changes() after RETURNING into a temp table is read before the statement has ended",
		ways:   plain,
		steps:  map[string][]int{"temp/table": {8}},
	},
	{
		reason: knownDefect + "sqlite_temp_schema cannot be read in a transaction, though there is no temp table",
		ways:   inTx,
		steps:  map[string][]int{"select/sqlite_schema": {3}},
	},
	{
		reason: knownDefect + "doc.go promises temp objects made inside a transaction, but they are refused",
		ways:   inTx,
		steps: map[string][]int{
			"temp/counters": {1, 3, 4, 7, 8}, "temp/errors": {1, 2, 3, 5}, "temp/in one text": {1, 2},
			"temp/index and trigger": {1, 2, 3, 4, 5}, "temp/prepared": {1, 2, 3}, "temp/schema": {1, 2, 3, 4},
			"temp/shadows a main table": {1, 2, 3, 5, 6, 7, afterwards}, "temp/table": {1, 2, 3, 4, 5, 6, 7, 8},
			"temp/table from main": {1, 2, 3, 4}, "temp/view": {1, 2, 4, 5},
		},
	},
	{
		reason: knownDefect + "doc.go promises temp objects made inside a transaction, but they are refused",
		ways:   plain,
		steps:  map[string][]int{"temp/rolled back": {2, 3, 4}},
	},
}
