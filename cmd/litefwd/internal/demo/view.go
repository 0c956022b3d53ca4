package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/term"
)

// view is what the progress display shows at one moment.
type view struct {
	Elapsed     time.Duration
	Done, Total int
	Rate        float64
	Copies      bool // each node has one of its own
	Nodes       []nodeView
	Story       []string
}

// nodeView is one node's line of a view.
type nodeView struct {
	Name    string
	PID     int
	Role    string // or "starting", "killed"
	Written int
	Rate    float64
	Rows    int    // as this node sees them; negative if it was not asked yet
	TXID    uint64 // that its copy has reached, if it has one
}

// barWidth is the width of the progress bar on a terminal of 80 columns.
const barWidth = 40

// block renders v for a terminal of the given width.
func (v view) block(st term.Style, width int) []string {
	bar := max(10, barWidth+width-80)
	if width > 100 {
		bar = barWidth + 20
	}
	seen := term.Right("rows it sees", 15)
	if v.Copies {
		seen = term.Right("rows", 8) + term.Right("txid", 8)
	}
	lines := []string{
		fmt.Sprintf("  %s %3d %%  %s lines  %s/s  %.1f s", st.Bar(v.Done, v.Total, bar),
			percent(v.Done, v.Total), count(v.Done), count(int(v.Rate)), v.Elapsed.Seconds()),
		"",
		"  " + st.Dim(term.Left("node", 10)+term.Left("role", 10)+term.Right("pid", 8)+
			term.Right("written through it", 21)+term.Right("rate", 10)+seen),
	}
	for _, n := range v.Nodes {
		lines = append(lines, "  "+n.line(st, v.Copies))
	}
	lines = append(lines, "")
	for _, told := range v.Story {
		lines = append(lines, "  "+told)
	}
	return lines
}

func (n nodeView) line(st term.Style, isCopy bool) string {
	role := n.Role
	switch role {
	case "primary":
		role = st.Bold(st.Green(role))
	case "killed":
		role = st.Bold(st.Red(role))
	case "starting", "unknown":
		role = st.Yellow(role)
	}
	rate, rows, txid := count(int(n.Rate))+"/s", count(n.Rows), count(int(n.TXID))
	if n.Rows < 0 || n.Role == "killed" {
		rows, txid = "-", "-"
	}
	seen := term.Right(rows, 15)
	if isCopy {
		seen = term.Right(rows, 8) + term.Right(txid, 8)
	}
	if n.Role == "killed" {
		rate = "-"
	}
	return term.Left(n.Name, 10) + term.Left(role, 10) + term.Right(strconv.Itoa(n.PID), 8) +
		term.Right(count(n.Written), 21) + term.Right(rate, 10) + seen
}

// line renders v for an output that is no terminal.
func (v view) line() string {
	parts := []string{fmt.Sprintf("%5.1f s  %d of %d lines, %d/s", v.Elapsed.Seconds(), v.Done, v.Total, int(v.Rate))}
	for _, n := range v.Nodes {
		parts = append(parts, fmt.Sprintf("%s %s %d", n.Name, n.Role, n.Written))
	}
	return strings.Join(parts, "; ")
}

func percent(part, whole int) int {
	if whole == 0 {
		return 0
	}
	return part * 100 / whole
}

// count formats a number with commas.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
