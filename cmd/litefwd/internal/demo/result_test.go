package demo

import (
	"strings"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		plant func(r *result)
		says  string // "" if all is well
	}{
		{"good", func(*result) {}, ""},
		{"lost", func(r *result) { r.Nodes[1].Lost, r.Nodes[1].Found = 1, 999 }, "lost lines: 1"},
		{"duplicated", func(r *result) { r.Nodes[0].Duplicated = 2 }, "extra copies of lines: 2"},
		{"altered", func(r *result) { r.Nodes[0].Altered = 1 }, "another text"},
		{"foreign", func(r *result) { r.Nodes[0].Foreign = 1 }, "never sent: 1"},
		{"miscounted", func(r *result) { r.Nodes[0].Rows = 1001 }, "1001 rows"},
		{"check", func(r *result) { r.Nodes[0].Check = []string{"malformed"} }, "malformed"},
		{"search", func(r *result) { r.Search.Answers[1].Lines = nil }, "different lines"},
		{"unresolved", func(r *result) { r.Unknown.Total++ }, "not resolved"},
		{"too few answers", func(r *result) { r.Acknowledged-- }, "999 writes are acknowledged"},
		{"gone, and counted", func(r *result) {
			r.Gone = &gone{ByVictim: 9, Unreplicated: 1, Outvoted: 1}
			for i := range r.Nodes {
				r.Nodes[i].Rows, r.Nodes[i].Found = 998, 998
			}
		}, ""},
		{"gone, and there all the same", func(r *result) { r.Gone = &gone{ByVictim: 9, Unreplicated: 1} }, "1000 rows, 1000 lines found, of 999"},
		{"lost in the handoff", func(r *result) { r.Handoff = &handoff{To: "node-2", Lost: 2} }, "2 acknowledged lines were lost when node-2"},
		{"nobody asked", func(r *result) { r.Nodes = nil }, "no node"},
	} {
		r := sampleResult()
		c.plant(&r)
		r.judge()
		said := strings.Join(r.Problems, "\n")
		if r.OK != (c.says == "") || !strings.Contains(said, c.says) {
			t.Errorf("%s: ok %v, says %q", c.name, r.OK, said)
		}
	}
}

func TestJudgeTakesTheWorst(t *testing.T) {
	t.Parallel()
	r := sampleResult()
	r.Nodes[0].tally = tally{Rows: 1001, Found: 1000, Duplicated: 1}
	r.Nodes[1].tally = tally{Rows: 998, Found: 998, Lost: 2}
	r.judge()
	if r.Found != 998 || r.Lost != 2 || r.Duplicated != 1 {
		t.Errorf("found %d, lost %d, duplicated %d", r.Found, r.Lost, r.Duplicated)
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	start := time.Now()
	var m meter
	if got := m.rate(start, 0); got != 0 {
		t.Errorf("at first: %v", got)
	}
	for ms := 100; ms <= 3000; ms += 100 { // 1,000/s, then nothing
		m.rate(start.Add(time.Duration(ms)*time.Millisecond), min(ms, 2000))
	}
	if got := m.rate(start.Add(3*time.Second), 2000); got != 0 {
		t.Errorf("after a second without growth: %v", got)
	}
	m = meter{}
	m.rate(start, 0)
	if got := m.rate(start.Add(500*time.Millisecond), 400); got != 800 {
		t.Errorf("after half a second: %v", got)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -5: "-5"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q", n, got)
		}
	}
}
