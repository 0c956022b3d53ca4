package litefs

import (
	"bytes"
	"strings"
	"testing"

	"github.com/litefwd/litefwd/engine"
)

// FuzzInput feeds the same bytes to everything that reads LiteFS's output.
func FuzzInput(f *testing.F) {
	f.Add([]byte(roleLine("init", primary) + "\n"))
	f.Add([]byte(roleLine("primaryChange", replica) + "\n"))
	f.Add([]byte(txLine(at(0xab, 1<<63), 3) + "\n"))
	f.Add([]byte(`{"type":"tx","db":"x","data":{"txID":"+00000000000000a"}}` + "\n"))
	f.Add([]byte(at(5, 6).String() + "\n"))
	f.Add([]byte("+2147483647\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newEventReader(bytes.NewReader(data))
		for {
			e, err := r.next()
			if err != nil {
				break
			}
			if e.role.isPrimary && e.role.host != "" {
				t.Errorf("a primary that follows %q", e.role.host)
			}
		}
		if p, err := parsePosition(data); err == nil && !strings.EqualFold(p.String()+"\n", string(data)) {
			t.Errorf("parsePosition(%q) = %v", data, p)
		}
		if lag, err := parseLag(string(data)); err == nil && (lag > 1<<62 || lag < -1<<62) {
			t.Errorf("parseLag(%q) = %v", data, lag)
		}
	})
}

func TestParsePosition(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want engine.Position
		ok   bool
	}{
		{"0000000000000000/0000000000000000\n", engine.Position{}, true},
		{"000000000000000A/c000000000000001\n", at(10, 0xc000000000000001), true},
		{"", engine.Position{}, false},
		{"000000000000000a/c000000000000001", engine.Position{}, false},
		{"000000000000000a-c000000000000001\n", engine.Position{}, false},
		{"00000000000000xa/c000000000000001\n", engine.Position{}, false},
		{"+00000000000000a/c000000000000001\n", engine.Position{}, false},
		{"000000000000000a/-000000000000001\n", engine.Position{}, false},
		{"000000000000000a/c000000000000001\n0", engine.Position{}, false},
	} {
		got, err := parsePosition([]byte(tt.in))
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("parsePosition(%q) = %v, %v", tt.in, got, err)
		}
	}
}

func TestEventLinesAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.NewReader(`{"type":"x","data":"` + strings.Repeat("x", maxLine) + `"}` + "\n")
	if _, err := newEventReader(long).next(); err != errLineTooLong { //nolint:errorlint // that one
		t.Errorf("a long line: %v", err)
	}
	just := strings.NewReader(`{"type":"x","data":"` + strings.Repeat("x", maxLine-40) + `"}` + "\n")
	if _, err := newEventReader(just).next(); err != nil {
		t.Errorf("a line within the bound: %v", err)
	}
}
