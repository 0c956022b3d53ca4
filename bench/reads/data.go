package main

import (
	"fmt"
	"sync"
)

// rows is how many rows the table has, numbered from 1, on about 300 pages.
const rows = 10_000

// schema makes the table. The commits change n: so they change pages that are read,
// and neither what is read nor the table's size.
var schema = []string{
	"CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, n INT)",
	fmt.Sprintf("INSERT INTO t(id, v, n) WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<%d) "+
		"SELECT i, printf('%%0%dd', i*7919), 0 FROM k", rows, textLen),
}

const (
	textLen = 100 // of v
	point   = "SELECT v FROM t WHERE id = ?"
	scan    = "SELECT sum(length(lower(upper(v)))) FROM t WHERE id <= ?" // textLen times the argument
	update  = "UPDATE t SET n = n + 1 WHERE id = ?"
)

// texts returns what v is, by id.
var texts = sync.OnceValue(func() []string {
	all := make([]string, rows+1)
	for id := range all {
		all[id] = fmt.Sprintf("%0*d", textLen, id*7919)
	}
	return all
})
