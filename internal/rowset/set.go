// Package rowset holds rows in memory, with all that the local driver says of
// their columns, so that the statement they came from can end before anybody
// reads them.
package rowset

import (
	"database/sql/driver"
	"errors"
	"io"
	"slices"

	"github.com/litefwd/litefwd/internal/forward"
)

// Set is the rows of a statement that has ended. It implements forward.Rows,
// and the zero value has no columns and no rows.
type Set struct {
	rows [][]driver.Value
	// cols describes the columns from row cols[i].from on, the last entry
	// to the end. Of the first one it may still have to be asked.
	cols []describedFrom
	desc Describer
	size int64 // see Own
	at   int   // the entry of cols that describes the current row
	next int
	res  forward.Result

	// Most sets have one description, one row, and few columns.
	oneDesc     [1]describedFrom
	oneRow      [1][]driver.Value
	first, dest [4]driver.Value
}

type describedFrom struct {
	from int
	cols []forward.Column
}

var _ forward.Rows = (*Set)(nil)

// Fill reads the rows that desc describes into the Set, which is empty, until their
// end or, with done false, until there are more than maxRows rows or maxBytes bytes;
// the row that is too much is in the Set. The error is the driver's own; the rows
// before it are in the Set. It does not close the driver's rows: the caller does, and
// calls Describe before if anybody may ask for the columns afterwards.
//
// goOn, if not nil, is asked before each row; its error ends the reading.
func (s *Set) Fill(desc Describer, maxRows int, maxBytes int64, goOn func() error) (done bool, err error) {
	raw, width := desc.Raw, len(desc.Raw.Columns())
	s.desc = desc
	s.rows, s.cols = s.oneRow[:0], s.oneDesc[:]
	first, dest := s.first[:], s.dest[:]
	if width > len(dest) {
		both := make([]driver.Value, 2*width)
		first, dest = both[:width:width], both[width:]
	}
	first, dest = first[:width], dest[:width]
	if desc.RowTypes || desc.Known != nil {
		s.Describe()
	}
	for len(s.rows) <= maxRows && s.size <= maxBytes {
		if goOn != nil {
			if err := goOn(); err != nil {
				return false, err
			}
		}
		row := dest
		if len(s.rows) == 0 {
			row = first
		}
		if err := raw.Next(row); errors.Is(err, io.EOF) {
			return true, nil
		} else if err != nil {
			return false, err
		}
		if len(s.rows) > 0 {
			row = slices.Clone(row)
		}
		s.size += Own(row)
		s.rows = append(s.rows, row)
		if !desc.RowTypes {
			continue
		}
		if now := s.desc.Columns(); width > 0 && &now[0] != &s.cols[len(s.cols)-1].cols[0] {
			s.cols = append(s.cols, describedFrom{len(s.rows) - 1, now})
		}
	}
	return false, nil
}

// Describe asks the driver what the columns are, if that was not done yet.
func (s *Set) Describe() {
	if s.cols[0].cols == nil {
		s.cols[0].cols = s.desc.Columns()
	}
}

// Known is what the driver has said last of the columns, for [Describer.Known].
func (s *Set) Known() []forward.Column { return s.desc.Known }

// Own copies what the driver might use again, and returns about how much
// memory the row takes. A nil []byte stays one: it is a driver's spelling of
// the empty blob.
func Own(row []driver.Value) int64 {
	size := int64(0)
	for i, v := range row {
		size += 16
		switch v := v.(type) {
		case []byte:
			size += int64(len(v))
			if v != nil {
				row[i] = append([]byte{}, v...)
			}
		case string:
			size += int64(len(v))
		}
	}
	return size
}

// Len is the number of rows that Next has not returned yet.
func (s *Set) Len() int { return len(s.rows) - s.next }

// Size is about how many bytes of memory the rows took when they were read.
func (s *Set) Size() int64 { return s.size }

// SetResult says what Result returns.
func (s *Set) SetResult(res forward.Result) { s.res = res }

// Columns implements forward.Rows.
func (s *Set) Columns() []forward.Column {
	if len(s.cols) == 0 {
		return nil
	}
	return s.cols[s.at].cols
}

// Next implements forward.Rows.
func (s *Set) Next(dest []driver.Value) error {
	if s.next >= len(s.rows) {
		return io.EOF
	}
	copy(dest, s.rows[s.next])
	s.rows[s.next] = nil // the caller's now
	if s.at+1 < len(s.cols) && s.cols[s.at+1].from <= s.next {
		s.at++
	}
	s.next++
	return nil
}

// Result implements forward.Rows.
func (s *Set) Result() forward.Result { return s.res }

// Close implements forward.Rows.
func (s *Set) Close() error {
	s.rows, s.next = nil, 0
	return nil
}
