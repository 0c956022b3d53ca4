package litefwd

import (
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// place says where a text runs.
type place int

const (
	// here: on the local handle.
	here place = iota
	// onPrimary: on the primary, whole.
	onPrimary
	// control: one statement that begins a transaction, or ends one that is
	// not there.
	control
	// pieces: statement by statement, each in its own place.
	pieces
	// inTx: in the connection's open transaction, wherever that is.
	inTx
)

// placeOf decides where a text's statements run outside a transaction. Unsure
// means primary.
func placeOf(stmts []sqlclass.Statement) (place, error) {
	switch sqlclass.RouteOf(stmts) {
	case sqlclass.RouteLocal:
		return here, nil
	case sqlclass.RouteForward:
		return onPrimary, nil
	case sqlclass.RouteRefuse:
		return 0, refused(stmts)
	}
	switch {
	case len(stmts) > 1:
		return pieces, nil
	case isControl(&stmts[0]):
		return control, nil
	case stmts[0].Kind == sqlclass.Write || stmts[0].Kind == sqlclass.Unsure:
		return onPrimary, nil
	default:
		return here, nil
	}
}

// refused is the error for a text with an unsupported statement, or nil.
func refused(stmts []sqlclass.Statement) error {
	for i := range stmts {
		if stmts[i].Kind == sqlclass.Unsupported {
			return fault.Refuse(fault.Unsupported, "%s", stmts[i].Reason)
		}
	}
	return nil
}

// allReads reports whether the text does nothing but read the main database,
// so that the primary's answer would be as good.
func allReads(stmts []sqlclass.Statement) bool {
	for i := range stmts {
		s := &stmts[i]
		if s.Kind != sqlclass.Empty && (s.Kind != sqlclass.Read || s.LocalOnly) {
			return false
		}
	}
	return true
}

// readsConnection reports whether the text only asks for a setting of the
// connection, which is the local handle's to answer even in a transaction.
func readsConnection(stmts []sqlclass.Statement) bool {
	return len(stmts) == 1 && stmts[0].Kind == sqlclass.Read && stmts[0].LocalOnly && stmts[0].Pragma != "" &&
		!stmts[0].ReadsSchema
}

// some reports whether is holds for one of the statements.
func some(stmts []sqlclass.Statement, is func(*sqlclass.Statement) bool) bool {
	for i := range stmts {
		if is(&stmts[i]) {
			return true
		}
	}
	return false
}

func writesTemp(s *sqlclass.Statement) bool   { return s.Kind == sqlclass.TempWrite }
func changesTemp(s *sqlclass.Statement) bool  { return s.TempSchema }
func runsInTx(s *sqlclass.Statement) bool     { return s.InTx }
func readsSchema(s *sqlclass.Statement) bool  { return s.ReadsSchema }
func usesCounters(s *sqlclass.Statement) bool { return s.UsesRowID || s.UsesChanges }
func usesChanges(s *sqlclass.Statement) bool  { return s.UsesChanges }

func mayTakeLong(s *sqlclass.Statement) bool { return !s.Short }

// mayReadMain reports whether s, which runs on the local handle, may look at
// the main database, so that a copy that is behind would show.
func mayReadMain(s *sqlclass.Statement) bool {
	return s.Kind == sqlclass.TempWrite || s.Kind == sqlclass.Read && (s.Pragma == "" || s.ReadsSchema)
}

// endsTransaction reports whether s begins or ends a whole transaction.
func endsTransaction(s *sqlclass.Statement) bool {
	return s.Kind == sqlclass.Begin || s.Kind == sqlclass.Commit || s.Kind == sqlclass.Rollback
}

// writesByPragma reports whether s is one of the PRAGMAs that write, not all
// of which query_only stops.
func writesByPragma(s *sqlclass.Statement) bool {
	return s.Kind == sqlclass.Write && s.Pragma != ""
}

// isControl reports whether s begins, ends or marks a transaction.
func isControl(s *sqlclass.Statement) bool {
	switch s.Kind {
	case sqlclass.Begin, sqlclass.Commit, sqlclass.Rollback, sqlclass.Savepoint, sqlclass.Release, sqlclass.RollbackTo:
		return true
	}
	return false
}
