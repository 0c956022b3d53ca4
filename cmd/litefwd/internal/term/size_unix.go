//go:build unix

package term

import (
	"os"

	"golang.org/x/sys/unix"
)

// size asks the kernel; ok is false if f is no terminal.
func size(f *os.File) (columns, rows int, ok bool) {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, false
	}
	return int(w.Col), int(w.Row), true
}
