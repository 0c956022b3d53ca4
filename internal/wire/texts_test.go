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
		out.Number(st)
		travels := st.Text != 0 && len(st.Sql) > 0
		if i%100 == 9 && travels {
			t.Fatalf("%q has travelled twice in a row", sql)
		}
		if travels {
			sent++
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

// Statements of one frame may take the numbers of texts that others before them
// in it use.
func TestTextsOfOneFrame(t *testing.T) {
	var out TextNumbers
	var in Texts
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var want []string
		frame := &LinkRequest{}
		for range 50 {
			sql := fmt.Sprintf("INSERT INTO t%d", random.IntN(1200))
			st := &Statement{Sql: []byte(sql)}
			out.Number(st)
			frame.Execs = append(frame.Execs, &LinkExec{Statement: st})
			want = append(want, sql)
		}
		for i, exec := range frame.GetExecs() {
			if got, err := in.Of(exec.GetStatement()); err != nil || got != want[i] {
				t.Fatalf("statement %d: got %q, %v; want %q", i, got, err, want[i])
			}
		}
	}
}

func TestTextsFromAStranger(t *testing.T) {
	var in Texts
	for _, st := range []*Statement{
		{Text: 2, Sql: []byte("x")}, {Text: maxTexts + 1, Sql: []byte("x")}, {Text: 1, Sql: make([]byte, maxTextBytes+1)}, {Text: 1},
	} {
		if _, err := in.Of(st); !errors.Is(err, fault.Protocol) {
			t.Errorf("number %d, %d bytes: %v", st.Text, len(st.Sql), err)
		}
	}
}
