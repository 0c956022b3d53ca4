package wire

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
)

func messages() []proto.Message {
	return []proto.Message{
		&HelloRequest{}, &HelloReply{}, &LinkHello{}, &LinkWelcome{}, &LinkRequest{}, &LinkReply{}, &QueryRequest{}, &QueryReply{},
		&TxRequest{}, &TxReply{}, &OutcomeRequest{}, &OutcomeReply{},
		&HandoverRequest{}, &HandoverReply{}, &PromoteRequest{}, &PromoteReply{},
	}
}

// decodeAll does with data what the two sides do with a message.
func decodeAll(data []byte) {
	for _, m := range messages() {
		if Unmarshal(data, m) != nil {
			continue
		}
		switch m := m.(type) {
		case *LinkHello:
			m.Meta().LinkHello()
		case *LinkWelcome:
			m.GetServer().Meta()
			m.GetError().Err()
		case *LinkRequest:
			for _, e := range m.GetExecs() {
				e.GetStatement().Forward()
			}
			m.Followed()
		case *LinkReply:
			for _, r := range m.GetReplies() {
				r.GetError().Err()
				r.GetResult().Forward()
			}
			for _, n := range m.GetNews() {
				n.Forward()
			}
			m.GetError().Err()
		case *QueryRequest:
			m.GetStatement().Forward()
		case *QueryReply:
			readRows(m.GetHeader(), m.GetRows())
			m.GetError().Err()
		case *TxRequest:
			m.GetBegin().Forward()
			m.GetStatement().Forward()
		case *TxReply:
			readRows(m.GetHeader(), m.GetRows())
		case *HandoverReply:
			m.Forward()
			m.GetError().Err()
		}
	}
	unpackArgs(data)
	for _, columns := range []int{0, 1, 3} {
		readRows(&Header{Columns: make([]*Column, columns)}, &RowBatch{Count: 5, Values: data})
	}
}

func readRows(h *Header, b *RowBatch) {
	r, err := NewRowReader(h)
	if err != nil || r.Add(b) != nil {
		return
	}
	for dest := make([]driver.Value, len(r.Columns())); r.Next(dest) == nil; {
	}
}

// FuzzDecode: whatever a peer sends, there is no panic, and not much more
// memory is allocated than was sent.
func FuzzDecode(f *testing.F) {
	st, _ := NewStatement(context.Background(), "db", forward.Statement{
		ID: forward.NewID(), SQL: "SELECT ?", Args: []driver.NamedValue{{Ordinal: 1, Name: "a", Value: "x"}},
		Session: forward.Session{Pragmas: map[string]string{"a": "b"}, LastInsertID: 3, Changes: 4},
	})
	h := newHeader([]forward.Column{{Name: "a", ScanType: reflect.TypeFor[int64]()}})
	for _, m := range []proto.Message{
		&LinkWelcome{Server: Meta{Version: Version, Cluster: "c"}.LinkHello(), Error: NewError(fault.Busy("x"))},
		&LinkRequest{Execs: []*LinkExec{{Seq: 1, Statement: st}}, Cancels: []uint64{1}, Follow: [][]byte{[]byte("db")}},
		&LinkReply{
			Replies: []*ExecReply{{Seq: 1, Error: NewError(fault.Busy("x"))}},
			News:    []*News{NewNews("db", engine.Position{TXID: 1, Checksum: 2}, 3)},
		},
		&QueryReply{Header: h, Rows: &RowBatch{Count: 1, Values: []byte{tagInt, 2}, Changes: []*ColumnChange{{Type: &ColumnType{Scan: 99}}}}},
		&TxRequest{Begin: NewBegin("db", forward.TxOptions{}), Statement: st},
		&HandoverRequest{Begin: &HandoverBegin{TimeoutNs: 1}, Sent: true, Done: &HandoverDone{Moved: true}},
		&HandoverReply{Positions: []*DatabasePosition{{Database: []byte("db"), Position: &Position{Txid: 1, Checksum: 2}}}},
	} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		decodeAll(data)
		runtime.ReadMemStats(&after)
		// All messages together; other goroutines of the fuzzer count too.
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20+uint64(len(data))*1000 {
			t.Errorf("%d bytes became %d", len(data), grown)
		}
	})
}

