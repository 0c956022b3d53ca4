package conformance

import (
	"errors"
	"fmt"
	"strings"
)

// repeated is n copies of s with commas between.
func repeated(n int, s string) string {
	return strings.TrimSuffix(strings.Repeat(s+",", n), ",")
}

// joined is format with 1…n, with commas between.
func joined(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i+1)
	}
	return strings.Join(parts, ",")
}

// counting is 1…n as arguments.
func counting(n int) []any {
	args := make([]any, n)
	for i := range args {
		args[i] = i + 1
	}
	return args
}

var errBroken = errors.New("broken on purpose")

// deep is an expression nested n deep.
func deep(n int) string { return strings.Repeat("(1+", n) + "1" + strings.Repeat(")", n) }
