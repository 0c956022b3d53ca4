package sqlclass

// pragma classifies PRAGMA [schema.]name [= value | (value)]. It never asks
// SQLite: many PRAGMAs act when they are compiled, so that explaining one
// runs it (`EXPLAIN PRAGMA cache_size=77` sets it). One that this grammar
// does not cover is refused rather than forwarded, as it might act on the
// primary's own connection. https://www.sqlite.org/pragma.html
func pragma(c cursor, dbs databases, s *Statement) {
	c.next() // PRAGMA
	schema, name, ok := c.qualified()
	value, valueOK := c.pragmaValue()
	if !ok || !valueOK || !c.atEnd() {
		s.refuse("this is not a PRAGMA as SQLite's grammar has it")
		return
	}
	s.Pragma, s.Value = name, value
	rule := pragmas[name] // the zero rule for an unknown one

	act := rule.get
	if value != "" {
		act = rule.set
	}
	if rule.value != nil && value != "" {
		act = rule.value(fold(unquote(value)))
	}
	applyPragma(act, s)
	s.place(dbs, schema, rule)
}

// pragmaValue passes [= value | (value)]; value is "" if there is none.
func (c *cursor) pragmaValue() (value string, ok bool) {
	closing := c.tok.kind == tokLeft
	if !closing && c.tok.kind != tokEqual {
		return "", true
	}
	c.next()
	start := c.tok.start
	sign := c.acceptKind(tokPlus) || c.acceptKind(tokMinus)
	end := c.tok.end
	switch c.tok.kind {
	case tokNumber:
	case tokWord, tokQuoted, tokString:
		if sign {
			return "", false
		}
	default:
		return "", false
	}
	c.next()
	if closing && !c.acceptKind(tokRight) {
		return "", false
	}
	return c.sql[start:end], true
}

// applyPragma sets the statement's class for what the PRAGMA does.
func applyPragma(act pragmaAct, s *Statement) {
	switch act {
	case actLocal:
		s.Kind = Local
	case actForget:
		s.Kind, s.TempSchema = Local, true
	case actRead:
		s.Kind, s.ReadsSchema = Read, true
	case actShow:
		s.Kind, s.LocalOnly = Read, true
	case actWrite:
		s.Kind = Write
	case actAlone:
		s.Kind, s.Alone = Write, true
	case actSetting:
		s.Kind = Setting
	case actSettingAlone:
		s.Kind, s.Alone = Setting, true
	case actOwned:
		s.refuse("litefwd sets PRAGMA " + s.Pragma + " itself; for reading only, use " +
			"a read-only transaction (sql.TxOptions.ReadOnly)")
	case actRefuse:
		s.refuse("PRAGMA " + s.Pragma + " with this value would endanger the database or " +
			"its replication; run it on the primary with SQLite's own shell if it is needed")
	}
}

// place corrects the class for the database that the PRAGMA names. Without a
// schema SQLite means main, or every database, of which the primary has main.
func (s *Statement) place(dbs databases, schema string, rule pragmaRule) {
	switch schema {
	case "main":
		return
	case "":
		// A table of that name may be a temp or an attached one.
		s.LocalOnly = s.LocalOnly || s.Kind == Read && s.Value != "" && len(dbs) > 0
		return
	}
	db, known := dbs.named(schema)
	if !known {
		if s.Kind != Unsupported {
			s.unsure(errNoSuchDatabase)
		}
		return
	}
	switch s.Kind {
	case Read:
		s.LocalOnly = true
	case Write:
		s.TempSchema = false
		s.writes(dbs, db)
	case Unsupported:
		// journal_mode=OFF and the like endanger no temp database.
		if rule.perDatabase && dbs.own(db) {
			s.Kind, s.Reason = TempWrite, ""
			s.Alone = true
		}
	}
}
