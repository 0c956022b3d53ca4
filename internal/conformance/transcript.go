package conformance

import (
	"fmt"
	"strings"
)

// Record is what one step gave.
type Record struct {
	Step  string
	Lines []string
}

// Transcript is what a case gave on one way.
type Transcript struct {
	Steps []Record
	// Commit is how the transaction ended, "" outside one.
	Commit string
	// Dump is the database afterwards.
	Dump []string
}

// Text returns the whole transcript, one line a fact.
func (tr *Transcript) Text() string {
	return tr.text(true)
}

func (tr *Transcript) text(withCommit bool) string {
	var b strings.Builder
	for i, s := range tr.Steps {
		fmt.Fprintf(&b, "%d %s\n", i+1, s.Step)
		for _, l := range s.Lines {
			fmt.Fprintf(&b, "    %s\n", l)
		}
	}
	if withCommit && tr.Commit != "" {
		fmt.Fprintf(&b, "commit: %s\n", tr.Commit)
	}
	b.WriteString("database afterwards\n")
	for _, l := range tr.Dump {
		fmt.Fprintf(&b, "    %s\n", l)
	}
	return b.String()
}

// Equal reports whether two transcripts are the same. How the transaction
// ended only counts when both were transactions.
func (tr *Transcript) Equal(other *Transcript) bool {
	both := tr.Commit != "" && other.Commit != ""
	return tr.text(both) == other.text(both)
}

// Diff returns the lines in which got differs from want, with the step that
// they belong to and some lines around them; "" if they are equal.
func Diff(want, got *Transcript) string {
	both := want.Commit != "" && got.Commit != ""
	a := strings.Split(strings.TrimSuffix(want.text(both), "\n"), "\n")
	b := strings.Split(strings.TrimSuffix(got.text(both), "\n"), "\n")
	return diffLines(a, b)
}

// diffLines is the plain longest-common-subsequence diff: transcripts have at
// most a few hundred lines.
func diffLines(a, b []string) string {
	lcs := make([][]int, len(a)+1)
	for i := range lcs {
		lcs[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lcs[i][j] = lcs[i+1][j+1] + 1
			} else {
				lcs[i][j] = max(lcs[i+1][j], lcs[i][j+1])
			}
		}
	}
	var lines []string
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			lines = append(lines, "  "+a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && lcs[i+1][j] >= lcs[i][j+1]:
			lines = append(lines, "- "+a[i])
			i++
		default:
			lines = append(lines, "+ "+b[j])
			j++
		}
	}
	return contextOnly(lines)
}

// contextOnly keeps the changed lines, two lines on either side, and the
// heading of the step that each change is in.
func contextOnly(lines []string) string {
	const around = 2
	keep := make([]bool, len(lines))
	changed := false
	for i, l := range lines {
		if l[0] == ' ' {
			continue
		}
		changed = true
		for k := max(0, i-around); k <= min(len(lines)-1, i+around); k++ {
			keep[k] = true
		}
		for k := i; k >= 0; k-- {
			if !strings.HasPrefix(lines[k][2:], "    ") {
				keep[k] = true
				break
			}
		}
	}
	if !changed {
		return ""
	}
	var b strings.Builder
	gap := false
	for i, l := range lines {
		if !keep[i] {
			gap = true
			continue
		}
		if gap {
			b.WriteString("  …\n")
			gap = false
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}
