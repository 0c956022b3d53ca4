package wire

import (
	"database/sql"
	"reflect"
	"time"

	"github.com/litefwd/litefwd/internal/forward"
)

// scanTypes are the types that SQLite drivers name as a column's scan type;
// the index travels: only append. Index 0 is "no type", which
// modernc.org/sqlite returns for a NULL. mattn/go-sqlite3 returns *interface{}
// where it means any value.
var scanTypes = [...]reflect.Type{
	0: nil,
	1: reflect.TypeFor[any](), // also for every type that is not in this list
	2: reflect.TypeFor[*any](),
	3: reflect.TypeFor[int64](), 4: reflect.TypeFor[float64](), 5: reflect.TypeFor[string](),
	6: reflect.TypeFor[[]byte](), 7: reflect.TypeFor[bool](), 8: reflect.TypeFor[time.Time](),
	9: reflect.TypeFor[sql.NullInt64](), 10: reflect.TypeFor[sql.NullFloat64](),
	11: reflect.TypeFor[sql.NullString](), 12: reflect.TypeFor[sql.NullBool](),
	13: reflect.TypeFor[sql.NullTime](), 14: reflect.TypeFor[sql.RawBytes](),
	15: reflect.TypeFor[int](), 16: reflect.TypeFor[int8](), 17: reflect.TypeFor[int16](),
	18: reflect.TypeFor[int32](), 19: reflect.TypeFor[uint8](), 20: reflect.TypeFor[uint16](),
	21: reflect.TypeFor[uint32](), 22: reflect.TypeFor[uint64](), 23: reflect.TypeFor[uint](),
	24: reflect.TypeFor[float32](), 25: reflect.TypeFor[sql.NullInt32](),
	26: reflect.TypeFor[sql.NullInt16](), 27: reflect.TypeFor[sql.NullByte](),
}

const scanAny = 1

var scanNumbers = func() map[reflect.Type]uint32 {
	m := make(map[reflect.Type]uint32, len(scanTypes))
	for i, t := range scanTypes {
		m[t] = uint32(i)
	}
	return m
}()

func newColumnType(c *forward.Column) *ColumnType {
	scan, known := scanNumbers[c.ScanType]
	if !known {
		scan = scanAny
	}
	return &ColumnType{
		Scan: scan, Nullable: c.Nullable, HasNullable: c.HasNullable,
		Length: c.Length, HasLength: c.HasLength,
		Precision: c.Precision, Scale: c.Scale, HasPrecisionScale: c.HasPrecisionScale,
	}
}

// apply sets c's type from m; a scan type of a later version is any.
func (m *ColumnType) apply(c *forward.Column) {
	scan := m.GetScan()
	if scan >= uint32(len(scanTypes)) {
		scan = scanAny
	}
	c.ScanType = scanTypes[scan]
	c.Nullable, c.HasNullable = m.GetNullable(), m.GetHasNullable()
	c.Length, c.HasLength = m.GetLength(), m.GetHasLength()
	c.Precision, c.Scale = m.GetPrecision(), m.GetScale()
	c.HasPrecisionScale = m.GetHasPrecisionScale()
}

// MaxColumns is SQLite's own highest possible number of columns.
const MaxColumns = 32767

// newHeader describes columns.
func newHeader(columns []forward.Column) *Header {
	h := &Header{Columns: make([]*Column, len(columns))}
	for i := range columns {
		c := &columns[i]
		h.Columns[i] = &Column{
			Name: []byte(c.Name), DeclType: []byte(c.DeclType), Type: newColumnType(c),
		}
	}
	return h
}

func (m *Header) columns() []forward.Column {
	columns := make([]forward.Column, len(m.GetColumns()))
	for i, c := range m.GetColumns() {
		columns[i].Name, columns[i].DeclType = string(c.GetName()), string(c.GetDeclType())
		c.GetType().apply(&columns[i])
	}
	return columns
}
