package demo

import (
	"context"
	"fmt"
	"slices"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/term"
)

// searchResult is what the nodes answered to one search.
type searchResult struct {
	Words   string         `json:"words"`
	Answers []searchAnswer `json:"answers"`
}

// searchAnswer is one node's answer.
type searchAnswer struct {
	Node   string         `json:"node"`
	Hits   int            `json:"hits"`
	Micros int64          `json:"micros"`
	Lines  []int          `json:"-"`
	First  []demoapp.Line `json:"first"`
}

// searchAll asks every node.
func searchAll(ctx context.Context, words string, members []*member) (searchResult, error) {
	r := searchResult{Words: words}
	for _, m := range members {
		hits, err := m.client.search(ctx, words)
		if err != nil {
			return r, fmt.Errorf("search on %s: %w", m.name, err)
		}
		r.Answers = append(r.Answers, searchAnswer{
			Node: m.name, Hits: len(hits.Lines), Micros: hits.Micros, Lines: hits.Lines, First: hits.First,
		})
	}
	return r, nil
}

// same reports whether all nodes found the same lines.
func (r searchResult) same() bool {
	for _, a := range r.Answers {
		if !slices.Equal(a.Lines, r.Answers[0].Lines) {
			return false
		}
	}
	return true
}

// text renders the answers of all nodes, and the first lines found.
func (r searchResult) text(st term.Style) []string {
	lines := []string{"", "  " + st.Bold(fmt.Sprintf("search %q", r.Words))}
	for _, a := range r.Answers {
		lines = append(lines, "  "+term.Left(a.Node, 10)+term.Right(count(a.Hits), 6)+
			" lines in "+fmt.Sprintf("%.2f ms", float64(a.Micros)/1000))
	}
	if !r.same() {
		return append(lines, "  "+st.Red("the nodes found different lines"))
	}
	if len(r.Answers) == 0 {
		return lines
	}
	for _, line := range r.Answers[0].First {
		lines = append(lines, st.Dim(term.Right(count(line.N), 6))+"  "+line.Text)
	}
	if more := r.Answers[0].Hits - len(r.Answers[0].First); more > 0 {
		lines = append(lines, st.Dim(fmt.Sprintf("%8sand %s more", "", count(more))))
	}
	return lines
}
