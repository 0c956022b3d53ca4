package sqlclass

import "strings"

// cursor walks the tokens of one statement that are neither space nor
// comment. It is a value: a copy is a bookmark.
type cursor struct {
	sql string
	tok token
}

func newCursor(sql string) cursor {
	c := cursor{sql: sql}
	c.next()
	return c
}

// next moves to the next token; past the end it stays.
func (c *cursor) next() {
	for i := c.tok.end; ; i = c.tok.end {
		c.tok = scan(c.sql, i)
		if c.tok.kind != tokSpace && c.tok.kind != tokComment {
			return
		}
	}
}

func (c *cursor) text() string { return c.tok.text(c.sql) }

func (c *cursor) atEnd() bool { return c.tok.kind == tokEnd }

// is reports whether the cursor is at the bare word, given in lower case.
func (c *cursor) is(word string) bool { return c.tok.kind == tokWord && foldEq(c.text(), word) }

// isName reports whether the cursor is at the name, given in lower case.
func (c cursor) isName(name string) bool {
	n, ok := c.name()
	return ok && n == name
}

// accept passes the bare word if the cursor is at it.
func (c *cursor) accept(word string) bool {
	if !c.is(word) {
		return false
	}
	c.next()
	return true
}

// acceptKind passes a token of the kind.
func (c *cursor) acceptKind(kind tokenKind) bool {
	if c.tok.kind != kind {
		return false
	}
	c.next()
	return true
}

// name passes a name ("nm" in parse.y: an identifier, a keyword that may be
// one, or a string) and returns it unquoted and in lower case.
func (c *cursor) name() (string, bool) {
	switch c.tok.kind {
	case tokWord, tokQuoted, tokString:
		name := fold(unquote(c.text()))
		c.next()
		return name, true
	}
	return "", false
}

// qualified passes [schema.]name; schema is "" if there is none.
func (c *cursor) qualified() (schema, name string, ok bool) {
	name, ok = c.name()
	if ok && c.acceptKind(tokDot) {
		schema = name
		name, ok = c.name()
	}
	return schema, name, ok
}

// skipParens passes (…) with what is nested in it.
func (c *cursor) skipParens() bool {
	if c.tok.kind != tokLeft {
		return false
	}
	for depth := 0; !c.atEnd(); {
		switch c.tok.kind {
		case tokLeft:
			depth++
		case tokRight:
			depth--
		}
		c.next()
		if depth == 0 {
			return true
		}
	}
	return false
}

// unquote is sqlite3Dequote: it takes the quotes of an identifier or string
// off and undoubles those inside. Other text stays as it is.
func unquote(s string) string {
	if len(s) < 2 {
		return s
	}
	switch quote := s[0]; quote {
	case '[':
		return s[1 : len(s)-1]
	case '\'', '"', '`':
		q := string(quote)
		return strings.ReplaceAll(s[1:len(s)-1], q+q, q)
	}
	return s
}
