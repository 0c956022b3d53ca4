package demo

import (
	"fmt"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/term"
)

// text renders the result, without the search, for people.
func (r result) text(st term.Style) []string {
	lines := []string{"", "  " + st.Dim(term.Left("node", 10)+term.Left("role", 10)+
		term.Right("acknowledged", 13)+term.Right("found", 9)+term.Right("lost", 7)+
		term.Right("duplicated", 12)+"   check")}
	for _, n := range r.Nodes {
		check := st.Green("ok")
		if len(n.Check) > 0 {
			check = st.Red("failed")
		}
		lines = append(lines, "  "+term.Left(n.Name, 10)+term.Left(n.Role, 10)+
			term.Right(count(n.Acknowledged), 13)+term.Right(count(n.Found), 9)+
			term.Right(zeroIsGood(st, n.Lost), 7)+term.Right(zeroIsGood(st, n.Duplicated), 12)+"   "+check)
	}
	lines = append(lines,
		"  "+st.Bold(term.Left("all", 20)+term.Right(count(r.Acknowledged), 13)+term.Right(count(r.Found), 9))+
			term.Right(zeroIsGood(st, r.Lost), 7)+term.Right(zeroIsGood(st, r.Duplicated), 12),
		"",
		fmt.Sprintf("  %s lines in one transaction, then %s in %.1f s, %s/s",
			count(r.Imported), writes(r.Lines-r.Imported), r.Seconds, count(int(r.PerSecond))))
	lines = append(lines, r.doubtsText()...)
	lines = append(lines, r.handoffText()...)
	lines = append(lines, r.takeoverText()...)
	lines = append(lines, r.goneText()...)
	for _, p := range r.Problems {
		lines = append(lines, "  "+st.Red("wrong: ")+p)
	}
	if r.OK {
		lines = append(lines, "  "+st.Green(r.verdict()))
	}
	if r.Dir != "" {
		lines = append(lines, "  kept: "+r.Dir)
	}
	return lines
}

func (r result) doubtsText() []string {
	var lines []string
	if r.Refused > 0 {
		lines = append(lines, fmt.Sprintf("  %s refused, certainly not applied, sent again", writes(r.Refused)))
	}
	if u := r.Unknown; u.Total > 0 {
		lines = append(lines, fmt.Sprintf("  %s had an unknown outcome: %d found, %d not there and sent again",
			writes(u.Total), u.Found, u.Resent))
	}
	return lines
}

func (r result) handoffText() []string {
	if r.Handoff == nil {
		return nil
	}
	h := r.Handoff
	return []string{
		fmt.Sprintf("  handoff:  %s took over from %s in %.0f ms, pause of all writers %.0f ms,", h.To, h.From, h.Took, h.LongestGap),
		fmt.Sprintf("            lost %d of %s acknowledged before", h.Lost, writes(h.Checked)),
	}
}

// goneText tells what an election may lose, and what this one did.
func (r result) goneText() []string {
	if r.Gone == nil {
		return nil
	}
	g, t := r.Gone, r.Takeover
	return []string{
		fmt.Sprintf("            (of it the dead server's lease: here %.0f s, by LiteFS's default 10 s)", leaseTTL.Seconds()),
		fmt.Sprintf("  gone with %s: %d of %s that it had acknowledged itself (not", t.Killed, g.Unreplicated, writes(g.ByVictim)),
		fmt.Sprintf("            replicated yet: LiteFS does it after the commit), and %s", writes(g.Outvoted)),
		fmt.Sprintf("            that a survivor had, but not %s, which got the lease", t.Primary),
	}
}

func (r result) verdict() string {
	where := "on every node"
	if r.Gone != nil {
		where = "on every server's copy"
	}
	switch away := r.Lines - r.expected(); away {
	case 0:
		return "Every line is there once, " + where + "."
	case 1:
		return "Every line is there once, " + where + ", but the one that is gone."
	default:
		return fmt.Sprintf("Every line is there once, %s, but the %d that are gone.", where, away)
	}
}

func (r result) takeoverText() []string {
	if r.Takeover == nil {
		return nil
	}
	t := r.Takeover
	return []string{
		fmt.Sprintf("  takeover: %s primary %.1f ms after the kill of %s,", t.Primary, t.Announced, t.Killed),
		fmt.Sprintf("            first write through %s after %.1f ms,", t.FirstVia, t.FirstWrite),
		fmt.Sprintf("            longest pause of all writers in the second after it %.1f ms", t.LongestGap),
	}
}

func zeroIsGood(st term.Style, n int) string {
	if n == 0 {
		return st.Green("0")
	}
	return st.Bold(st.Red(count(n)))
}

func writes(n int) string {
	if n == 1 {
		return "1 write"
	}
	return count(n) + " writes"
}
