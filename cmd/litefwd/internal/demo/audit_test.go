package demo

import (
	"slices"
	"testing"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

func TestAuditFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	const lines = 6
	for _, c := range []struct {
		name  string
		plant func(rows []demoapp.Row, fates map[int]fate) []demoapp.Row
		want  tally
	}{
		{
			name:  "nothing planted",
			plant: func(rows []demoapp.Row, _ map[int]fate) []demoapp.Row { return rows },
			want:  tally{Rows: 6, Found: 6},
		},
		{
			name:  "one lost",
			plant: func(rows []demoapp.Row, _ map[int]fate) []demoapp.Row { return slices.Delete(rows, 2, 3) },
			want:  tally{Rows: 5, Found: 5, Lost: 1},
		},
		{
			name:  "all lost",
			plant: func([]demoapp.Row, map[int]fate) []demoapp.Row { return nil },
			want:  tally{Lost: 6},
		},
		{
			name: "one stored three times",
			plant: func(rows []demoapp.Row, _ map[int]fate) []demoapp.Row {
				return append(rows, rows[4], rows[4])
			},
			want: tally{Rows: 8, Found: 6, Duplicated: 2},
		},
		{
			name: "one lost and another twice, so that the number of rows is right",
			plant: func(rows []demoapp.Row, _ map[int]fate) []demoapp.Row {
				return append(rows[:5], rows[0])
			},
			want: tally{Rows: 6, Found: 5, Lost: 1, Duplicated: 1},
		},
		{
			name: "another text",
			plant: func(rows []demoapp.Row, _ map[int]fate) []demoapp.Row {
				rows[1].Text = "darkness"
				return rows
			},
			want: tally{Rows: 6, Found: 6, Altered: 1},
		},
		{
			name: "a row that nobody sent",
			plant: func(rows []demoapp.Row, _ map[int]fate) []demoapp.Row {
				return append(rows, demoapp.Row{N: 99})
			},
			want: tally{Rows: 7, Found: 6, Foreign: 1},
		},
		{
			name: "missing, with an outcome that is still unknown: not lost",
			plant: func(rows []demoapp.Row, fates map[int]fate) []demoapp.Row {
				fates[1] = unknown
				return rows[1:]
			},
			want: tally{Rows: 5, Found: 5},
		},
		{
			name: "missing, although it was found once, or sent again",
			plant: func(rows []demoapp.Row, fates map[int]fate) []demoapp.Row {
				fates[1], fates[2] = unknownFound, unknownResent
				return rows[2:]
			},
			want: tally{Rows: 4, Found: 4, Lost: 2},
		},
		{
			name: "missing, and gone with the killed server: not lost",
			plant: func(rows []demoapp.Row, fates map[int]fate) []demoapp.Row {
				fates[1], fates[2] = unreplicated, outvoted
				return rows[3:] // the third one is lost
			},
			want: tally{Rows: 3, Found: 3, Lost: 1},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var sent []demoapp.Line
			var rows []demoapp.Row
			fates := map[int]fate{}
			for n := 1; n <= lines; n++ {
				sent = append(sent, demoapp.Line{N: n, Text: "light"})
				rows = append(rows, demoapp.Row{N: n, Text: "light"})
				fates[n] = acknowledged
			}
			got := audit(sent, fates, c.plant(rows, fates))
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if got.ok(lines) != (c.want == tally{Rows: lines, Found: lines}) {
				t.Errorf("ok = %v", got.ok(lines))
			}
		})
	}
}
