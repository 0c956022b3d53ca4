package fault

import "fmt"

// BatchError says which statement of a batch failed, so that the whole was
// rolled back.
type BatchError struct {
	// Index counts from 0.
	Index int
	// Err is the statement's own error.
	Err error
}

// Error names the statement by its number, which counts from 1.
func (e *BatchError) Error() string {
	return fmt.Sprintf("statement %d of the batch, which was rolled back: %v", e.Index+1, e.Err)
}

// Unwrap returns Err.
func (e *BatchError) Unwrap() error { return e.Err }
