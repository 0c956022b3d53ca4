package sqlclass

import "testing"

func TestShort(t *testing.T) {
	cases := map[string]bool{
		"SELECT v, n FROM parent WHERE id = ?":                                          true,
		"SELECT id FROM parent WHERE v = ?":                                             true, // it is UNIQUE
		"SELECT b FROM keyed WHERE a = 1":                                               true,
		"SELECT max(id) FROM parent":                                                    false,
		"SELECT 1":                                                                      true,
		"SELECT v FROM child, parent WHERE child.id=1 AND parent.id=p":                  true, // both by a key
		"SELECT id FROM child WHERE p = 1":                                              false,
		"SELECT a FROM bare LIMIT 1":                                                    false,
		"SELECT count(*) FROM bare":                                                     false,
		"SELECT v FROM parent WHERE id IN (1, 2)":                                       false,
		"SELECT upper(v) FROM parent WHERE id = 1":                                      false,
		"SELECT v FROM parent WHERE id = (SELECT b FROM bare)":                          false,
		"SELECT v FROM parent WHERE id = 1 AND v LIKE 'a%'":                             false,
		"SELECT * FROM bare ORDER BY a":                                                 false,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n": false,
		"SELECT name FROM pragma_table_info('bare')":                                    false,
		"PRAGMA table_info(bare)":                                                       false,
		"INSERT INTO bare VALUES(1,2)":                                                  false,
	}
	forDrivers(t, func(t *testing.T, c *testConn) {
		c.exec("PRAGMA query_only = 0;" + sharingFixture)
		cl := New()
		for sql, want := range cases {
			stmts, err := cl.Classify(t.Context(), c, sql)
			if err != nil || len(stmts) != 1 || stmts[0].Short != want {
				t.Errorf("%s: %+v, %v", sql, stmts, err)
			}
		}
		// The schema has changed, and a text is asked about again if somebody finds out.
		const sql = "SELECT b FROM keyed WHERE a = 1"
		c.exec("DROP TABLE keyed; CREATE TABLE keyed(a, b)")
		cl.Forget(sql)
		cl.Forget("never seen")
		if stmts, err := cl.Classify(t.Context(), c, sql); err != nil || stmts[0].Short {
			t.Errorf("%s: %+v, %v", sql, stmts, err)
		}
	})
}
