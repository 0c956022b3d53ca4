package demo

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"
)

func TestParseOptions(t *testing.T) {
	t.Parallel()
	defaults := Options{Engine: "shared", Search: "light", Writers: 4, Timeout: 2 * time.Minute}
	all := Options{
		Lines: 300, Engine: "shared", Search: "rain bow", Asked: true, Writers: 2, Keep: true, JSON: true,
		NoKill: true, NoRestart: true, Timeout: time.Second,
	}
	liteFS, short := defaults, defaults
	liteFS.Engine, liteFS.LiteFS, liteFS.Lines = "litefs", "/bin/litefs", liteFSLines
	short.Engine, short.Lines = "litefs", 300
	for _, c := range []struct {
		args string
		want Options
	}{
		{"", defaults},
		{"--engine|litefs|--litefs|/bin/litefs", liteFS},
		{"--engine|litefs|--lines|300", short},
		{"--lines=300|--search|rain bow|-writers|2|--keep|-json|--no-kill|--no-restart|--timeout|1s", all},
	} {
		var out, errOut bytes.Buffer
		got, err := ParseOptions(strings.FieldsFunc(c.args, func(r rune) bool { return r == '|' }), &out, &errOut)
		if err != nil || got != c.want || out.Len()+errOut.Len() > 0 {
			t.Errorf("%q: %+v, %v, printed %q %q", c.args, got, err, &out, &errOut)
		}
	}
}

func TestParseOptionsErrors(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"extra":          `unexpected argument "extra"`,
		"-lines 5":       "too few",
		"-lines x":       "invalid value",
		"-lines -3":      "too few",
		"-writers 0":     "not between",
		"-timeout -1s":   "not positive",
		"-colour always": "not defined",
		"-engine none":   "neither",
		"-litefs /x":     "-litefs is for -engine litefs",
	} {
		var out, errOut bytes.Buffer
		_, err := ParseOptions(strings.Fields(args), &out, &errOut)
		if !errors.Is(err, ErrUsage) || !strings.Contains(errOut.String(), says) || out.Len() > 0 {
			t.Errorf("%q: %v, %q", args, err, &errOut)
		}
	}
}

func TestParseOptionsHelp(t *testing.T) {
	t.Parallel()
	var out, errOut bytes.Buffer
	_, err := ParseOptions([]string{"-h"}, &out, &errOut)
	if !errors.Is(err, flag.ErrHelp) || errOut.Len() > 0 {
		t.Errorf("%v, %q", err, &errOut)
	}
	for _, name := range []string{"-lines", "-search", "-json", "-keep", "-engine", "-litefs", "-no-kill", "-timeout"} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("the help does not name %s", name)
		}
	}
}
