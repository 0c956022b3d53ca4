package conformance

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// show writes v exactly: Go type and value, floats by their bits, times with
// their zone, nil and empty byte slices apart.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case float64:
		return fmt.Sprintf("float64 %s (%016x)", strconv.FormatFloat(v, 'g', -1, 64), math.Float64bits(v))
	case string:
		return "string " + long(strconv.Quote(v), v)
	case []byte:
		if v == nil {
			return "[]byte nil"
		}
		return "[]byte " + long(fmt.Sprintf("x'%x'", v), string(v))
	case time.Time:
		zone, offset := v.Zone()
		return fmt.Sprintf("time %s zone=%q offset=%d loc=%q",
			v.Format("2006-01-02T15:04:05.000000000"), zone, offset, v.Location())
	case driver.Valuer: // sql.Null*, and the cases' own types
		val, err := v.Value()
		if err != nil {
			return fmt.Sprintf("%T error %s", v, describeError(err))
		}
		return fmt.Sprintf("%T{%s}", v, show(val))
	default:
		return fmt.Sprintf("%T %v", v, v)
	}
}

// long replaces a text that is too long to read by its start, length and hash.
func long(text, raw string) string {
	const limit = 160
	if len(text) <= limit {
		return text
	}
	sum := sha256.Sum256([]byte(raw))
	return fmt.Sprintf("%.40s… (%d bytes, sha256 %x)", text, len(raw), sum[:8])
}

// compact is v as the cases write it in gives.
func compact(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []byte:
		return fmt.Sprintf("x'%x'", v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case driver.Valuer:
		val, err := v.Value()
		if err != nil {
			return "error"
		}
		return compact(val)
	default:
		return fmt.Sprint(v)
	}
}

// pointed returns what each pointer points to.
func pointed(ptrs []any) []any {
	out := make([]any, len(ptrs))
	for i, p := range ptrs {
		out[i] = reflect.ValueOf(p).Elem().Interface()
		if raw, ok := out[i].(sql.RawBytes); ok {
			out[i] = []byte(raw)
		}
	}
	return out
}

// sentinels are the errors that callers compare with.
var sentinels = []struct {
	name string
	err  error
}{
	{"context.Canceled", context.Canceled},
	{"context.DeadlineExceeded", context.DeadlineExceeded},
	{"sql.ErrTxDone", sql.ErrTxDone},
	{"sql.ErrNoRows", sql.ErrNoRows},
	{"sql.ErrConnDone", sql.ErrConnDone},
	{"driver.ErrBadConn", driver.ErrBadConn},
	{"io.EOF", io.EOF},
}

// describeError writes err with everything that a caller can ask of it and
// that does not depend on the driver's own error type.
func describeError(err error) string {
	if err == nil {
		return "ok"
	}
	var is []string
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			is = append(is, s.name)
		}
	}
	suffix := ""
	if len(is) > 0 {
		suffix = " is " + strings.Join(is, ", ")
	}
	var se *fault.SQLError
	if errors.As(fault.FromDriver(err), &se) {
		return fmt.Sprintf("sqlite error %d, extended %d, %q%s", se.Code, se.ExtendedCode, err, suffix)
	}
	return fmt.Sprintf("error %q%s", err, suffix)
}
