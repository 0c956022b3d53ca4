//go:build !unix

package litefs

import (
	"errors"
	"io"
	"os"
)

// LiteFS exists on Linux only; this is here so that programs compile.
type handle = *os.File

func openFile(path string) (handle, error) { return os.Open(path) }

func readAt(f handle, buf []byte, off int64) (int, error) {
	n, err := f.ReadAt(buf, off)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func statFile(f handle) error {
	_, err := f.Stat()
	return err
}

func closeFile(f handle) { _ = f.Close() }
