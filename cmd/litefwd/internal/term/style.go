package term

import (
	"os"
	"strings"
	"unicode/utf8"
)

// Style says how text may be decorated. The zero Style is plain ASCII.
type Style struct {
	Colour  bool
	Unicode bool
}

// StyleFor returns what is fit for the output v: colour on a terminal, unless
// the environment has NO_COLOR (https://no-color.org).
func StyleFor(v any) Style {
	isTerminal := Is(v)
	return Style{
		Colour:  isTerminal && os.Getenv("NO_COLOR") == "",
		Unicode: isTerminal && UTF8(),
	}
}

// Bold, Dim, Red, Green and Yellow decorate s if there is colour.
func (st Style) Bold(s string) string   { return st.paint("1", s) }
func (st Style) Dim(s string) string    { return st.paint("2", s) }
func (st Style) Red(s string) string    { return st.paint("31", s) }
func (st Style) Green(s string) string  { return st.paint("32", s) }
func (st Style) Yellow(s string) string { return st.paint("33", s) }

func (st Style) paint(code, s string) string {
	if !st.Colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Bar draws a progress bar of the given width for part of whole.
func (st Style) Bar(part, whole, width int) string {
	filled := 0
	if whole > 0 {
		filled = min(width, max(0, part*width/whole))
	}
	full, empty := "#", "-"
	if st.Unicode {
		full, empty = "█", "░"
	}
	return st.Green(strings.Repeat(full, filled)) + st.Dim(strings.Repeat(empty, width-filled))
}

// Width counts the characters of s that a terminal shows.
func Width(s string) int {
	n := 0
	for s != "" {
		if end := escapeEnd(s); end > 0 {
			s = s[end:]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		n, s = n+1, s[size:]
	}
	return n
}

// Fit cuts s to width characters; escape sequences are kept, so that a colour
// that begins also ends.
func Fit(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	var out strings.Builder
	for n := 0; s != ""; {
		if end := escapeEnd(s); end > 0 {
			out.WriteString(s[:end])
			s = s[end:]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		if n < width {
			out.WriteString(s[:size])
		}
		n, s = n+1, s[size:]
	}
	return out.String()
}

// escapeEnd returns the length of the colour sequence that s begins with, or 0.
func escapeEnd(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	return strings.IndexByte(s, 'm') + 1
}

// Left and Right pad s to width characters.
func Left(s string, width int) string { return s + pad(s, width) }

// Right pads s on its left.
func Right(s string, width int) string { return pad(s, width) + s }

func pad(s string, width int) string { return strings.Repeat(" ", max(0, width-Width(s))) }
