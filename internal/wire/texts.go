package wire

import "github.com/litefwd/litefwd/internal/fault"

// The bounds of the SQL texts that a link remembers.
const (
	maxTexts     = 1024
	maxTextBytes = 4 << 10
)

// TextNumbers is the sender's side of a link's texts, so that each travels once. The
// zero value has none. It is used by one goroutine at a time, in the order of the
// frames.
type TextNumbers struct {
	numbers map[string]uint32
	texts   []string // by number, from 1
	next    int      // in texts: the one that is given up for another
}

// Replace puts the number of st's text in the place of the text, and returns what
// must travel before, or nil.
func (t *TextNumbers) Replace(st *Statement) *LinkText {
	sql := st.GetSql()
	if len(sql) == 0 || len(sql) > maxTextBytes {
		return nil
	}
	st.Sql = nil
	if n, ok := t.numbers[string(sql)]; ok {
		st.Text = n
		return nil
	}
	if t.numbers == nil {
		t.numbers = map[string]uint32{}
	}
	text := string(sql)
	if len(t.texts) < maxTexts {
		t.texts = append(t.texts, text)
		st.Text = uint32(len(t.texts))
	} else {
		delete(t.numbers, t.texts[t.next])
		t.texts[t.next] = text
		st.Text = uint32(t.next) + 1
		t.next = (t.next + 1) % maxTexts
	}
	t.numbers[text] = st.Text
	return &LinkText{Number: st.Text, Sql: sql}
}

// Texts is the receiver's side. The zero value has none.
type Texts struct{ texts []string }

// Add remembers what a frame brought. Its errors are of kind fault.Protocol.
func (t *Texts) Add(texts []*LinkText) error {
	for _, m := range texts {
		n := int(m.GetNumber())
		if n < 1 || n > maxTexts || n > len(t.texts)+1 || len(m.GetSql()) > maxTextBytes {
			return fault.Refuse(fault.Protocol, "a text of %d bytes has the number %d after %d", len(m.GetSql()), n, len(t.texts))
		}
		if n > len(t.texts) {
			t.texts = append(t.texts, "")
		}
		t.texts[n-1] = string(m.GetSql())
	}
	return nil
}

// Of returns the text of st, which came after what Add was given.
func (t *Texts) Of(st *Statement) (string, error) {
	n := int(st.GetText())
	switch {
	case n == 0:
		return string(st.GetSql()), nil
	case n > len(t.texts):
		return "", fault.Refuse(fault.Protocol, "no text has the number %d", n)
	}
	return t.texts[n-1], nil
}
