package demo

import (
	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// tally is what was found when the rows of one node were compared with the
// lines that were written.
type tally struct {
	// Rows is the number of rows, Found that of different lines among them.
	Rows  int `json:"rows"`
	Found int `json:"found"`
	// Lost lines were written for certain and are not there.
	Lost int `json:"lost"`
	// Duplicated counts the second and further copies of a line.
	Duplicated int `json:"duplicated"`
	// Altered lines have another text than the one sent.
	Altered int `json:"altered"`
	// Foreign rows have a number that was never sent.
	Foreign int `json:"foreign"`
}

// ok reports whether the tally is that of a database with every line once.
func (t tally) ok(lines int) bool {
	return t == tally{Rows: lines, Found: lines}
}

// audit compares the rows of one node with what was sent. Of lines that are
// missing those are lost that must be there.
func audit(sent []demoapp.Line, fates map[int]fate, rows []demoapp.Row) tally {
	texts := make(map[int]string, len(sent))
	for _, line := range sent {
		texts[line.N] = line.Text
	}
	t := tally{Rows: len(rows)}
	copies := make(map[int]int, len(sent))
	for _, row := range rows {
		text, known := texts[row.N]
		switch {
		case !known:
			t.Foreign++
			continue
		case text != row.Text:
			t.Altered++
		}
		copies[row.N]++
	}
	t.Found = len(copies)
	for _, count := range copies {
		t.Duplicated += count - 1
	}
	for _, line := range sent {
		if copies[line.N] > 0 {
			continue
		}
		if fates[line.N].mustBeThere() {
			t.Lost++
		}
	}
	return t
}
