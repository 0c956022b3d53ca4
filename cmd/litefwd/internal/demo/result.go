package demo

import (
	"fmt"
	"time"
)

// result is what the demo found out; it is what -json prints.
type result struct {
	OK bool `json:"ok"`
	// Problems says in words what is wrong; empty if OK.
	Problems []string `json:"problems"`

	Text string `json:"text"`
	// Lines is how many lines there must be: Imported of them written in one
	// transaction, each of the rest by a write of its own.
	Lines    int `json:"lines"`
	Imported int `json:"imported"`
	// Seconds is how long the single writes took, PerSecond their rate, the
	// pause of the takeover included.
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"writes_per_second"`

	// Acknowledged includes the writes with unknown outcome that were sent
	// again.
	Acknowledged int `json:"acknowledged"`
	// Found, Lost, Duplicated and Altered are the worst of all nodes'.
	Found      int    `json:"found"`
	Lost       int    `json:"lost"`
	Duplicated int    `json:"duplicated"`
	Altered    int    `json:"altered"`
	Unknown    doubts `json:"unknown"`
	// Refused writes were certainly not applied and were sent again.
	Refused int `json:"refused"`
	// Gone lines were acknowledged and went down with the killed server; nil
	// with engine shared, where none may.
	Gone *gone `json:"gone,omitempty"`

	Handoff  *handoff     `json:"handoff,omitempty"`
	Takeover *takeover    `json:"takeover,omitempty"`
	Nodes    []nodeResult `json:"nodes"`
	Search   searchResult `json:"search"`
	// Dir is set when it is kept.
	Dir string `json:"dir,omitempty"`
}

// doubts counts the writes whose outcome was unknown.
type doubts struct {
	Total  int `json:"total"`
	Found  int `json:"found"`
	Resent int `json:"resent"`
}

// gone counts the lines that replication that waits for nobody may lose.
type gone struct {
	// ByVictim is how many lines the killed server itself had acknowledged,
	// Unreplicated how many of them no survivor's copy had.
	ByVictim     int `json:"acknowledged_by_killed"`
	Unreplicated int `json:"unreplicated"`
	// Outvoted lines were on a survivor's copy, but not on the next primary's.
	Outvoted int `json:"outvoted"`
}

// handoff is what was measured around the orderly move of the role.
type handoff struct {
	From       string  `json:"from"`
	To         string  `json:"to"`
	Took       float64 `json:"took_ms"`
	LongestGap float64 `json:"longest_gap_ms"`
	// Checked acknowledged lines were looked for on the new primary.
	Checked int `json:"checked"`
	Lost    int `json:"lost"`
}

// takeover is what was measured around the kill, in milliseconds.
type takeover struct {
	Killed     string  `json:"killed"`
	Primary    string  `json:"new_primary"`
	Announced  float64 `json:"announced_ms"`
	FirstWrite float64 `json:"first_write_ms"`
	FirstVia   string  `json:"first_write_through"`
	LongestGap float64 `json:"longest_gap_ms"`
}

// nodeResult is what one node answered at the end.
type nodeResult struct {
	Name         string `json:"name"`
	PID          int    `json:"pid"`
	Role         string `json:"role"`
	Acknowledged int    `json:"acknowledged"`
	tally
	// Check is what integrity_check and the search index's own check found.
	Check []string `json:"check"`
}

// tallyFates fills in what the ledger knows.
func (r *result) tallyFates(l *ledger) {
	fates, through, refused := l.counts()
	r.Refused = refused
	for _, f := range fates {
		switch f {
		case unknown:
			r.Unknown.Total++
		case unknownFound:
			r.Unknown.Total++
			r.Unknown.Found++
		case unknownResent:
			r.Unknown.Total++
			r.Unknown.Resent++
		}
	}
	for _, n := range through {
		r.Acknowledged += n
	}
	r.tallyMoves(l)
}

// tallyMoves fills in what the ledger knows of the primary role.
func (r *result) tallyMoves(l *ledger) {
	if h := l.handedOff(); !h.asked.IsZero() {
		r.Handoff = &handoff{
			From: h.from, To: h.to, Checked: h.checked, Lost: h.lost,
			Took: inMillis(h.ended.Sub(h.asked)), LongestGap: inMillis(h.pause.longest),
		}
	}
	if t := l.times(); !t.killed.IsZero() {
		r.Takeover = &takeover{
			Killed: t.victim, Primary: t.announcer, FirstVia: t.firstVia,
			Announced:  inMillis(t.announced.Sub(t.killed)),
			FirstWrite: inMillis(t.firstAck.Sub(t.killed)),
			LongestGap: inMillis(t.pause.longest),
		}
		if t.copies != nil {
			r.Gone = &gone{ByVictim: l.byVictim(), Unreplicated: l.count(unreplicated), Outvoted: l.count(outvoted)}
		}
	}
}

// expected is how many lines there must be on each node.
func (r *result) expected() int {
	if r.Gone == nil {
		return r.Lines
	}
	return r.Lines - r.Gone.Unreplicated - r.Gone.Outvoted
}

func inMillis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// judge sets the worst numbers of all nodes, Problems and OK.
func (r *result) judge() {
	if len(r.Nodes) == 0 {
		r.problem("no node answered")
	}
	for i, n := range r.Nodes {
		if i == 0 {
			r.Found = n.Found
		}
		r.Found = min(r.Found, n.Found)
		r.Lost = max(r.Lost, n.Lost)
		r.Duplicated = max(r.Duplicated, n.Duplicated)
		r.Altered = max(r.Altered, n.Altered)
		r.judgeNode(n)
	}
	if left := r.Unknown.Total - r.Unknown.Found - r.Unknown.Resent; left > 0 {
		r.problem("%d writes have an unknown outcome that was not resolved", left)
	}
	if sum := r.Acknowledged + r.Unknown.Found; sum != r.Lines {
		r.problem("%d writes are acknowledged or were found, of %d lines", sum, r.Lines)
	}
	if h := r.Handoff; h != nil && h.Lost > 0 {
		r.problem("%d acknowledged lines were lost when %s took the role over", h.Lost, h.To)
	}
	if !r.Search.same() {
		r.problem("the nodes find different lines for %q", r.Search.Words)
	}
	r.OK = len(r.Problems) == 0
}

func (r *result) judgeNode(n nodeResult) {
	for _, wrong := range []struct {
		count int
		what  string
	}{
		{n.Lost, "lost lines"},
		{n.Duplicated, "extra copies of lines"},
		{n.Altered, "lines with another text than was sent"},
		{n.Foreign, "rows that were never sent"},
	} {
		if wrong.count > 0 {
			r.problem("%s: %s: %d", n.Name, wrong.what, wrong.count)
		}
	}
	// With all of the above zero this is a fault in the counting.
	if !n.ok(r.expected()) && n.Lost+n.Duplicated+n.Altered+n.Foreign == 0 {
		r.problem("%s: %d rows, %d lines found, of %d", n.Name, n.Rows, n.Found, r.expected())
	}
	for _, finding := range n.Check {
		r.problem("%s: the database's check says: %s", n.Name, finding)
	}
}

func (r *result) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
