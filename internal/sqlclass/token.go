package sqlclass

// tokenKind is what the classifier must know of a token; operators that it
// never looks at are tokOther.
type tokenKind uint8

const (
	tokEnd     tokenKind = iota // end of the text, or a NUL byte
	tokSpace                    // white space, or a byte order mark
	tokComment                  // -- … or /* … */
	tokSemi
	tokWord   // a bare identifier or keyword
	tokQuoted // "…", `…` or […]: an identifier
	tokString // '…'
	tokBlob   // x'…'
	tokNumber
	tokVariable // ?, ?NNN, :a, @a, #a, $a, $a::b(…)
	tokLeft     // (
	tokRight    // )
	tokComma
	tokDot
	tokEqual // = or ==
	tokPlus
	tokMinus
	tokOther
	tokIllegal // SQLite refuses the statement that holds it
)

// token is sql[start:end].
type token struct {
	kind       tokenKind
	start, end int
}

func (t token) text(sql string) string { return sql[t.start:t.end] }

// scan returns the token at sql[i:]. It cuts exactly where sqlite3GetToken of
// SQLite's tokenize.c does, because a ';' that only one of the two takes for
// part of a token would hide a statement from the classifier. As there, a NUL
// byte ends the text.
func scan(sql string, i int) token {
	kind, n := scanAt(sql[i:])
	return token{kind: kind, start: i, end: i + n}
}

func scanAt(z string) (tokenKind, int) {
	c := at(z, 0)
	switch c {
	case 0:
		return tokEnd, 0
	case ' ', '\t', '\n', '\f', '\r':
		n := 1
		for isSpace(at(z, n)) {
			n++
		}
		return tokSpace, n
	case '-':
		return scanMinus(z)
	case '/':
		return scanSlash(z)
	case '(':
		return tokLeft, 1
	case ')':
		return tokRight, 1
	case ';':
		return tokSemi, 1
	case ',':
		return tokComma, 1
	case '+':
		return tokPlus, 1
	case '*', '%', '&', '~':
		return tokOther, 1
	case '=':
		return tokEqual, 1 + one(at(z, 1) == '=')
	case '<':
		next := at(z, 1)
		return tokOther, 1 + one(next == '=' || next == '>' || next == '<')
	case '>':
		next := at(z, 1)
		return tokOther, 1 + one(next == '=' || next == '>')
	case '|':
		return tokOther, 1 + one(at(z, 1) == '|')
	case '!':
		if at(z, 1) == '=' {
			return tokOther, 2
		}
		return tokIllegal, 1
	case '\'', '"', '`':
		return scanQuoted(z)
	case '[':
		return scanBracket(z)
	case '.':
		if isDigit(at(z, 1)) {
			return scanNumber(z)
		}
		return tokDot, 1
	case '?':
		n := 1
		for isDigit(at(z, n)) {
			n++
		}
		return tokVariable, n
	case '$', '@', '#', ':':
		return scanVariable(z)
	case 'x', 'X':
		if at(z, 1) == '\'' {
			return scanBlob(z)
		}
	case 0xEF:
		if at(z, 1) == 0xBB && at(z, 2) == 0xBF {
			return tokSpace, 3
		}
	}
	switch {
	case isDigit(c):
		return scanNumber(z)
	case isIDByte(c):
		n := 1
		for isIDByte(at(z, n)) {
			n++
		}
		return tokWord, n
	}
	return tokIllegal, 1
}

// at is z[i], or 0 past the end, as in a C string.
func at(z string, i int) byte {
	if i < len(z) {
		return z[i]
	}
	return 0
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isSpace is sqlite3Isspace, which has \v; a token does not begin with one.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// isIDByte is IdChar of tokenize.c: what an identifier goes on with.
func isIDByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || isDigit(c) ||
		'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
