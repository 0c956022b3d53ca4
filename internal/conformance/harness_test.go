package conformance

import (
	"strings"
	"testing"
)

// The suite is as large as it is meant to be, and every case can fail.
func TestCases(t *testing.T) {
	cases := Cases()
	areas := map[string]int{}
	for i := range cases {
		c := &cases[i]
		areas[c.Area]++
		if len(c.Steps) == 0 {
			t.Errorf("%s has no steps", c.ID())
		}
		if strings.Contains(c.Name, "/") {
			t.Errorf("%s: a name with a slash is not one test's", c.ID())
		}
		seen := map[string]bool{}
		for _, d := range c.Differs {
			key := d.Way + " " + d.Driver
			if seen[key] || d.Driver != "" && seen[d.Way+" "] {
				t.Errorf("%s has two differences for %s: only the first counts", c.ID(), key)
			}
			seen[key] = true
		}
	}
	if len(cases) < 260 {
		t.Errorf("%d cases, want 260 or more", len(cases))
	}
	t.Logf("%d cases: %v", len(cases), areas)
}

func TestTranscript(t *testing.T) {
	make := func(change func(*Transcript)) *Transcript {
		tr := &Transcript{
			Steps: []Record{{"exec a", []string{"ok", "row: 1"}}, {"query b", []string{"row: 2"}}},
			Dump:  []string{"t: 1"},
		}
		change(tr)
		return tr
	}
	want := make(func(*Transcript) {})
	for _, test := range []struct {
		name   string
		change func(*Transcript)
		equal  bool
		diff   string
		// inside is whether a mark for the second step covers it.
		inside bool
	}{
		{"same", func(*Transcript) {}, true, "", true},
		{"row", func(tr *Transcript) { tr.Steps[1].Lines[0] = "row: 3" }, false, "-     row: 2\n+     row: 3\n", true},
		{"other step", func(tr *Transcript) { tr.Steps[0].Lines[1] = "row: 3" }, false, "+     row: 3\n", false},
		{"dump", func(tr *Transcript) { tr.Dump = nil }, false, "-     t: 1\n", false},
		{"one commit", func(tr *Transcript) { tr.Commit = "ok" }, true, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := make(test.change)
			if want.Equal(got) != test.equal {
				t.Errorf("Equal = %t", !test.equal)
			}
			if diff := Diff(want, got); !strings.Contains(diff, test.diff) || (diff == "") != test.equal {
				t.Errorf("Diff = %q, want it to have %q", diff, test.diff)
			}
			if err := onlyAt([]int{2})(want, got); (err == nil) != test.inside {
				t.Errorf("onlyAt(2) = %v", err)
			}
		})
	}
}
