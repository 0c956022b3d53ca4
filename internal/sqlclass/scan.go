package sqlclass

// The tokens of more than a few bytes, in the order of tokenize.c. Each
// function gets the text from the token's first byte on, and returns its kind
// and length.

func scanMinus(z string) (tokenKind, int) {
	switch at(z, 1) {
	case '-':
		n := 2
		for at(z, n) != 0 && at(z, n) != '\n' {
			n++
		}
		return tokComment, n
	case '>': // -> and ->>
		return tokOther, 2 + one(at(z, 2) == '>')
	}
	return tokMinus, 1
}

// scanSlash: "/*" as the text's last two bytes is no comment but two
// operators; an open comment with anything in it goes to the end of the text.
func scanSlash(z string) (tokenKind, int) {
	if at(z, 1) != '*' || at(z, 2) == 0 {
		return tokOther, 1
	}
	for n := 3; ; n++ {
		if at(z, n-1) == '*' && at(z, n) == '/' {
			return tokComment, n + 1
		}
		if at(z, n) == 0 {
			return tokComment, n
		}
	}
}

func scanQuoted(z string) (tokenKind, int) {
	quote := z[0]
	n := 1
	for ; ; n++ {
		c := at(z, n)
		if c == 0 {
			return tokIllegal, n
		}
		if c != quote {
			continue
		}
		if at(z, n+1) != quote {
			break
		}
		n++ // a doubled quote stands for itself
	}
	if quote == '\'' {
		return tokString, n + 1
	}
	return tokQuoted, n + 1
}

// scanBracket: nothing stands for a ']' inside […].
func scanBracket(z string) (tokenKind, int) {
	for n := 1; ; n++ {
		switch at(z, n) {
		case 0:
			return tokIllegal, n
		case ']':
			return tokQuoted, n + 1
		}
	}
}

func scanBlob(z string) (tokenKind, int) {
	kind, n := tokBlob, 2
	for isHex(at(z, n)) {
		n++
	}
	if at(z, n) != '\'' || n%2 != 0 {
		kind = tokIllegal
		for at(z, n) != 0 && at(z, n) != '\'' {
			n++
		}
	}
	return kind, n + one(at(z, n) != 0)
}

// scanNumber takes '_' between digits as SQLite has done since 3.46; before,
// the same bytes were one illegal token, so that the cut is the same.
func scanNumber(z string) (tokenKind, int) {
	n := 0
	digits := func(from int, is func(byte) bool) {
		for n = from; is(at(z, n)) || at(z, n) == '_'; n++ {
		}
	}
	if z[0] == '0' && (at(z, 1) == 'x' || at(z, 1) == 'X') && isHex(at(z, 2)) {
		digits(3, isHex)
	} else {
		digits(0, isDigit)
		if at(z, n) == '.' {
			digits(n+1, isDigit)
		}
		if at(z, n) == 'e' || at(z, n) == 'E' {
			sign := one(at(z, n+1) == '+' || at(z, n+1) == '-')
			if isDigit(at(z, n+1+sign)) {
				digits(n+2, isDigit)
			}
		}
	}
	kind := tokNumber
	for isIDByte(at(z, n)) {
		kind = tokIllegal
		n++
	}
	return kind, n
}

// scanVariable: the TCL form $a::b(…) may hold anything but space and ')',
// so a ';' too. https://www.sqlite.org/lang_expr.html#varparam
func scanVariable(z string) (tokenKind, int) {
	named := false
	n := 1
	for ; at(z, n) != 0; n++ {
		c := z[n]
		switch {
		case isIDByte(c):
			named = true
			continue
		case c == '(' && named:
			for n++; at(z, n) != 0 && !isSpace(z[n]) && z[n] != ')'; n++ {
			}
			if at(z, n) == ')' {
				return tokVariable, n + 1
			}
			return tokIllegal, n
		case c == ':' && at(z, n+1) == ':':
			n++
			continue
		}
		break
	}
	if !named {
		return tokIllegal, n
	}
	return tokVariable, n
}
