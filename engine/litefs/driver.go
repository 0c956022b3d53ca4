package litefs

import (
	"database/sql/driver"
	"reflect"
	"strings"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

var _ engine.DriverChecker = (*Engine)(nil)

// CheckDriver implements [engine.DriverChecker]. It knows drivers by their
// packages, and imports none.
func (e *Engine) CheckDriver(d driver.Driver) error {
	t := reflect.TypeOf(d)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t != nil && strings.HasPrefix(t.PkgPath(), "github.com/ncruces/go-sqlite3") {
		return fault.New(fault.Config, "driver: github.com/ncruces/go-sqlite3 does not work on a LiteFS mount: "+
			"it takes open-file-description locks, which LiteFS answers with an I/O error (its first write fails). "+
			"Use modernc.org/sqlite or github.com/mattn/go-sqlite3")
	}
	return nil
}
