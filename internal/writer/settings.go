package writer

import (
	"context"
	"maps"
	"strings"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// deferForeignKeys is the one setting that SQLite resets at every COMMIT and
// ROLLBACK: it is set after BEGIN and never restored.
const deferForeignKeys = "defer_foreign_keys"

// settings are the connection-local PRAGMAs that differ from what the
// connector gave the connection.
type settings struct {
	defaults map[string]string // of every name ever changed here; "" if it cannot be read
	now      map[string]string // what differs from the defaults
}

// adopt gives the connection the settings that a caller's session wants, and
// takes back those of the caller before. names have been checked.
func (c *conn) adopt(want map[string]string) error {
	if len(want) == 0 && len(c.settings.now) == 0 {
		return nil
	}
	for name := range maps.Clone(c.settings.now) {
		if _, ok := want[name]; ok {
			continue
		}
		if err := c.pragma(name, c.settings.defaults[name]); err != nil {
			return err
		}
		delete(c.settings.now, name)
	}
	for name, value := range want {
		if name == "query_only" && c.readOnly {
			continue
		}
		if name == deferForeignKeys || normalized(value) == c.settings.now[name] {
			continue
		}
		if err := c.learnDefault(name); err != nil {
			return err
		}
		if normalized(value) == c.settings.defaults[name] && c.settings.now[name] == "" {
			continue
		}
		if err := c.pragma(name, value); err != nil {
			return err
		}
		c.settings.now[name] = normalized(value)
	}
	return nil
}

// canAdopt reports whether adopt can reach want: a PRAGMA whose value cannot
// be read (case_sensitive_like) cannot be restored either.
func (c *conn) canAdopt(want map[string]string) bool {
	for name := range c.settings.now {
		if _, ok := want[name]; !ok && c.settings.defaults[name] == "" {
			return false
		}
	}
	return true
}

// changed notes that the caller's own statement is going to set name, and
// returns what to call when it has.
func (c *conn) changed(name, value string) (done func(), err error) {
	if name == deferForeignKeys {
		return func() {}, nil
	}
	if err := c.learnDefault(name); err != nil {
		return nil, err
	}
	return func() {
		// What it is now, not what was asked for: foreign_keys, for
		// example, cannot be changed inside a transaction.
		now, err := c.readPragma(name)
		if err != nil || now == "" {
			now = normalized(value)
		}
		c.settings.now[name] = now
		if now == c.settings.defaults[name] {
			delete(c.settings.now, name)
		}
	}, nil
}

func (c *conn) learnDefault(name string) error {
	if _, known := c.settings.defaults[name]; known {
		return nil
	}
	value, err := c.readPragma(name)
	if err != nil {
		return err
	}
	if c.settings.defaults == nil {
		c.settings.defaults, c.settings.now = map[string]string{}, map[string]string{}
	}
	c.settings.defaults[name] = value
	return nil
}

func (c *conn) readPragma(name string) (string, error) {
	row, err := c.db.QueryRow(context.Background(), "PRAGMA "+name)
	if err != nil {
		return "", c.failed(err)
	}
	if len(row) == 0 || row[0] == nil {
		return "", nil
	}
	return normalized(text(row[0])), nil
}

// pragma sets a PRAGMA, whose name and value have been checked.
func (c *conn) pragma(name, value string) error { return c.run("PRAGMA " + name + " = " + value) }

// normalized makes the spellings of a boolean equal.
func normalized(value string) string {
	switch v := strings.ToLower(strings.Trim(value, `'"`)); v {
	case "on", "yes", "true":
		return "1"
	case "off", "no", "false":
		return "0"
	default:
		return v
	}
}

// checkSettings refuses names that the classifier does not call a setting, and
// values that are more than a word or a number: both become part of SQL text.
func (w *Writer) checkSettings(ctx context.Context, c *conn, pragmas map[string]string) error {
	for name, value := range pragmas {
		if !plain(name) || !plain(value) {
			return fault.Refuse(fault.Protocol, "PRAGMA %q = %q is not a name and a plain value", name, value)
		}
		if _, known := w.settingNames.Load(name); known {
			continue
		}
		stmts, err := w.opts.Classifier.Classify(ctx, c.db, "PRAGMA "+name+" = "+value)
		if err != nil {
			return asTarget(err)
		}
		if !isSetting(stmts, name) {
			return fault.Refuse(fault.Unsupported, "PRAGMA %s is not a setting that travels with a session", name)
		}
		w.settingNames.Store(name, true)
	}
	return nil
}

func isSetting(stmts []sqlclass.Statement, name string) bool {
	return len(stmts) == 1 && stmts[0].Kind == sqlclass.Setting && stmts[0].Pragma == name
}

func plain(s string) bool {
	for i := range len(s) {
		b := s[i]
		ok := b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' ||
			i == 0 && (b == '-' || b == '+') && len(s) > 1
		if !ok {
			return false
		}
	}
	return s != ""
}
