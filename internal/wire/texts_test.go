package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/litefwd/litefwd/internal/fault"
)

// Whatever texts come in whatever order, the receiver has them, and one that came
// just before does not travel again.
func TestTexts(t *testing.T) {
	var out TextNumbers
	var in Texts
	random := rand.New(rand.NewPCG(1, 2))
	last, sent := "", 0
	for i := range 20_000 {
		sql := fmt.Sprintf("INSERT INTO t%d", random.IntN(1500))
		switch i % 100 {
		case 7:
			sql = ""
		case 8:
			sql = strings.Repeat("x", maxTextBytes+1)
		case 9:
			sql = last
		}
		st := &Statement{Sql: []byte(sql)}
		text := out.Replace(st)
		if i%100 == 9 && text != nil {
			t.Fatalf("%q has travelled twice in a row", sql)
		}
		if text != nil {
			sent++
			if err := in.Add([]*LinkText{text}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := in.Of(st); err != nil || got != sql {
			t.Fatalf("got %q, %v; want %q", got, err, sql)
		}
		if len(sql) > 0 && len(sql) <= maxTextBytes {
			last = sql
		}
	}
	if sent < 1500 || sent > 10_000 || len(in.texts) != maxTexts || len(out.numbers) != maxTexts {
		t.Errorf("%d texts were sent, %d are there, %d have numbers", sent, len(in.texts), len(out.numbers))
	}
}

func TestTextsFromAStranger(t *testing.T) {
	var in Texts
	for _, m := range []*LinkText{
		{Number: 0}, {Number: 2}, {Number: maxTexts + 1}, {Number: 1, Sql: make([]byte, maxTextBytes+1)},
	} {
		if err := in.Add([]*LinkText{m}); !errors.Is(err, fault.Protocol) {
			t.Errorf("number %d, %d bytes: %v", m.Number, len(m.Sql), err)
		}
	}
	if _, err := in.Of(&Statement{Text: 1}); !errors.Is(err, fault.Protocol) {
		t.Error(err)
	}
}
