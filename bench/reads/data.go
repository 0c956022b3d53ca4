package main

import (
	"fmt"
	"slices"
	"strings"
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
	update  = "UPDATE t SET n = n + 1 WHERE id = ?"
)

// scan searches texts for those with one of the pairs. It takes no memory for each row,
// as upper(v) does: SQLite counts that under one lock, and what is measured is how
// threads wait for it.
var (
	scan  = "SELECT count(*) FROM t WHERE id <= ? AND (v LIKE '%" + strings.Join(pairs, "%' OR v LIKE '%") + "%')"
	pairs = []string{"22", "33", "44", "55", "66", "77", "88", "99"}
)

// texts returns what v is, by id.
var texts = sync.OnceValue(func() []string {
	all := make([]string, rows+1)
	for id := range all {
		all[id] = fmt.Sprintf("%0*d", textLen, id*7919)
	}
	return all
})

// matches is what a scan of the first n rows has to give.
func matches(n int) (sum int) {
	for _, v := range texts()[1 : n+1] {
		if slices.ContainsFunc(pairs, func(pair string) bool { return strings.Contains(v, pair) }) {
			sum++
		}
	}
	return sum
}
