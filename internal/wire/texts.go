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

// Number gives st the number of its text, and takes the text away if the other side
// has it under that. The statements must travel in the order of these calls: a number
// comes to mean another text.
func (t *TextNumbers) Number(st *Statement) {
	sql := st.GetSql()
	if len(sql) == 0 || len(sql) > maxTextBytes {
		return
	}
	if n, ok := t.numbers[string(sql)]; ok {
		st.Text, st.Sql = n, nil
		return
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
}

// Texts is the receiver's side. The zero value has none.
type Texts struct{ texts []string }

// Of returns the text of st, and remembers it if it has come with a number. It is
// called for each statement of a link in their order. Its errors are of kind
// fault.Protocol.
func (t *Texts) Of(st *Statement) (string, error) {
	n, sql := int(st.GetText()), st.GetSql()
	switch {
	case n == 0:
		return string(sql), nil
	case len(sql) == 0 && n <= len(t.texts):
		return t.texts[n-1], nil
	case len(sql) == 0:
		return "", fault.Refuse(fault.Protocol, "no text has the number %d", n)
	case n > maxTexts || n > len(t.texts)+1 || len(sql) > maxTextBytes:
		return "", fault.Refuse(fault.Protocol, "a text of %d bytes has the number %d after %d", len(sql), n, len(t.texts))
	case n > len(t.texts):
		t.texts = append(t.texts, "")
	}
	t.texts[n-1] = string(sql)
	return t.texts[n-1], nil
}
