// Command table reads what "go test -json" prints and shows a person what was
// run: a line for each test as it ends, the output of those that fail, and at
// the end a table of all, with the figures that they logged (lines that begin
// with FIGURE). It exits with 1 if a test failed, or if none ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// event is one line of test2json (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

// test is one top-level test.
type test struct {
	name                    string
	passed, failed, skipped int // of its subtests that have none themselves, or of itself
	elapsed                 float64
	subtests                map[string]string // how each ended
	output                  []string
	figures                 []string
	said                    map[string][]string // by subtest, in the test's own words
}

func main() {
	ok, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) (ok bool, err error) {
	tests := map[string]*test{}
	var order []*test
	broken, skipped := false, false
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(out, lines.Text()) // a compiler's, for instance
			continue
		}
		if e.Test == "" {
			skipped = skipped || strings.Contains(e.Output, "SKIPPED, ALL OF IT")
			if e.Action == "output" && !strings.HasPrefix(e.Output, "PASS") {
				fmt.Fprint(out, e.Output)
			}
			broken = broken || e.Action == "fail" || e.Action == "build-fail"
			continue
		}
		name, sub, _ := strings.Cut(e.Test, "/")
		t := tests[e.Package+name]
		if t == nil {
			t = &test{name: name, subtests: map[string]string{}, said: map[string][]string{}}
			tests[e.Package+name] = t
			order = append(order, t)
		}
		t.take(e, sub, out)
	}
	if err := lines.Err(); err != nil {
		return false, err
	}
	if skipped && len(order) == 0 && !broken {
		return os.Getenv("CI") == "", nil
	}
	return !broken && len(order) > 0, show(order, out)
}

// take notes one event of the test or of its subtest sub.
func (t *test) take(e event, sub string, out io.Writer) {
	switch e.Action {
	case "output":
		if _, figure, ok := strings.Cut(e.Output, "FIGURE "); ok {
			t.figures = append(t.figures, strings.TrimSpace(figure))
		} else if strings.Contains(e.Output, "_test.go:") {
			t.said[sub] = append(t.said[sub], strings.TrimSpace(e.Output))
		}
		t.output = append(t.output, e.Output)
	case "pass", "fail", "skip":
		if sub != "" {
			t.subtests[sub] = e.Action
			return
		}
		t.elapsed = e.Elapsed
		t.count(e.Action)
		fmt.Fprintf(out, "%-40s %s  %.1f s\n", t.name, e.Action, e.Elapsed)
		if e.Action == "fail" {
			fmt.Fprintln(out, strings.Join(t.output, ""))
		}
		t.output = nil
	}
}

// count counts the subtests at the leaves, or the test itself.
func (t *test) count(itself string) {
	if len(t.subtests) == 0 {
		t.subtests[""] = itself
	}
	parents := map[string]bool{}
	for name := range t.subtests {
		for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
			parents[name[:i]] = true
		}
	}
	for name, how := range t.subtests {
		switch {
		case parents[name]:
		case how == "pass":
			t.passed++
		case how == "fail":
			t.failed++
		default:
			t.skipped++
		}
	}
}

func show(tests []*test, out io.Writer) error {
	slices.SortFunc(tests, func(a, b *test) int { return strings.Compare(a.name, b.name) })
	fmt.Fprintf(out, "\n%-40s %7s %7s %8s %8s\n", "test on real LiteFS", "passed", "failed", "skipped", "time")
	var all test
	for _, t := range tests {
		fmt.Fprintf(out, "%-40s %7d %7d %8d %7.1fs\n", t.name, t.passed, t.failed, t.skipped, t.elapsed)
		all.passed, all.failed, all.skipped = all.passed+t.passed, all.failed+t.failed, all.skipped+t.skipped
		all.elapsed += t.elapsed
		all.figures = append(all.figures, t.figures...)
	}
	fmt.Fprintf(out, "%-40s %7d %7d %8d %7.1fs\n\n", "all", all.passed, all.failed, all.skipped, all.elapsed)
	for _, f := range all.figures {
		fmt.Fprintln(out, "-", f)
	}
	_, err := fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", all.passed, all.failed, all.skipped)
	for _, t := range tests {
		t.showFailures(out)
	}
	return err
}

// showFailures says again, where it is found, what those that failed have said; logs
// of other processes are above.
func (t *test) showFailures(out io.Writer) {
	for _, sub := range slices.Sorted(maps.Keys(t.subtests)) {
		if t.subtests[sub] != "fail" {
			continue
		}
		for _, line := range t.said[sub] {
			fmt.Fprintf(out, "- failed: %s: %s\n", path.Join(t.name, sub), line)
		}
	}
}
