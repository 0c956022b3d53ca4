package wire

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

func TestPositionsRoundTrip(t *testing.T) {
	many := map[string]engine.Position{}
	for i := range maxPositions {
		many[fmt.Sprint(i)] = engine.Position{TXID: uint64(i), Checksum: 1 << 63}
	}
	for _, want := range []map[string]engine.Position{
		{}, {"app.db": {TXID: 1, Checksum: 2}, "\xff": {}, strings.Repeat("n", MaxDatabaseName): {TXID: 3}}, many,
	} {
		positions, err := NewPositions(want)
		if err != nil {
			t.Fatal(err)
		}
		data, err := proto.Marshal(&HandoverReply{Positions: positions})
		if err != nil {
			t.Fatal(err)
		}
		var m HandoverReply
		if err := Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if got, err := m.Forward(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%d positions became %d, %v", len(want), len(got), err)
		}
	}
}

func TestPositionsAreBounded(t *testing.T) {
	many := map[string]engine.Position{}
	for i := range maxPositions + 1 {
		many[fmt.Sprint(i)] = engine.Position{}
	}
	for _, positions := range []map[string]engine.Position{many, {strings.Repeat("n", MaxDatabaseName+1): {}}} {
		if _, err := NewPositions(positions); !errors.Is(err, fault.TooLarge) {
			t.Errorf("sending: %v", err)
		}
		var m HandoverReply
		for name := range positions {
			m.Positions = append(m.Positions, &DatabasePosition{Database: []byte(name)})
		}
		if _, err := m.Forward(); !errors.Is(err, fault.TooLarge) {
			t.Errorf("receiving: %v", err)
		}
	}
	twice := &DatabasePosition{Database: []byte("a")}
	if _, err := (&HandoverReply{Positions: []*DatabasePosition{twice, twice}}).Forward(); !errors.Is(err, fault.Protocol) {
		t.Errorf("a name twice: %v", err)
	}
}

func TestMetaRoundTrip(t *testing.T) {
	for _, want := range []Meta{
		{}, {Version: 1, Cluster: "c", Node: "\xff", Addr: "[::1]:20203", MaxMessage: 5}, {Version: 1, Node: "client"},
	} {
		if got := MetaFrom(want.MD()); got != want {
			t.Errorf("%+v became %+v", want, got)
		}
	}
}

func TestAccept(t *testing.T) {
	for _, c := range []struct {
		mine, theirs string
		want         error
	}{{"a", "a", nil}, {"a", "", nil}, {"", "a", nil}, {"", "", nil}, {"a", "b", fault.Auth}} {
		err := Meta{Version: Version, Cluster: c.mine}.Accept(Meta{Version: Version, Cluster: c.theirs})
		if !errors.Is(err, c.want) {
			t.Errorf("cluster %q and %q: %v", c.mine, c.theirs, err)
		}
	}
	if err := (Meta{Version: 1}).Accept(Meta{Version: 2}); !errors.Is(err, fault.Protocol) {
		t.Errorf("version: %v", err)
	}
}

func TestNewsRoundTrip(t *testing.T) {
	for _, want := range []engine.Position{{}, {TXID: 1, Checksum: 1 << 63}} {
		data, err := proto.Marshal(&LinkReply{News: []*News{NewNews("\xff", want, 7)}})
		if err != nil {
			t.Fatal(err)
		}
		var m LinkReply
		if err := Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if name, got, term := m.GetNews()[0].Forward(); name != "\xff" || got != want || term != 7 {
			t.Errorf("%v became %v of %q, term %d", want, got, name, term)
		}
	}
}

func TestFollowedAreBounded(t *testing.T) {
	many := make([][]byte, MaxFollowed)
	m := LinkRequest{Follow: append(many[1:], []byte(strings.Repeat("n", MaxDatabaseName)))}
	if all, err := m.Followed(); err != nil || len(all) != MaxFollowed || len(all[MaxFollowed-1]) != MaxDatabaseName {
		t.Errorf("%d databases, %v", len(all), err)
	}
	for name, m := range map[string]*LinkRequest{
		"too many": {Follow: append(many, nil)}, "too long": {Follow: [][]byte{make([]byte, MaxDatabaseName+1)}},
	} {
		if _, err := m.Followed(); !errors.Is(err, fault.Protocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
