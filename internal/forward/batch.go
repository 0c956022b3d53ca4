package forward

import "github.com/litefwd/litefwd/internal/fault"

// Batch is statements that run in one transaction, in their order.
type Batch struct {
	ID ID
	// Statements are single statements each, that begin or end no transaction.
	// Of each only SQL and Args count.
	Statements []Statement
	// From is as in Statement.
	From string
	// MaxRows bounds the rows that it returns, in bytes of memory; 0 is the
	// target's own bound.
	MaxRows int64
}

// maxBatch bounds the statements of a Batch.
const maxBatch = 4096

// CheckBatch refuses a batch of n statements if that are too many.
func CheckBatch(n int) error {
	if n > maxBatch {
		return fault.Refuse(fault.TooLarge, "a batch of %d statements; the limit is %d", n, maxBatch)
	}
	return nil
}

// BatchItem is what one statement of a Batch did.
type BatchItem struct {
	// Result has no Position; that of the whole is in BatchResult.
	Result Result
	// Rows are what it returned, already in memory; nil if it has no columns.
	Rows Rows
}

// BatchResult is what a Batch that is committed did.
type BatchResult struct {
	Items []BatchItem
	// Result.Position includes the commit; LastInsertID and RowsAffected are those
	// of the last statements that set them.
	Result Result
}
