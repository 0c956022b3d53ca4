package sqlclass

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestCacheBounds(t *testing.T) {
	t.Parallel()
	c := newCache(4, 4*(statementBytes+10))
	text := func(i int) string { return fmt.Sprintf("%010d", i) }
	for i := range 100 {
		c.put(text(i), make([]Statement, 1))
		if _, ok := c.get(text(i)); !ok {
			t.Fatalf("%d is gone at once", i)
		}
		if len(c.byText) != len(c.ring) || len(c.ring) > 4 || c.bytes > c.maxSize {
			t.Fatalf("%d texts, ring of %d, %d bytes", len(c.byText), len(c.ring), c.bytes)
		}
	}
	if _, ok := c.get(text(0)); ok {
		t.Error("the first is still there")
	}
	c.put(strings.Repeat("x", c.maxSize), nil)
	c.put(strings.Repeat("x", maxCachedText+1), nil)
	if len(c.ring) == 0 {
		t.Error("a text that is too large drove the others out")
	}
	c.put("two", make([]Statement, 2)) // worth two of the others
	if c.bytes > c.maxSize {
		t.Errorf("%d bytes of %d", c.bytes, c.maxSize)
	}
	c.clear()
	if _, ok := c.get("two"); ok || c.bytes != 0 {
		t.Error("clear left something")
	}
}

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	c := newCache(8, 1<<20)
	c.put("hot", nil)
	for i := range 100 {
		c.put(fmt.Sprint(i), nil)
		if _, ok := c.get("hot"); !ok {
			t.Fatalf("gone after %d others", i)
		}
	}
}

func TestCacheConcurrently(t *testing.T) {
	t.Parallel()
	cl := &Classifier{cache: newCache(8, 1<<20)}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				sql := fmt.Sprintf("INSERT INTO t VALUES(%d)", (i*(g+1))%20)
				stmts, err := cl.Classify(t.Context(), failing{errMalformed}, sql)
				if err != nil || stmts[0].SQL != sql || stmts[0].Kind != Write {
					t.Errorf("%s: %+v, %v", sql, stmts, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestUnsureIsAskedAgain: a table that arrives by replication is found.
func TestUnsureIsAskedAgain(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		cl := New()
		runChecks(t, c, cl, []check{{"SELECT * FROM later", "unsure"}})
		c.exec("PRAGMA query_only=0; CREATE TABLE later(a); PRAGMA query_only=1")
		runChecks(t, c, cl, []check{{"SELECT * FROM later", "read"}})
	})
}

// TestPrivateFollowsTheConnection: temp objects come and go.
func TestPrivateFollowsTheConnection(t *testing.T) {
	t.Parallel()
	forDrivers(t, func(t *testing.T, c *testConn) {
		c.exec("PRAGMA query_only=0")
		cl := NewPrivate()
		run := func(sql, want string) {
			t.Helper()
			runChecks(t, c, cl, []check{{sql, want}})
			c.exec(sql)
		}
		const insert, read = "INSERT INTO log VALUES(1)", "SELECT * FROM log"
		run(insert, "write inserts counts")
		run(read, "read")
		run("CREATE TEMP TABLE log(a)", "temp schema") // hides main's
		run(insert, "temp inserts counts")
		run(read, "read here")
		run("ALTER TABLE log RENAME TO log2", "temp schema")
		run(insert, "write inserts counts")
		run("SAVEPOINT s", "savepoint")
		run("CREATE TEMP TABLE log(a)", "temp schema")
		run(insert, "temp inserts counts")
		run("ROLLBACK TO s", "rollbackto")
		run(insert, "write inserts counts")
		run("RELEASE s", "release")

		// A rollback that the classifier does not see.
		run("BEGIN", "begin")
		run("CREATE TEMP TABLE log(a)", "temp schema")
		run(insert, "temp inserts counts")
		c.exec("ROLLBACK")
		run(insert, "write inserts counts") // even so: a TempWrite is not cached
		cl.Changed()
		run(read, "read")

		run("ATTACH ':memory:' AS mem", "local schema")
		run("CREATE TABLE mem.m(a)", "temp schema")
		run("INSERT INTO m VALUES(1)", "temp inserts counts")
		run("DETACH mem", "local schema")
		runChecks(t, c, cl, []check{{"INSERT INTO m VALUES(1)", "unsure inserts counts"}})
	})
}

func TestRoute(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sql  string
		want Route
	}{
		{"", RouteLocal},
		{"SELECT 1", RouteLocal},
		{"SELECT 1; SELECT 2; PRAGMA cache_size=5", RouteLocal},
		{"INSERT INTO t(a) VALUES(1); SELECT last_insert_rowid()", RouteForward},
		{"SELECT * FROM nosuch", RouteForward},
		{"VACUUM", RouteForward},
		{"VACUUM; VACUUM", RouteSteps},
		{"PRAGMA cache_size=5; DELETE FROM t", RouteSteps},
		{"SELECT * FROM sqlite_temp_schema; DELETE FROM t", RouteSteps},
		{"BEGIN", RouteSteps},
		{"BEGIN; DELETE FROM t; COMMIT", RouteSteps},
		{"PRAGMA foreign_keys=1", RouteSteps},
		{"CREATE TEMP TABLE x(a); INSERT INTO x VALUES(1)", RouteSteps},
		{"ATTACH 'y' AS x", RouteSteps},
		{"ATTACH 'y' AS x; PRAGMA journal_mode=off", RouteSteps},
		{"DELETE FROM t; PRAGMA journal_mode=off", RouteRefuse},
		{"PRAGMA journal_mode=off; CREATE TEMP TABLE x(a); SELECT 1", RouteRefuse},
	}
	forDrivers(t, func(t *testing.T, c *testConn) {
		for _, tt := range tests {
			stmts, err := New().Classify(t.Context(), c, tt.sql)
			if err != nil {
				t.Fatal(err)
			}
			if got := RouteOf(stmts); got != tt.want {
				t.Errorf("%s: route %d, want %d", tt.sql, got, tt.want)
			}
		}
	})
}
