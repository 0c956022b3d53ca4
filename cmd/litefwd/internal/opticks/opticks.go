// Package opticks is a book to try a database with: Isaac Newton's "Opticks"
// in its edition of 1730, line by line. It is in the public domain; the file
// NOTICE says where the text comes from.
package opticks

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
)

const (
	// Title and Author name the book.
	Title  = "Opticks"
	Author = "Isaac Newton"
)

//go:generate go run gen.go

//go:embed opticks.txt.gz
var packed []byte

// Lines returns the lines of the book that are not blank, in order. The slice
// is the caller's own.
func Lines() ([]string, error) {
	lines, err := unpackOnce()
	if err != nil {
		return nil, fmt.Errorf("the bundled text: %w", err)
	}
	return append([]string(nil), lines...), nil
}

var unpackOnce = sync.OnceValues(func() ([]string, error) { return unpack(packed) })

func unpack(packed []byte) ([]string, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), nil
}
