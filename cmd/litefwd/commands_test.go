package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args        string
		code        int
		out, errOut string // what each must contain; "" for nothing
	}{
		{"", exitOK, "litefwd demo", ""},
		{"help", exitOK, "Commands:", ""},
		{"help help", exitOK, "Commands:", ""},
		{"-h", exitOK, "Commands:", ""},
		{"--help", exitOK, "Commands:", ""},
		{"help demo", exitOK, "-no-kill", ""},
		{"demo -h", exitOK, "-no-kill", ""},
		{"help promote", exitOK, "-secret-file", ""},
		{"promote", exitUsage, "", "no node is named"},
		{"promote -insecure 127.0.0.1:1", exitFailed, "", "the primary role stays where it was"},
		{"version", exitOK, "litefwd ", ""},
		{"--version", exitOK, "go1", ""},
		{"version x", exitUsage, "", `unexpected argument "x"`},
		{"dmeo", exitUsage, "", `did you mean "demo"?`},
		{"frobnicate", exitUsage, "", `no command "frobnicate"` + "\n"},
		{"help frobnicate", exitUsage, "", `no command "frobnicate"` + "\n"},
		{"demo -lines 3", exitUsage, "", "too few"},
		{"demo-node", exitUsage, "", `part of "litefwd demo"`},
	} {
		var out, errOut bytes.Buffer
		code := run(context.Background(), strings.Fields(c.args), streams{strings.NewReader(""), &out, &errOut})
		if code != c.code {
			t.Errorf("%q: code %d, want %d", c.args, code, c.code)
		}
		for _, s := range []struct{ got, want string }{{out.String(), c.out}, {errOut.String(), c.errOut}} {
			if (s.got == "") != (s.want == "") || !strings.Contains(s.got, s.want) {
				t.Errorf("%q: printed %q, want %q", c.args, s.got, s.want)
			}
		}
	}
}

func TestHelpHidesWhatUsersDoNotCall(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	run(context.Background(), nil, streams{strings.NewReader(""), &out, &out})
	if strings.Contains(out.String(), nodeCommand) {
		t.Errorf("the help names %s", nodeCommand)
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"demo", "demo", 0}, {"dmo", "demo", 1}, {"dmeo", "demo", 2}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
