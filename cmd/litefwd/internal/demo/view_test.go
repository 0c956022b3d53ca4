package demo

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/term"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares text with a file in testdata.
func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	got, path := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it again); got:\n%s", path, got)
	}
}

var sampleView = view{
	Elapsed: 3412 * time.Millisecond, Done: 5479, Total: 8463, Rate: 1609.4,
	Nodes: []nodeView{
		{Name: "node-1", PID: 22394, Role: "killed", Written: 919, Rows: 3300},
		{Name: "node-2", PID: 22404, Role: "replica", Written: 1934, Rate: 485.2, Rows: 5256},
		{Name: "node-3", PID: 1422402, Role: "primary", Written: 2622, Rate: 1123, Rows: 5257},
		{Name: "node-4", PID: 5, Role: "starting", Rows: -1},
	},
	Story: []string{"  2.2 s  killed node-1 (primary, pid 22394) with SIGKILL"},
}

func TestViewBlock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		style term.Style
		width int
	}{
		{"view-80-plain", term.Style{}, 80},
		{"view-120-colour", term.Style{Colour: true, Unicode: true}, 120},
		{"view-50-plain", term.Style{}, 50},
	} {
		block := sampleView.block(c.style, c.width)
		golden(t, c.name, block)
		for _, line := range block[:1] {
			if w := term.Width(line); w > max(c.width, 60) {
				t.Errorf("%s: the bar's line has %d columns", c.name, w)
			}
		}
	}
	for _, line := range sampleView.block(term.Style{}, 80) {
		if w := term.Width(line); w > 80 {
			t.Errorf("%d columns: %q", w, line)
		}
	}
}

func TestViewBlockOfCopies(t *testing.T) {
	t.Parallel()
	v := sampleView
	v.Copies = true
	v.Nodes = slices.Clone(v.Nodes)
	v.Nodes[1].TXID, v.Nodes[2].TXID = 5261, 5263
	block := v.block(term.Style{}, 80)
	golden(t, "view-80-copies", block)
	for _, line := range block {
		if w := term.Width(line); w > 80 {
			t.Errorf("%d columns: %q", w, line)
		}
	}
}

func TestViewLine(t *testing.T) {
	t.Parallel()
	golden(t, "view-line", []string{sampleView.line()})
}

func TestReport(t *testing.T) {
	t.Parallel()
	good := sampleResult()
	good.judge()
	golden(t, "report-good", append(good.text(term.Style{}), good.Search.text(term.Style{})...))

	moved := sampleResult()
	moved.Handoff = &handoff{From: "node-3", To: "node-1", Took: 87.3, LongestGap: 53.4, Checked: 283}
	moved.Gone = &gone{ByVictim: 843, Unreplicated: 3, Outvoted: 1}
	for i := range moved.Nodes {
		moved.Nodes[i].Rows, moved.Nodes[i].Found = 996, 996
	}
	moved.judge()
	golden(t, "report-litefs", moved.text(term.Style{}))

	bad := sampleResult()
	bad.Nodes[1].Rows, bad.Nodes[1].Found, bad.Nodes[1].Lost, bad.Nodes[1].Duplicated = 999, 998, 2, 1
	bad.Nodes[0].Check = []string{"row 7 missing from index i"}
	bad.Search.Answers[1].Lines = []int{8}
	bad.judge()
	golden(t, "report-bad", append(bad.text(term.Style{}), bad.Search.text(term.Style{})...))
}

func sampleResult() result {
	clean := tally{Rows: 1000, Found: 1000}
	first := []demoapp.Line{{N: 8, Text: "LIGHT."}, {N: 16, Text: "_Part of the ensuing Discourse_"}}
	return result{
		Lines: 1000, Imported: 100, Seconds: 5.5, PerSecond: 163.6, Acknowledged: 999, Refused: 1,
		Unknown: doubts{Total: 4, Found: 1, Resent: 3},
		Takeover: &takeover{
			Killed: "node-1", Primary: "node-2", Announced: 2.5, FirstWrite: 3.6, FirstVia: "node-3", LongestGap: 13.1,
		},
		Nodes: []nodeResult{
			{Name: "node-1", Role: "replica", Acknowledged: 400, tally: clean},
			{Name: "node-2", Role: "primary", Acknowledged: 599, tally: clean},
		},
		Search: searchResult{Words: "light", Answers: []searchAnswer{
			{Node: "node-1", Hits: 3, Micros: 1904, Lines: []int{8, 16, 73}, First: first},
			{Node: "node-2", Hits: 3, Micros: 94, Lines: []int{8, 16, 73}, First: first},
		}},
	}
}
