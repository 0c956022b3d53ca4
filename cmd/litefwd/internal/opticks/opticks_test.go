package opticks

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLines(t *testing.T) {
	t.Parallel()
	lines, err := Lines()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(lines), 8463; got != want {
		t.Errorf("%d lines, want %d", got, want)
	}
	if lines[0] != "OPTICKS:" || lines[len(lines)-1] != "themselves." {
		t.Errorf("first line %q, last %q", lines[0], lines[len(lines)-1])
	}
	for i, line := range lines {
		if strings.TrimSpace(line) == "" || !utf8.ValidString(line) {
			t.Errorf("line %d is blank or not UTF-8: %q", i+1, line)
		}
		if strings.Contains(line, "Transcriber") || strings.Contains(line, "Produced by") {
			t.Errorf("line %d is not Newton's: %q", i+1, line)
		}
	}
}

func TestLinesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	mine, err := Lines()
	if err != nil {
		t.Fatal(err)
	}
	mine[0] = "changed"
	again, err := Lines()
	if err != nil || again[0] != "OPTICKS:" {
		t.Errorf("after a change of another caller's slice: %q, %v", again[0], err)
	}
}

func TestUnpackDamaged(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"empty": nil, "no gzip": []byte("OPTICKS"), "cut off": packed[:len(packed)/2],
	} {
		if _, err := unpack(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
