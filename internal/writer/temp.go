package writer

import "github.com/litefwd/litefwd/internal/sqlclass"

// Temp objects that a transaction makes live on the writing connection until
// it ends. The connection is then given up (see conn.usable), so that the next
// caller finds none of them, whatever names they hide.

// makesTemp reports whether st makes, changes or drops temp objects, which a
// transaction may.
func makesTemp(st *sqlclass.Statement) bool {
	return st.TempSchema && st.Kind == sqlclass.TempWrite || st.InTx
}

// meetTemp prepares for a statement that concerns temp objects.
func (s *scope) meetTemp(st *sqlclass.Statement) {
	switch {
	case makesTemp(st):
		s.c.temp = true
		if s.own == nil {
			s.own = sqlclass.New()
		}
	case st.LocalOnly: // it may list them
	default:
		return
	}
	s.hideTables()
}

// hideTables takes the Writer's own temp tables out of the caller's sight.
// SQLite refuses that while rows are open, so they may stay.
func (s *scope) hideTables() {
	if s.c.readOnly {
		return
	}
	s.hidden = true
	if s.c.rowIDSet != nil {
		s.c.rowIDSet.Close()
		s.c.rowIDSet = nil
	}
	s.c.run("DROP TABLE IF EXISTS " + rowIDName)
}
