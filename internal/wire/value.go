package wire

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// The tags of packed values. They travel: never reuse or reorder them.
const (
	tagNull     = 0 // NULL
	tagInt      = 1 // zigzag varint
	tagFloat    = 2 // IEEE 754 bits, 8 bytes, little endian: keeps NaN payloads and -0
	tagFalse    = 3
	tagTrue     = 4
	tagBytes    = 5 // uvarint length, bytes
	tagNilBytes = 6 // []byte(nil), which some drivers bind as NULL and some as an empty BLOB
	tagString   = 7 // uvarint length, bytes; not necessarily UTF-8
	tagTime     = 8 // see time.go
)

// keepAbove is the size from which a decoded []byte shares memory with its
// message instead of being copied. Below it, a kept value must not pin a whole
// batch of rows.
const keepAbove = 16 << 10

// errType is the reason why a value cannot be packed; callers say which one.
var errType = errors.New("its type cannot travel to the primary")

// AppendValue appends v, packed, to dst: one byte of tag, then what the tag
// asks for. It takes the types of driver.Value and no other.
func AppendValue(dst []byte, v driver.Value) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, tagNull), nil
	case int64:
		return binary.AppendVarint(append(dst, tagInt), v), nil
	case float64:
		return binary.LittleEndian.AppendUint64(append(dst, tagFloat), math.Float64bits(v)), nil
	case bool:
		if v {
			return append(dst, tagTrue), nil
		}
		return append(dst, tagFalse), nil
	case []byte:
		if v == nil {
			return append(dst, tagNilBytes), nil
		}
		return append(binary.AppendUvarint(append(dst, tagBytes), uint64(len(v))), v...), nil
	case string:
		return append(binary.AppendUvarint(append(dst, tagString), uint64(len(v))), v...), nil
	case time.Time:
		return appendTime(append(dst, tagTime), v), nil
	default:
		return dst, errType
	}
}

// valueSize returns about how many bytes AppendValue appends: exact for the
// large ones, so that a buffer of this size is not copied while it grows.
func valueSize(v driver.Value) int {
	switch v := v.(type) {
	case []byte:
		return len(v) + 11
	case string:
		return len(v) + 11
	default:
		return 11
	}
}

// reader takes packed data apart. After the first failure every method
// returns zero values and err stays set.
type reader struct {
	data []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fault.New(fault.Protocol, format, args...)
		r.data = nil
	}
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.fail("value is cut off")
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.fail("number is cut off or too long")
		return 0
	}
	r.data = r.data[size:]
	return n
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.data)
	if size <= 0 {
		r.fail("number is cut off or too long")
		return 0
	}
	r.data = r.data[size:]
	return n
}

// bytes returns the next length-prefixed bytes, which share memory with data.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		r.fail("length %d is more than the %d bytes left", n, len(r.data))
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// value unpacks one value. A large []byte in it shares memory with data.
func (r *reader) value() driver.Value {
	switch tag := r.byte(); tag {
	case tagNull:
		return nil
	case tagInt:
		return r.varint()
	case tagFloat:
		if len(r.data) < 8 {
			r.fail("float is cut off")
			return nil
		}
		bits := binary.LittleEndian.Uint64(r.data)
		r.data = r.data[8:]
		return math.Float64frombits(bits)
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagBytes:
		b := r.bytes()
		if len(b) < keepAbove {
			return append(make([]byte, 0, len(b)), b...)
		}
		return b
	case tagNilBytes:
		return []byte(nil)
	case tagString:
		return string(r.bytes())
	case tagTime:
		return r.time()
	default:
		r.fail("value has the unknown tag %d", tag)
		return nil
	}
}

// MaxArgs is SQLite's own highest possible number of parameters
// (https://www.sqlite.org/limits.html#max_variable_number).
const MaxArgs = 32766

// packArgs packs a statement's arguments.
func packArgs(args []driver.NamedValue) ([]byte, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if len(args) > MaxArgs {
		return nil, fault.Refuse(fault.Unsupported, "%d arguments; SQLite takes %d at most", len(args), MaxArgs)
	}
	size := 0
	for _, a := range args {
		size += len(a.Name) + 8 + valueSize(a.Value)
	}
	dst := make([]byte, 0, size)
	for i, a := range args {
		dst = binary.AppendUvarint(dst, uint64(uint32(a.Ordinal)))
		dst = binary.AppendUvarint(dst, uint64(len(a.Name)))
		dst = append(dst, a.Name...)
		var err error
		if dst, err = AppendValue(dst, a.Value); err != nil {
			name := fmt.Sprintf("argument %d", i+1)
			if a.Name != "" {
				name += fmt.Sprintf(" (%q)", a.Name)
			}
			return nil, fault.Refuse(fault.Unsupported, "%s is a %T: %w", name, a.Value, err)
		}
	}
	return dst, nil
}

// unpackArgs is the inverse of packArgs.
func unpackArgs(data []byte) ([]driver.NamedValue, error) {
	if len(data) == 0 {
		return nil, nil
	}
	r := reader{data: data}
	// Three bytes are the least that an argument takes.
	args := make([]driver.NamedValue, 0, min(len(data)/3+1, 16))
	for len(r.data) > 0 && r.err == nil {
		if len(args) == MaxArgs {
			return nil, fault.New(fault.Protocol, "statement has more than %d arguments", MaxArgs)
		}
		ordinal := r.uvarint()
		if ordinal > math.MaxInt32 {
			r.fail("argument ordinal %d is too large", ordinal)
		}
		name := string(r.bytes())
		args = append(args, driver.NamedValue{Ordinal: int(ordinal), Name: name, Value: r.value()})
	}
	return args, r.err
}
