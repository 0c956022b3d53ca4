package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/opticks"
	"github.com/litefwd/litefwd/cmd/litefwd/internal/term"
)

// introduce says what is about to happen.
func (d *demo) introduce() {
	what, where := "three processes, one database, writes to any of them", "three processes"
	if d.options.Engine == engineLiteFS {
		what, where = "three LiteFS servers, a copy on each, writes to any of them", "three LiteFS servers"
	}
	if term.Is(d.progress) {
		st := term.StyleFor(d.progress)
		fmt.Fprintf(d.progress, "\n  %s\n\n", st.Bold("litefwd demo: "+what))
		fmt.Fprintf(d.progress, "  %s by %s, %s lines, each a write of its own\n\n", opticks.Title, opticks.Author, count(len(d.lines)))
		return
	}
	d.print(fmt.Sprintf("litefwd demo: %s by %s, %d lines, written to %s in %s",
		opticks.Title, opticks.Author, len(d.lines), where, d.cluster.command.dir))
	d.story.each = d.print
}

// show prints the result, and on a terminal asks what else to search for.
func (d *demo) show(ctx context.Context, r result, stdin io.Reader, stdout io.Writer) error {
	if d.options.JSON {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	st := term.StyleFor(stdout)
	printLines(stdout, r.text(st))
	printLines(stdout, cut(stdout, r.Search.text(st)))
	if term.Is(stdin) && term.Is(stdout) && !d.options.Asked {
		return d.ask(ctx, stdin, stdout, st)
	}
	return nil
}

// ask searches for what is typed, until an empty line.
func (d *demo) ask(ctx context.Context, stdin io.Reader, stdout io.Writer, st term.Style) error {
	typed := make(chan string) // closed at the end of stdin
	go func() {
		// Ends with stdin, or with the process: a read cannot be cancelled.
		defer close(typed)
		for lines := bufio.NewScanner(stdin); lines.Scan(); {
			select {
			case typed <- strings.TrimSpace(lines.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		fmt.Fprintf(stdout, "\n  Search all nodes for (Enter to end): ")
		select {
		case words, ok := <-typed:
			if !ok || words == "" {
				return nil
			}
			answers, err := searchAll(ctx, words, d.cluster.live())
			if err != nil {
				return err
			}
			printLines(stdout, cut(stdout, answers.text(st)))
		case <-ctx.Done():
			fmt.Fprintln(stdout)
			return nil // an interrupt here ends the questions; the demo is done
		}
	}
}

func printLines(out io.Writer, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
}

// cut shortens lines to the width of a terminal.
func cut(out io.Writer, lines []string) []string {
	if !term.Is(out) {
		return lines
	}
	columns, _ := term.Size(out)
	for i := range lines {
		lines[i] = term.Fit(lines[i], columns)
	}
	return lines
}
