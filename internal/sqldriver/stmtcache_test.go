package sqldriver

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"testing"
)

// closer is a driver.Stmt that counts how often it was closed.
type closer struct {
	driver.Stmt
	closed int
}

func (c *closer) Close() error { c.closed++; return nil }

func TestStmtCache(t *testing.T) {
	c := &StmtCache{Limit: 3}
	prepared := map[string]*closer{}
	prepare := func(sql string) *Kept {
		prepared[sql] = &closer{}
		return c.New(sql, &Stmt{raw: prepared[sql]})
	}
	for i := range 3 {
		c.Put(prepare(fmt.Sprint(i)), nil)
	}
	zero := c.Take("0")
	if zero == nil || c.Take("0") != nil || c.Take("new") != nil {
		t.Error("what is kept is found once, and nothing else")
	}
	second := c.New("0", &Stmt{raw: &closer{}}) // somebody needs it at the same time
	c.Put(second, nil)
	c.Put(zero, nil)
	if prepared["0"].closed != 0 || second.raw.(*closer).closed != 1 || c.Take("0") != zero {
		t.Error("of two of a text the first is kept")
	}
	c.Put(prepare("3"), nil) // "1" was not used for longest; "0" is in use
	if prepared["1"].closed != 1 || c.Take("1") != nil || prepared["0"].closed != 0 {
		t.Error("the one that was not used for longest goes")
	}
	two, three := c.Take("2"), c.Take("3")
	c.Put(prepare("4"), nil) // all are in use
	if prepared["4"].closed != 1 {
		t.Error("there is no room, and yet it was kept")
	}
	c.Put(two, []driver.NamedValue{{Value: strings.Repeat("x", keptArgBytes+1)}})
	if prepared["2"].closed != 1 || c.Take("2") != nil {
		t.Error("a statement with large arguments is kept")
	}
	c.Drop(three)
	c.Put(prepare(strings.Repeat("y", MaxKeptSQL+1)), nil)
	c.Put(zero, nil)
	c.Close()
	for sql, s := range prepared {
		if s.closed != 1 {
			t.Errorf("%.10s was closed %d times", sql, s.closed)
		}
	}
}
