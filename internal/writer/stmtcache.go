package writer

import (
	"database/sql/driver"

	"github.com/litefwd/litefwd/internal/sqldriver"
)

// stmtCache keeps the prepared forms of the statements used last. SQLite
// prepares them anew by itself when the schema has changed.
type stmtCache struct {
	limit int
	kept  map[string]*keptStmt
	clock uint64
}

type keptStmt struct {
	stmt *sqldriver.Stmt
	used uint64
}

// keptSQLBytes and keptArgBytes bound what one kept statement occupies:
// drivers leave the arguments bound until the next execution.
const (
	keptSQLBytes = 16 << 10
	keptArgBytes = 16 << 10
)

// worthKeeping says whether a statement is to be kept.
func (s *stmtCache) worthKeeping(sql string, args []driver.NamedValue) bool {
	if s.limit == 0 || len(sql) > keptSQLBytes {
		return false
	}
	return argBytes(args) <= keptArgBytes
}

// argBytes is what texts and blobs among the arguments take.
func argBytes(args []driver.NamedValue) (size int) {
	for _, a := range args {
		switch v := a.Value.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	return size
}

// take removes the prepared form of sql from the cache, if it has it.
func (s *stmtCache) take(sql string) (*sqldriver.Stmt, bool) {
	k, ok := s.kept[sql]
	if !ok {
		return nil, false
	}
	delete(s.kept, sql)
	return k.stmt, true
}

func (s *stmtCache) put(sql string, stmt *sqldriver.Stmt) {
	if s.kept == nil {
		s.kept = map[string]*keptStmt{}
	}
	if len(s.kept) >= s.limit {
		s.evict()
	}
	s.clock++
	s.kept[sql] = &keptStmt{stmt: stmt, used: s.clock}
}

// evict closes the statement that was not used for longest.
func (s *stmtCache) evict() {
	var oldest string
	var used uint64
	for sql, k := range s.kept {
		if used == 0 || k.used < used {
			oldest, used = sql, k.used
		}
	}
	s.kept[oldest].stmt.Close()
	delete(s.kept, oldest)
}

func (s *stmtCache) close() {
	for _, k := range s.kept {
		k.stmt.Close()
	}
	s.kept = nil
}
