package conformance

// differences is where litefwd rightly gives something else than the local
// driver alone. The reasons belong in the documentation.
var differences = []mark{
	{
		reason: "a NUL byte in the text is refused: some drivers stop there and others go on",
		ways:   always,
		steps:  map[string][]int{"script/NUL in the text": {1, 2, 3, afterwards}},
	},
	{
		reason: "mattn/go-sqlite3 silently runs only the first statement of a prepared text; litefwd runs what it was given",
		driver: "sqlite3",
		ways:   always,
		steps:  map[string][]int{"prepared/several statements": {2, 3, 5, afterwards}},
	},
	{
		reason: "after a transaction whose context ended, database/sql may or may not have the connection back in time for the next " +
			"statement (mattn/go-sqlite3's it always closes), and LastInsertId of a DELETE is the connection's",
		ways:    plain,
		steps:   map[string][]int{"context/tx whose context ends": {3}},
		perhaps: true,
	},
	{
		reason: "a prepare that fails for the schema's sake fails when the statement is used: this copy may be behind the primary",
		ways:   []string{"primary/tx", "replica", "replica/tx"},
		steps:  map[string][]int{"prepared/errors": {3, 4}},
	},
	{
		reason: "litefwd refuses a PRAGMA that it cannot read: SQLite runs PRAGMAs while it compiles them, so it must not be asked",
		ways:   always,
		steps:  map[string][]int{"pragma/malformed": {1, 2}},
	},
	{
		reason: "EXPLAIN of a write sets changes() to 0 in SQLite; here it stays what the last write gave",
		ways:   plain,
		steps:  map[string][]int{"maintenance/explain": {4}},
	},
	{
		reason: "a prepare that fails for the schema's sake fails when the statement is used: this copy may be behind the primary",
		ways:   []string{"primary/tx", "replica", "replica/tx"},
		steps:  map[string][]int{"error/no such table": {8, 9}},
	},
	{
		reason:  "a prepare that fails for the schema's sake fails when the statement is used: this copy may be behind the primary",
		ways:    always,
		steps:   map[string][]int{"prepared/DDL": {2}},
		perhaps: true,
	},
	{
		reason: "ATTACH and DETACH inside a transaction are refused: they are about the local handle",
		ways:   inTx,
		steps:  map[string][]int{"error/raise and misuse": {5}},
	},
	{
		reason: "modernc.org/sqlite returns a nil driver.Result, whose methods panic; litefwd's is never nil",
		driver: "sqlite",
		ways:   always,
		steps: map[string][]int{
			"script/comment with arguments": {1},
			"script/empty by exec":          {3, 4, 5, 6, 7, 8},
			"script/empty prepared":         {1},
			"script/empty with arguments":   {1},
		},
	},
	{
		reason: "mattn/go-sqlite3 gives 0 and 0 for a text that is empty or ends in a comment; litefwd gives what its writes did",
		driver: "sqlite3",
		ways:   always,
		steps: map[string][]int{
			"script/empty by exec":                  {3, 4, 5, 6, 7, 8},
			"script/odd spacing":                    {3},
			"script/trailing comment after a write": {1},
		},
	},
	{
		reason: "mattn/go-sqlite3 counts before the statement has ended, and so gives 0 for RETURNING by Exec; litefwd gives the number",
		driver: "sqlite3",
		ways:   always,
		steps:  map[string][]int{"returning/insert by exec": {1}, "returning/update": {3}},
	},
	{
		reason: "a ReadOnly transaction refuses writes with SQLITE_READONLY; the local drivers run them",
		ways:   plain,
		steps:  map[string][]int{"limits/write in a read-only transaction": {2, 3}},
	},
	{
		reason: "total_changes() is refused after a write that ran elsewhere, and in a transaction",
		ways:   always,
		steps:  map[string][]int{"limits/total_changes after a write": {2}},
	},
	{
		reason: "total_changes() is refused after a write that ran elsewhere, and in a transaction",
		ways:   inTx,
		steps:  map[string][]int{"counters/total_changes before any write": {1}},
	},
	{
		reason: "a write of the main database cannot read temp tables, which are on this node",
		ways:   plain,
		steps:  map[string][]int{"limits/write that reads a temp table": {3, 4, 5}},
	},
	{
		reason: "a temp trigger on a table of the main database would not fire on the primary, and is refused",
		ways:   plain,
		steps:  map[string][]int{"limits/temp trigger on a main table": {1, 2, afterwards}},
	},
	{
		reason: "a transaction runs on the primary, and cannot use the temp tables of this node",
		ways:   plain,
		steps:  map[string][]int{"limits/temp table used in a transaction": {4, 5, 6, 8}},
	},
	{
		reason: "others share the file: journal_mode MEMORY and OFF and locking_mode EXCLUSIVE are refused",
		ways:   plain,
		steps:  map[string][]int{"limits/unsafe journal and locking modes": {1, 2, 3}},
	},
	{
		reason: "query_only is litefwd's own",
		ways:   always,
		steps:  map[string][]int{"limits/query_only": {1, 2, 3}},
	},
	{
		reason: "writable_schema is refused: many callers share the connection that writes",
		ways:   always,
		steps:  map[string][]int{"limits/writable_schema": {1}},
	},
	{
		reason: "changes() is refused after a write of more than 100,000 rows elsewhere",
		ways:   plain,
		steps:  map[string][]int{"limits/changes of very many rows": {2}},
	},
}
