package demoapp

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestSaysQuit(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"": false, "quit\n": true, "x\nquit\n": true, "qui": false} {
		if got := saysQuit(strings.NewReader(in)); got != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestMainNeedsItsFlags(t *testing.T) {
	for _, args := range [][]string{nil, {"-dir", "x"}, {"-dir", "x", "-name", "y"}, {"-dir", "x", "-name", "y", "-dsn", "d", "z"},
		{"-dir", "x", "-name", "y", "-dsn", "d?wrong=1"}, {"-unknown"}} {
		var stderr bytes.Buffer
		if code := Main(args, nil, strings.NewReader(""), io.Discard, &stderr); code != 2 || stderr.Len() == 0 {
			t.Errorf("%q: code %d, %q", args, code, &stderr)
		}
	}
}
