package term

import (
	"bytes"
	"strings"
	"testing"
)

var colour = Style{Colour: true, Unicode: true}

func TestWidthAndFit(t *testing.T) {
	t.Parallel()
	red := colour.Red("abc")
	for _, c := range []struct {
		name, in string
		width    int
		fit2     string
	}{
		{"plain", "abc", 3, "ab"},
		{"short", "a", 1, "a"},
		{"multi-byte", "äöü", 3, "äö"},
		{"colour does not count and ends", red, 3, "\x1b[31mab\x1b[0m"},
		{"not a colour sequence", "\x1b[", 2, "\x1b["},
	} {
		if got := Width(c.in); got != c.width {
			t.Errorf("%s: Width = %d, want %d", c.name, got, c.width)
		}
		if got := Fit(c.in, 2); got != c.fit2 {
			t.Errorf("%s: Fit = %q, want %q", c.name, got, c.fit2)
		}
	}
}

func TestPadding(t *testing.T) {
	t.Parallel()
	if got := Left(colour.Red("ab"), 4) + "|"; got != "\x1b[31mab\x1b[0m  |" {
		t.Errorf("Left = %q", got)
	}
	if got := Right("abc", 2); got != "abc" {
		t.Errorf("Right of a longer text = %q", got)
	}
}

func TestBar(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part, whole int
		want        string
	}{{0, 10, "----"}, {5, 10, "##--"}, {10, 10, "####"}, {12, 10, "####"}, {0, 0, "----"}} {
		if got := (Style{}).Bar(c.part, c.whole, 4); got != c.want {
			t.Errorf("Bar(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

func TestNoTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if Is(&out) || StyleFor(&out) != (Style{}) {
		t.Error("a buffer is taken for a terminal")
	}
	if w, h := Size(&out); w != 80 || h != 24 {
		t.Errorf("Size = %d, %d", w, h)
	}
}

func TestBlockDrawsInPlace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := NewBlock(&out)
	b.Draw([]string{"one", "two"})
	b.Draw([]string{"three"})
	b.Done()
	want := "\x1b[?25l\r\x1b[Jone\ntwo\n" + "\x1b[?25l\x1b[2A\r\x1b[Jthree\n" + "\x1b[?25h"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestBlockTallerThanTheTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := NewBlock(&out)
	b.Draw(strings.Split(strings.Repeat("x\n", 40)+"last", "\n"))
	if got := strings.Count(out.String(), "\n"); got != 23 { // a row stays for the cursor
		t.Errorf("%d lines drawn on 24 rows", got)
	}
	if !strings.Contains(out.String(), "last") {
		t.Error("the last line is left out")
	}
}
