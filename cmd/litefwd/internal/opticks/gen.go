//go:build ignore

// gen writes opticks.txt.gz from the transcription that the Go distribution
// carries as test data; NOTICE says where that comes from.
package main

import (
	"bytes"
	"compress/gzip"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	source := filepath.Join(runtime.GOROOT(), "src", "testdata", "Isaac.Newton-Opticks.txt")
	raw, err := os.ReadFile(source)
	if err != nil {
		log.Fatal(err)
	}
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := zip.Write([]byte(bookOnly(string(raw)))); err != nil {
		log.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("opticks.txt.gz", out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// bookOnly drops what is not Newton's: the transcribers' credit, which NOTICE
// repeats, and their note; and blank lines and trailing blanks.
func bookOnly(raw string) string {
	_, book, ok := strings.Cut(raw, "OPTICKS:")
	if !ok {
		log.Fatal("the title is not found: another text?")
	}
	before, rest, _ := strings.Cut(book, "Transcriber's Note:")
	if _, after, ok := strings.Cut(rest, "\n\n"); ok {
		book = before + after
	}
	var kept strings.Builder
	kept.WriteString("OPTICKS:\n")
	for line := range strings.Lines(book) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || strings.Trim(line, " *") == "" {
			continue
		}
		kept.WriteString(line + "\n")
	}
	return kept.String()
}
