package sqlclass

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// program is what SQLite's compiled form of a statement tells.
type program struct {
	reads, writes []int // indexes of the databases that it opens
	// unexpected is an opcode that a read does not have, or "".
	unexpected string
	// long: it may go on for long, by a loop or a function.
	long        bool
	usesRowID   bool
	usesChanges bool
	usesTotal   bool
}

// opens adds the index to the set.
func opens(set *[]int, index int) {
	if !slices.Contains(*set, index) {
		*set = append(*set, index)
	}
}

// explain compiles one statement and reads its program; nothing of it runs.
// The statement must be a single one and no PRAGMA. The opcodes are
// documented, if not promised to stay: https://www.sqlite.org/opcode.html
func explain(ctx context.Context, q Querier, sql string, params []string) (p program, err error) {
	err = eachOpcode(ctx, q, sql, params, p.add)
	return p, err
}

// eachOpcode calls add with each row of an EXPLAIN:
// addr, opcode, p1, p2, p3, p4, p5, comment.
func eachOpcode(ctx context.Context, q Querier, sql string, params []string, add func(row []driver.Value)) error {
	rows, err := q.Query(ctx, "EXPLAIN "+sql, nullArgs(params))
	if err != nil {
		return err
	}
	defer rows.Close()
	dest := make([]driver.Value, len(rows.Columns()))
	if len(dest) < 7 {
		return fmt.Errorf("EXPLAIN has %d columns, not 8", len(dest))
	}
	for {
		switch err := rows.Next(dest); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		add(dest)
	}
}

func (p *program) add(row []driver.Value) {
	opcode := asText(row[1])
	switch opcode {
	case "Transaction": // p1: the database; p2: not 0 to write
		index, ok1 := row[2].(int64)
		write, ok2 := row[3].(int64)
		switch {
		case !ok1 || !ok2:
			p.unexpected = opcode
		case write != 0:
			opens(&p.writes, int(index))
		default:
			opens(&p.reads, int(index))
		}
	case "Function", "PureFunc": // p4: name(number of arguments)
		p.long = true
		switch functionName(row[5]) {
		case "last_insert_rowid":
			p.usesRowID = true
		case "changes":
			p.usesChanges = true
		case "total_changes":
			p.usesChanges, p.usesTotal = true, true
		case "optimize": // of FTS3, see facts.calls
			p.unexpected = opcode + " optimize"
		}
	default:
		if !readOpcodes[opcode] {
			p.unexpected = opcode
		}
		p.long = p.long || loops[opcode]
	}
}

// loops are the opcodes that go on to another row, or have a part of the program run
// again, or stand for a loop.
var loops = opcodeSet(`
	Next Prev SorterNext VNext NextIfOpen PrevIfOpen Yield RowSetRead RowSetTest
	Count VFilter Gosub InitCoroutine DecrJumpZero IfPos IfNotZero
	AggStep AggStep0 AggStep1 OpenAutoindex SorterSort Sort SeekScan`)

// functionName is the name, in lower case, in a Function's p4: name(arguments).
func functionName(p4 driver.Value) string {
	name, _, _ := strings.Cut(asText(p4), "(")
	return fold(name)
}

// readOpcodes are those that a SELECT may have: they neither change a
// database nor the state of the connection. Insert, Delete and their like are
// there because SQLite uses them on the tables that it makes for sorting and
// the like; on one of a database they need a Transaction that writes.
// Not there, so that whatever has one is no read, are
//
//	AutoCommit Savepoint Vacuum JournalMode Checkpoint IncrVacuum Expire
//	SetCookie OpenWrite CreateBtree Destroy Clear ParseSchema DropTable
//	DropIndex DropTrigger LoadAnalysis SqlExec ResetCount MaxPgcnt
//	VBegin VCreate VDestroy VRename VUpdate FkCounter FkCheck FkIfZero
//	Program Param
//
// and all that a later version may bring: that is forwarded until it is
// looked at. Those from AggStep0 on are of versions before 3.54.
var readOpcodes = opcodeSet(`
	Abortable Add AddImm Affinity AggFinal AggInverse AggStep AggStep1 AggValue
	And BeginSubrtn BitAnd BitNot BitOr Blob Cast Close ClrSubtype
	CollSeq Column ColumnsUsed Compare Concat Copy Count CursorHint CursorLock
	CursorUnlock DecrJumpZero DeferredSeek Delete Divide ElseEq EndCoroutine Eq
	Explain Filter FilterAdd FinishSeek Found Function Ge GetSubtype Gosub Goto
	Gt Halt HaltIfNull IFindKey IdxDelete IdxGE IdxGT IdxInsert IdxLE IdxLT
	IdxRowid If IfEmpty IfNoHope IfNot IfNotZero IfNullRow IfPos IfSizeBetween
	Init InitCoroutine Insert Int64 IntCopy Integer IsNull IsTrue IsType Jump Last Le
	Lt MakeRecord MemMax Move Multiply MustBeInt Ne NewRowid Next NoConflict
	Noop Not NotExists NotFound NotNull Null NullRow Offset OffsetLimit Once
	OpenAutoindex OpenDup OpenEphemeral OpenPseudo OpenRead Or Pagecount
	Permutation Prev PureFunc ReadCookie Real RealAffinity ReleaseReg Remainder
	ReopenIdx ResetSorter ResultRow Return Rewind RowCell RowData RowSetAdd
	RowSetRead RowSetTest Rowid SCopy SeekEnd SeekGE SeekGT SeekHit SeekLE
	SeekLT SeekRowid SeekScan Sequence SequenceTest SetSubtype ShiftLeft
	ShiftRight SoftNull Sort SorterCompare SorterData SorterInsert SorterNext
	SorterOpen SorterSort String String8 Subtract TableLock Trace TypeCheck
	VCheck VColumn VFilter VInitIn VNext VOpen Variable Yield ZeroOrNull
	AggStep0 ElseNotEq IfSmaller NextIfOpen PrevIfOpen Seek`)

func opcodeSet(names string) map[string]bool {
	set := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}
