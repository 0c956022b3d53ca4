package conformance

import (
	"fmt"
	"slices"
)

// Cases returns the suite's own cases, in a fixed order.
func Cases() []Case {
	cases := slices.Concat(
		area("select", selectCases()),
		area("insert", insertCases()),
		area("returning", returningCases()),
		area("values", valueCases()),
		area("tx", txCases()),
		area("script", scriptCases()),
		area("params", paramCases()),
		area("conn", connCases()),
		area("counters", counterCases()),
		area("error", errorCases()),
		area("foreign keys", foreignKeyCases()),
		area("schema", schemaCases()),
		area("views and triggers", viewAndTriggerCases()),
		area("pragma", pragmaCases()),
		area("maintenance", maintenanceCases()),
		area("prepared", preparedCases()),
		area("rows", rowsCases()),
		area("context", contextCases()),
		area("temp", tempCases()),
		area("columns", columnCases()),
		area("times", timeCases()),
		area("search", searchCases()),
		area("limits", limitCases()),
		area("mix", mixCases()),
	)
	applyMarks(cases, differences)
	return cases
}

// area names the area of cases. It panics on a name that is used twice: the
// second would be lost among the first's results.
func area(name string, cases []Case) []Case {
	seen := map[string]bool{}
	for i := range cases {
		c := &cases[i]
		c.Area = name
		if seen[c.Name] {
			panic(fmt.Sprintf("conformance: two cases are called %s", c.ID()))
		}
		seen[c.Name] = true
	}
	return cases
}

// numbers is a table of five rows.
var numbers = []string{
	`CREATE TABLE numbers(id INTEGER PRIMARY KEY, n INTEGER, name TEXT)`,
	`INSERT INTO numbers(n, name) VALUES (10,'ten'), (20,'twenty'), (30,'thirty'), (40,'forty'), (50,'fifty')`,
}

// family is a pair of tables with a foreign key.
var family = []string{
	`CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
	`CREATE TABLE child(id INTEGER PRIMARY KEY,
		parent INTEGER REFERENCES parent(id) ON DELETE CASCADE, age INT CHECK (age >= 0))`,
	`INSERT INTO parent(name) VALUES ('ann'), ('bob')`,
	`INSERT INTO child(parent, age) VALUES (1, 7), (1, 5), (2, 3)`,
}

// with returns setup with more statements after it.
func with(setup []string, more ...string) []string { return slices.Concat(setup, more) }
