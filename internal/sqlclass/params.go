package sqlclass

import (
	"database/sql/driver"
	"strconv"
)

// maxParams is as much as any SQLite is known to be built with (32766 is the
// default, this is Debian's): https://www.sqlite.org/limits.html
const maxParams = 250_000

// Params returns how many parameters SQLite gives a statement, and what
// sqlite3_bind_parameter_name says of each: its name with its prefix (":a",
// "?5"), or "" for a bare "?" and for a number that is skipped.
//
// The numbers follow https://www.sqlite.org/lang_expr.html#varparam: "?" is
// one more than the highest so far, "?NNN" is NNN, a name has the number that
// it got where it first appeared. A statement that SQLite would refuse for a
// number out of its range counts without that parameter.
func Params(sql string) (n int, names []string) {
	f := factsOf(sql)
	return len(f.params), f.params
}

// numbering gives parameters their numbers, in the order of the text.
type numbering struct {
	names  []string
	byName map[string]bool
}

func (p *numbering) add(name string) {
	number := len(p.names) + 1
	switch {
	case name == "?":
		p.names = append(p.names, "")
		return
	case name[0] == '?':
		n, err := strconv.Atoi(name[1:])
		if err != nil || n < 1 || n > maxParams {
			return
		}
		number = n
	case p.byName[name]:
		return
	default:
		if p.byName == nil {
			p.byName = make(map[string]bool)
		}
		p.byName[name] = true
	}
	for len(p.names) < number {
		p.names = append(p.names, "")
	}
	if p.names[number-1] == "" {
		p.names[number-1] = name
	}
}

// nullArgs is a NULL for each parameter: drivers want them even for EXPLAIN.
// Each has its ordinal, for mattn/go-sqlite3, and its name, for
// modernc.org/sqlite, which takes an ordinal for "?" and "?NNN" only.
func nullArgs(names []string) []driver.NamedValue {
	args := make([]driver.NamedValue, len(names))
	for i, name := range names {
		args[i].Ordinal = i + 1
		if name != "" && !isCanonical(name, i+1) {
			args[i].Name = name[1:]
		}
	}
	return args
}

// isCanonical reports whether name is "?" and number without leading zeros.
func isCanonical(name string, number int) bool {
	return name[0] == '?' && name[1:] == strconv.Itoa(number)
}
