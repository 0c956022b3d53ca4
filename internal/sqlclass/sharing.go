package sqlclass

import (
	"context"
	"database/sql/driver"
)

// Sharing tells how a write behaves in a transaction that it shares with
// writes of other callers, each of which must go as if it ran alone. It holds
// for one schema (PRAGMA schema_version) and one setting of foreign_keys.
type Sharing struct {
	// Alone is why the statement must not share, "" if it may: it can end the
	// transaction (OR ROLLBACK, RAISE(ROLLBACK)), can leave a deferred foreign key
	// violated, which somebody else's row could mend, or does what is not known
	// here.
	Alone string
	// RowID says when it sets last_insert_rowid().
	RowID RowIDEffect
	// Loops: it may visit many rows, so that it can take long, or else an error can
	// come when it has changed some already.
	Loops bool
	// Nested: triggers or foreign key actions change rows too, which
	// total_changes() counts and changes() does not.
	Nested bool
	// Rows: it returns rows.
	Rows bool
}

// RowIDEffect says when a statement sets last_insert_rowid().
type RowIDEffect uint8

const (
	RowIDUnknown   RowIDEffect = iota // an upsert
	RowIDNever                        // no row of it gets there
	RowIDIfChanged                    // if changes() is not 0 afterwards
)

// SharingOf asks SQLite about s, which must be a Write that Counts, on the
// connection that is going to run it. An error is that of the connection, or of
// SQLite if s does not compile.
func SharingOf(ctx context.Context, q Querier, s *Statement) (Sharing, error) {
	p := sharedProgram{inserts: s.Inserts}
	if err := eachOpcode(ctx, q, s.SQL, factsOf(s.SQL).params, p.add); err != nil {
		return Sharing{}, err
	}
	return p.sharing(), nil
}

// sharedProgram is what an EXPLAIN has shown so far.
type sharedProgram struct {
	Sharing
	inserts bool
	starts  int // programs begun: the statement's own, then those of its triggers
	// of the statement's own program:
	setsRowID, updates bool
	deletes            bool
}

// Of Insert's p5, and of Halt's p2 (SQLite, sqliteInt.h).
const (
	flagIsUpdate  = 0x04 // OPFLAG_ISUPDATE
	flagLastRowID = 0x20 // OPFLAG_LASTROWID
	haltRollback  = 1    // OE_Rollback
)

func (p *sharedProgram) add(row []driver.Value) {
	opcode := asText(row[1])
	addr, okA := row[0].(int64)
	p1, ok1 := row[2].(int64)
	p2, ok2 := row[3].(int64)
	p5, ok5 := row[6].(int64)
	if !okA || !ok1 || !ok2 || !ok5 {
		p.alone("its program cannot be read")
		return
	}
	if addr == 0 {
		p.starts++
	}
	switch opcode {
	case "Transaction":
		if p1 != mainDB {
			p.alone("it opens a database other than main")
		}
	case "Halt", "HaltIfNull":
		if p1 != 0 && p2 == haltRollback {
			p.alone("a conflict rolls its transaction back")
		}
		p.Loops = p.Loops || p1 != 0 && p.deletes
	case "FkCounter":
		// With p1 it counts violations that COMMIT looks at. Those that it takes
		// off are there only if a statement before has left some.
		switch {
		case p1 != 0 && p2 > 0:
			p.alone("it may violate a deferred foreign key")
		case p1 == 0 && p2 > 0:
			p.Loops = true // it is looked at when all is done
		}
	case "Delete", "IdxDelete":
		p.deletes = true // perhaps what is replaced: the row itself can fail after that
	case "Insert":
		if p.starts == 1 {
			p.setsRowID = p.setsRowID || p5&flagLastRowID != 0
			p.updates = p.updates || p5&flagIsUpdate != 0
		}
	case "Program":
		p.Nested = true
	case "ResultRow":
		p.Rows = true
	case "Next", "Prev", "SorterNext", "VNext", "NextIfOpen", "PrevIfOpen", "Yield", "RowSetRead", "RowSetTest":
		p.Loops = true
	case "MakeRecord", "TypeCheck", "MustBeInt":
		p.Loops = p.Loops || p.deletes
	case "Function", "PureFunc":
		p.Loops = p.Loops || p.deletes
		switch name := functionName(row[5]); name {
		case "last_insert_rowid", "changes", "total_changes", "optimize":
			p.alone("it calls " + name + "()")
		}
	default:
		if !readOpcodes[opcode] && !writeOpcodes[opcode] {
			p.alone("its program has the opcode " + opcode)
		}
	}
}

func (p *sharedProgram) alone(why string) {
	if p.Alone == "" {
		p.Alone = why
	}
}

func (p *sharedProgram) sharing() Sharing {
	p.Loops = p.Loops || p.Nested
	switch {
	case !p.inserts || !p.setsRowID:
		p.RowID = RowIDNever
	case !p.updates:
		p.RowID = RowIDIfChanged
	}
	return p.Sharing
}

// writeOpcodes are those that a write may have besides readOpcodes to share a
// transaction: they change rows of ordinary tables and nothing else.
var writeOpcodes = opcodeSet(`Clear FkCheck FkIfZero OpenWrite Param ResetCount`)
