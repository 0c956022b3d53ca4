package lineage

import (
	"testing"

	"github.com/litefwd/litefwd/engine"
)

// a and b are checksums; the same id with another is another history.
const (
	a = iota + 1
	b
)

func at(txid, sum uint64) engine.Position { return engine.Position{TXID: txid, Checksum: sum} }

// upTo is a copy that the primary of term 1 has brought from 1 to n.
func upTo(n uint64) *Line {
	l := &Line{}
	for id := uint64(1); id <= n; id++ {
		l.Next(at(id, a), 1)
	}
	return l
}

func TestStanding(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		l    *Line
		do   func(l *Line)
		p    engine.Position
		term uint64
		want engine.Standing
	}{
		{"zero", upTo(0), nil, at(0, 0), 1, engine.Held},
		{"empty copy", upTo(0), nil, at(1, a), 1, engine.Coming},
		{"the last", upTo(5), nil, at(5, a), 1, engine.Held},
		{"before", upTo(5), nil, at(3, a), 1, engine.Held},
		{"not yet", upTo(5), nil, at(6, a), 1, engine.Coming},
		{"forgotten, same term", upTo(5 + size), nil, at(2, a), 1, engine.Held},
		{"forgotten, older term", upTo(5 + size), func(l *Line) { l.Confirm(2) }, at(2, a), 1, engine.Unclear},

		// The copy is that of a lost primary; the new one has acknowledged p.
		{"dead copy, further", upTo(8), nil, at(5, b), 2, engine.Coming},
		{"dead copy, same id", upTo(5), nil, at(5, b), 2, engine.Coming},
		{"dead copy, further by who knows whom", &Line{}, func(l *Line) { l.Jump(at(8, a), 0) }, at(5, b), 2, engine.Coming},
		{"dead copy was replaced", upTo(8), func(l *Line) { l.Replace(at(6, b), 2) }, at(5, b), 2, engine.Held},
		{"dead copy was replaced by an older one", upTo(8), func(l *Line) { l.Replace(at(4, b), 2) }, at(5, b), 2, engine.Coming},

		// p was acknowledged by the primary of term 1; another took over.
		{"replaced, same id", upTo(3), func(l *Line) { l.Replace(at(5, b), 2) }, at(5, a), 1, engine.Lost},
		{"replaced, not so far", upTo(3), func(l *Line) { l.Replace(at(4, b), 2) }, at(5, a), 1, engine.Lost},
		{"replaced, not so far, and went on", upTo(3), func(l *Line) { l.Replace(at(4, b), 2); l.Next(at(5, b), 2); l.Next(at(6, b), 2) },
			at(5, a), 1, engine.Lost},
		{"replaced, further", upTo(3), func(l *Line) { l.Replace(at(7, b), 2) }, at(5, a), 1, engine.Unclear},
		{"replaced, exactly there", upTo(3), func(l *Line) { l.Replace(at(5, a), 2) }, at(5, a), 1, engine.Held},
		{"went on with another", upTo(4), func(l *Line) { l.Next(at(5, b), 2); l.Next(at(6, b), 2) }, at(5, a), 1, engine.Lost},
		{"went on, not there yet", upTo(3), func(l *Line) { l.Next(at(4, a), 2) }, at(5, a), 1, engine.Coming},
		{"went on with it", upTo(3), func(l *Line) { l.Next(at(4, a), 2); l.Next(at(5, a), 2) }, at(5, a), 1, engine.Held},
		{"far behind, same primary", upTo(3), func(l *Line) { l.Replace(at(9, a), 1) }, at(5, a), 1, engine.Held},
		{"jumped, later term", upTo(3), func(l *Line) { l.Jump(at(9, a), 2) }, at(5, a), 1, engine.Unclear},
		{"jumped, who knows whose", upTo(3), func(l *Line) { l.Jump(at(9, a), 0) }, at(5, a), 1, engine.Coming},
		{"term not known, same id", upTo(5), nil, at(5, b), 0, engine.Lost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.do != nil {
				tt.do(tt.l)
			}
			if got := tt.l.Standing(tt.p, tt.term); got != tt.want {
				t.Errorf("Standing = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		l       *Line
		to      engine.Position
		term    uint64
		told    bool
		certain bool
	}{
		{"went back", upTo(5), at(3, b), 2, true, true},
		{"same id", upTo(5), at(5, b), 2, true, true},
		{"further, another primary", upTo(5), at(9, b), 2, true, false},
		{"further, same primary", upTo(5), at(9, b), 1, false, false},
		{"back, same primary", upTo(5), at(4, b), 1, true, true},
		{"empty copy", upTo(0), at(9, b), 1, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			was := tt.l.Last()
			got := tt.l.Replace(tt.to, tt.term)
			if told := got != (engine.Break{}); told != tt.told || got.Certain != tt.certain {
				t.Errorf("Replace = %+v, want told %v, certain %v", got, tt.told, tt.certain)
			}
			if tt.told && (got.Was != was || got.Is != tt.to || got.Why == "") {
				t.Errorf("Replace = %+v", got)
			}
			if tt.l.Last() != tt.to || !tt.l.Contains(tt.to) || tt.l.Contains(at(1, a)) {
				t.Errorf("the line is at %v", tt.l.Last())
			}
		})
	}
}

func TestAfter(t *testing.T) {
	at := func(txid, sum uint64) engine.Position { return engine.Position{TXID: txid, Checksum: sum} }
	var l Line
	l.Jump(at(7, 1), 1)
	l.Next(at(8, 2), 1)
	l.Next(at(9, 3), 1)
	for _, c := range []struct {
		p, next engine.Position
		ok      bool
	}{
		{at(6, 0), at(7, 1), false}, // whether 6 led to 7 is not known
		{at(7, 1), at(8, 2), true},
		{at(8, 2), at(9, 3), true},
		{at(8, 1), at(9, 3), false}, // another history's
		{at(9, 3), engine.Position{}, false},
	} {
		if next, ok := l.After(c.p); ok != c.ok || ok && next != c.next {
			t.Errorf("after %v: %v, %t", c.p, next, ok)
		}
	}
	l.Jump(at(9, 4), 2)
	if next, ok := l.After(at(8, 2)); ok {
		t.Errorf("in another history: %v", next)
	}
}
