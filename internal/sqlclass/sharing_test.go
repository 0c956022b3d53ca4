package sqlclass

import "testing"

const sharingFixture = `
CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE, n INT CHECK(n<5));
CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent ON DELETE CASCADE);
CREATE TABLE later(id INTEGER PRIMARY KEY, p INT REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE bare(a, b);
CREATE TABLE keyed(a PRIMARY KEY, b) WITHOUT ROWID;
CREATE TABLE logged(a);
CREATE TABLE strictly(a UNIQUE ON CONFLICT ROLLBACK);
CREATE TRIGGER logs AFTER INSERT ON logged BEGIN INSERT INTO bare VALUES(new.a, 1); END;
CREATE TRIGGER stops AFTER DELETE ON logged BEGIN SELECT RAISE(ROLLBACK, 'no') WHERE old.a = 5; END;
CREATE VIEW seen AS SELECT a FROM bare;
CREATE TRIGGER into_view INSTEAD OF INSERT ON seen BEGIN INSERT INTO bare VALUES(new.a, 2); END;
PRAGMA foreign_keys = ON;
`

func TestSharing(t *testing.T) {
	const alone = "alone"
	cases := map[string]Sharing{
		"INSERT INTO bare VALUES(?, :x)":                                     {RowID: RowIDIfChanged},
		"INSERT INTO bare DEFAULT VALUES":                                    {RowID: RowIDIfChanged},
		"INSERT OR IGNORE INTO child(id) VALUES(1)":                          {RowID: RowIDIfChanged},
		"INSERT OR FAIL INTO bare VALUES(1,2)":                               {RowID: RowIDIfChanged},
		"INSERT INTO bare VALUES(1,2),(3,4)":                                 {RowID: RowIDIfChanged, Loops: true},
		"INSERT INTO bare SELECT a, a FROM logged":                           {RowID: RowIDIfChanged, Loops: true},
		"INSERT INTO parent(v) VALUES(1)":                                    {RowID: RowIDIfChanged, Loops: true},
		"INSERT INTO bare VALUES(1,2) RETURNING a":                           {RowID: RowIDIfChanged, Loops: true, Rows: true},
		"INSERT INTO child VALUES(1,1) ON CONFLICT DO NOTHING":               {RowID: RowIDIfChanged},
		"INSERT INTO keyed VALUES(1,1) ON CONFLICT(a) DO UPDATE SET b = b+1": {RowID: RowIDNever},
		"INSERT INTO parent VALUES(1,2,3) ON CONFLICT(id) DO UPDATE SET n=n": {Loops: true},
		"INSERT INTO keyed VALUES(1,1)":                                      {RowID: RowIDNever},
		"INSERT INTO logged VALUES(1)":                                       {RowID: RowIDIfChanged, Loops: true, Nested: true},
		"INSERT INTO seen VALUES(1)":                                         {RowID: RowIDNever, Loops: true, Nested: true},
		"INSERT INTO strictly VALUES(1)":                                     {Alone: alone, RowID: RowIDIfChanged},
		"INSERT OR ROLLBACK INTO child VALUES(1,1)":                          {Alone: alone, RowID: RowIDIfChanged},
		"INSERT OR ABORT INTO strictly VALUES(1)":                            {RowID: RowIDIfChanged},
		"INSERT INTO later VALUES(1,1)":                                      {Alone: alone, RowID: RowIDIfChanged},
		"INSERT INTO rt VALUES(1,2,3)":                                       {Alone: alone, RowID: RowIDNever},
		"INSERT INTO bare VALUES(last_insert_rowid(), 1)":                    {Alone: alone, RowID: RowIDIfChanged},
		"INSERT INTO bare VALUES(changes(), 1)":                              {Alone: alone, RowID: RowIDIfChanged},
		"UPDATE parent SET n = 2 WHERE id = ?":                               {RowID: RowIDNever},
		"UPDATE bare SET a = a+1":                                            {RowID: RowIDNever, Loops: true},
		"UPDATE keyed SET b = 2 WHERE a = 1":                                 {RowID: RowIDNever},
		"DELETE FROM bare":                                                   {RowID: RowIDNever},
		"DELETE FROM bare WHERE a = 1":                                       {RowID: RowIDNever, Loops: true},
		"DELETE FROM child WHERE id = 1":                                     {RowID: RowIDNever},
		"DELETE FROM parent WHERE id = 1":                                    {Alone: alone, RowID: RowIDNever, Loops: true, Nested: true},
		"DELETE FROM logged":                                                 {Alone: alone, RowID: RowIDNever, Loops: true, Nested: true},
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9) INSERT INTO bare SELECT i,i FROM n": {
			RowID: RowIDIfChanged, Loops: true},
	}
	forDrivers(t, func(t *testing.T, c *testConn) {
		c.exec("PRAGMA query_only = 0;" + sharingFixture)
		for sql, want := range cases {
			stmts, err := New().Classify(t.Context(), c, sql)
			if err != nil || len(stmts) != 1 || stmts[0].Kind != Write || !stmts[0].Counts {
				t.Fatalf("%s: %+v, %v", sql, stmts, err)
			}
			got, err := SharingOf(t.Context(), c, &stmts[0])
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			if (got.Alone != "") != (want.Alone != "") {
				t.Errorf("%s: alone because %q", sql, got.Alone)
			}
			if got.Alone = want.Alone; got != want {
				t.Errorf("%s:\n got %+v\nwant %+v", sql, got, want)
			}
		}
	})
}
