package sqlclass

// transactionControl classifies BEGIN, COMMIT, END, ROLLBACK, SAVEPOINT and
// RELEASE, whose grammar is small enough to be read here:
//
//	BEGIN [DEFERRED|IMMEDIATE|EXCLUSIVE] [TRANSACTION [name]]
//	COMMIT|END [TRANSACTION [name]]
//	ROLLBACK [TRANSACTION [name]] [TO [SAVEPOINT] name]
//	SAVEPOINT name
//	RELEASE [SAVEPOINT] name
//
// https://www.sqlite.org/lang_transaction.html and lang_savepoint.html; the
// name after TRANSACTION is in parse.y only. Anything else after those words
// is a syntax error, which is Unsure and never shown to SQLite here.
func transactionControl(c cursor, s *Statement) {
	kind := Unsure
	switch {
	case c.accept("begin"):
		for _, mode := range []string{"deferred", "immediate", "exclusive"} {
			if c.accept(mode) {
				s.Mode = mode
				break
			}
		}
		c.transactionWord()
		kind = Begin
	case c.accept("commit"), c.accept("end"):
		c.transactionWord()
		kind = Commit
	case c.accept("rollback"):
		c.transactionWord()
		kind = Rollback
		if c.accept("to") {
			kind = c.savepointName(s, RollbackTo)
		}
	case c.accept("savepoint"):
		if name, ok := c.name(); ok {
			kind, s.Name = Savepoint, name
		}
	case c.accept("release"):
		kind = c.savepointName(s, Release)
	}
	if kind == Unsure || !c.atEnd() {
		s.unsure(errMalformed)
		return
	}
	s.Kind = kind
}

// transactionWord passes [TRANSACTION [name]].
func (c *cursor) transactionWord() {
	if c.accept("transaction") && !c.is("to") {
		c.name()
	}
}

// savepointName passes [SAVEPOINT] name.
func (c *cursor) savepointName(s *Statement, kind Kind) Kind {
	c.accept("savepoint")
	name, ok := c.name()
	if !ok {
		return Unsure
	}
	s.Name = name
	return kind
}