// Empty messages inside a large one take two bytes each on the wire.
func TestUnfoldingIsBounded(t *testing.T) {
	var data []byte
	for range maxInside + 10 {
		data = protowire.AppendTag(data, 1, protowire.BytesType)
		data = protowire.AppendBytes(data, nil)
	}
	if err := Unmarshal(data, &LinkRequest{}); err == nil {
		t.Error("accepted")
	}
	if err := Unmarshal(data[:len(data)/2/2*2], &LinkRequest{}); err != nil {
		t.Errorf("half of it: %v", err)
	}
	var deep []byte
	for len(deep) < 2*checkAbove {
		inside := append(deep, make([]byte, 1000)...)
		deep = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inside)
	}
	Unmarshal(deep, &LinkRequest{}) // must only not panic
}

func TestMalformedIsAProtocolError(t *testing.T) {
	for name, data := range map[string][]byte{
		"tag":           {200},
		"length":        {tagBytes, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"float":         {tagFloat, 1, 2},
		"varint":        {tagInt, 0x80, 0x80},
		"nanoseconds":   append([]byte{tagTime, 0}, 0xff, 0xff, 0xff, 0xff, 0x7f, 0),
		"location kind": {tagTime, 0, 0, 9},
		"empty":         {},
	} {
		r := reader{data: data}
		if r.value(); !errors.Is(r.err, fault.Protocol) {
			t.Errorf("%s: %v", name, r.err)
		}
	}
	r, _ := NewRowReader(&Header{Columns: []*Column{{}}})
	if err := r.Add(&RowBatch{Count: 1 << 30, Values: []byte{0}}); !errors.Is(err, fault.Protocol) {
		t.Errorf("count: %v", err)
	}
	if err := r.Add(&RowBatch{Count: 1, Values: []byte{0, 0}}); err != nil {
		t.Fatal(err)
	}
	if err := r.Next(make([]driver.Value, 1)); !errors.Is(err, fault.Protocol) {
		t.Errorf("trailing bytes: %v", err)
	}
	if _, err := (&Statement{Id: []byte{1}}).Forward(); !errors.Is(err, fault.Protocol) {
		t.Errorf("id: %v", err)
	}
}

func TestSessionRoundTrip(t *testing.T) {
	for _, want := range []forward.Session{
		{}, {LastInsertID: -1}, {Changes: 1 << 40},
		{Pragmas: map[string]string{"a": "b"}, LastInsertID: 3, Changes: 4},
	} {
		if got := newSession(want).forward(); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v became %+v", want, got)
		}
	}
}

func TestErrorsRoundTrip(t *testing.T) {
	for _, want := range []error{
		&fault.SQLError{Code: 19, ExtendedCode: 2067, Msg: "UNIQUE \xff"},
		fault.WithAftermath(&fault.SQLError{Code: 19, ExtendedCode: 2067, Msg: "m"},
			fault.Aftermath{LastInsertID: -3, Changes: 1 << 40, Position: engine.Position{TXID: 7, Checksum: 8}}),
		&fault.Error{Kind: fault.OutcomeUnknown, Msg: "m", RequestID: "id"},
		&fault.Error{Kind: fault.NotPrimary, NothingRan: true},
		&fault.Error{Kind: 99, Committed: true},
		context.Canceled, context.DeadlineExceeded,
		&textError{text: "not enough args to execute query: want 2 got 1"},
	} {
		if got := NewError(want).Err(); !reflect.DeepEqual(got, want) {
			t.Errorf("%#v became %#v", want, got)
		}
		if got := FromStatus(Status(want)); !reflect.DeepEqual(got, want) {
			t.Errorf("as a status %#v became %#v", want, got)
		}
	}
	wrapped := fmt.Errorf("waiting: %w", context.Canceled)
	if got := NewError(wrapped).Err(); !errors.Is(got, context.Canceled) || got.Error() != wrapped.Error() {
		t.Errorf("%v became %v", wrapped, got)
	}
	if got := (&Error{Kind: 1 << 20}).Err(); got == nil {
		t.Error("unknown kind is no error")
	}
	if FromStatus(io.EOF) != nil {
		t.Error("io.EOF has a message")
	}
}

func TestScanTypes(t *testing.T) {
	for i, typ := range scanTypes {
		var c forward.Column
		newColumnType(&forward.Column{ScanType: typ}).apply(&c)
		if c.ScanType != typ {
			t.Errorf("%d: %v became %v", i, typ, c.ScanType)
		}
	}
	var c forward.Column
	newColumnType(&forward.Column{ScanType: reflect.TypeFor[testing.T]()}).apply(&c)
	if c.ScanType != reflect.TypeFor[any]() {
		t.Errorf("unknown type became %v", c.ScanType)
	}
	(&ColumnType{Scan: 1 << 30}).apply(&c)
	if c.ScanType != reflect.TypeFor[any]() {
		t.Errorf("type of a later version became %v", c.ScanType)
	}
}
