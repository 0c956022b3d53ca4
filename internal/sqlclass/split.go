package sqlclass

// Split cuts a text into statements at the ';' between them, which are
// dropped, as are pieces of only space and comments. It cuts as SQLite would:
// never inside a token, nor between the statements of a trigger's body.
//
// No piece is ever more than one statement to SQLite: what is explained by
// its first words has no tail that a driver would go on to run. A ';' is only
// kept inside a piece that begins as CREATE TRIGGER does, and SQLite's grammar
// ends no such statement before its END (see [triggerBody]).
func Split(sql string) []string {
	var pieces []string
	eachStatement(sql, func(piece string) {
		pieces = append(pieces, piece)
	})
	return pieces
}

// eachStatement yields the pieces from their first to their last token that is
// no space. Tokens end them, not what strings.TrimSpace would leave, because
// the space in "SELECT 1 /* " makes the comment.
func eachStatement(sql string, yield func(piece string)) {
	first, last := -1, 0 // of the piece
	empty := true        // but for comments
	var body triggerBody
	for i := 0; ; {
		t := scan(sql, i)
		i = t.end
		switch t.kind {
		case tokSpace:
			continue
		case tokEnd, tokSemi:
			if t.kind == tokEnd || body.endsAt(sql, t) {
				if !empty {
					yield(sql[first:last])
				}
				if t.kind == tokEnd {
					return
				}
				first, empty, body = -1, true, triggerBody{}
				continue
			}
		case tokComment:
		default:
			body.endsAt(sql, t)
			empty = false
		}
		if first < 0 {
			first = t.start
		}
		last = t.end
	}
}

// triggerBody follows the tokens of one statement and tells whether a ';'
// ends it. It is the state machine of sqlite3_complete (complete.c), but
// stricter in what it takes for the beginning of a trigger:
//
//	[EXPLAIN [QUERY PLAN]] CREATE [TEMP|TEMPORARY] TRIGGER
//
// SQLite's grammar (parse.y) has one rule that begins so; it ends with END
// after the ';' of the body's last statement, and an END that follows a ';'
// there can be nothing else, as no statement of a body begins with it. So
// where SQLite accepts the text, both find the same end; where it does not,
// the piece is one syntax error, however long.
type triggerBody struct {
	state triggerState
}

type triggerState uint8

const (
	atStart triggerState = iota
	afterExplain
	afterQuery
	afterPlan
	afterCreate
	afterTemp
	inTrigger
	afterSemi // in a trigger, after a ';'
	afterEnd  // in a trigger, after "; END"
	plain     // a statement that its first ';' ends
)

// endsAt takes the statement's next token, which is neither space nor comment,
// and reports whether, if it is a ';', it ends the statement.
func (b *triggerBody) endsAt(sql string, t token) (ends bool) {
	is := func(word string) bool { return t.kind == tokWord && foldEq(t.text(sql), word) }
	ends = b.state < inTrigger || b.state >= afterEnd
	switch state := b.state; {
	case state == atStart && is("explain"):
		b.state = afterExplain
	case state == afterExplain && is("query"):
		b.state = afterQuery
	case state == afterQuery && is("plan"):
		b.state = afterPlan
	case (state == atStart || state == afterExplain || state == afterPlan) && is("create"):
		b.state = afterCreate
	case state == afterCreate && (is("temp") || is("temporary")):
		b.state = afterTemp
	case (state == afterCreate || state == afterTemp) && is("trigger"):
		b.state = inTrigger
	case state < inTrigger || state == plain:
		b.state = plain
	case t.kind == tokSemi:
		b.state = afterSemi
	case state == afterSemi && is("end"):
		b.state = afterEnd
	default:
		b.state = inTrigger
	}
	return ends
}

// foldEq compares s with a word in lower case, folding ASCII only, as SQLite
// does for keywords and names.
func foldEq(s, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// fold is s with ASCII letters in lower case.
func fold(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
