// Package term writes to terminals: whether one is there, how large it is,
// colours, and a block of lines that is redrawn in place.
package term

import (
	"os"
	"strings"
)

// Is reports whether v is an open terminal that understands escape sequences.
func Is(v any) bool {
	f, ok := v.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, _, ok = size(f)
	return ok
}

// Size returns the terminal's columns and rows, or 80 and 24 when it does not
// tell.
func Size(v any) (columns, rows int) {
	if f, ok := v.(*os.File); ok {
		if columns, rows, ok := size(f); ok && columns > 0 && rows > 0 {
			return columns, rows
		}
	}
	return 80, 24
}

// UTF8 reports whether the locale says that the terminal shows UTF-8.
func UTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToUpper(os.Getenv(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}
