package term

import (
	"fmt"
	"io"
	"strings"
)

// Block is a block of lines at the end of a terminal's output that is drawn
// again in place. It is used by one goroutine at a time.
type Block struct {
	out   io.Writer
	drawn int // lines on the screen now
}

// NewBlock returns a Block on the terminal out. Done must be called.
func NewBlock(out io.Writer) *Block { return &Block{out: out} }

// Draw replaces what was drawn before. Lines are cut to the terminal's size,
// and the first ones left out, because what has scrolled away cannot be drawn
// again.
func (b *Block) Draw(lines []string) {
	columns, rows := Size(b.out)
	if len(lines) >= rows {
		lines = lines[len(lines)-rows+1:]
	}
	var s strings.Builder
	s.WriteString("\x1b[?25l") // hide the cursor
	if b.drawn > 0 {
		fmt.Fprintf(&s, "\x1b[%dA", b.drawn)
	}
	s.WriteString("\r\x1b[J")
	for _, line := range lines {
		s.WriteString(Fit(line, columns))
		s.WriteString("\n")
	}
	b.drawn = len(lines)
	io.WriteString(b.out, s.String())
}

// Done leaves the last lines on the screen and shows the cursor again.
func (b *Block) Done() {
	b.drawn = 0
	io.WriteString(b.out, "\x1b[?25h")
}
