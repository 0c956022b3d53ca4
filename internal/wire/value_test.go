package wire

import (
	"database/sql/driver"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

func roundTrip(t *testing.T, v driver.Value) driver.Value {
	t.Helper()
	data, err := AppendValue(nil, v)
	if err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	r := reader{data: data}
	got := r.value()
	if r.err != nil || len(r.data) != 0 {
		t.Fatalf("%#v: %v, %d bytes left", v, r.err, len(r.data))
	}
	return got
}

func TestValues(t *testing.T) {
	for _, v := range []driver.Value{
		nil, int64(0), int64(-1), int64(math.MaxInt64), int64(math.MinInt64), true, false,
		1.5, math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64,
		"", "text", "\xff\xfe\x00", []byte(nil), []byte{}, []byte{0}, make([]byte, 2*keepAbove),
	} {
		if got := roundTrip(t, v); !reflect.DeepEqual(got, v) {
			t.Errorf("%#v became %#v", v, got)
		}
	}
	for _, bits := range []uint64{0x7ff8000000000001, 0xfff0000000000123, 1 << 63} {
		if got := math.Float64bits(roundTrip(t, math.Float64frombits(bits)).(float64)); got != bits {
			t.Errorf("float %x became %x", bits, got)
		}
	}
	for _, v := range []driver.Value{int(1), float32(1), struct{}{}, new(int64), []any{}, driver.Rows(nil)} {
		if _, err := AppendValue(nil, v); v != nil && err == nil {
			t.Errorf("%T is accepted", v)
		}
	}
}

func TestTimes(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Skip("no zone files here: ", err)
	}
	apia, _ := time.LoadLocation("Pacific/Apia")
	for _, loc := range []*time.Location{
		time.UTC, time.Local, paris, apia, time.FixedZone("", 3600), time.FixedZone("EST", -5*3600),
		time.FixedZone("UTC", 0), time.FixedZone("Local", 60), time.FixedZone("Europe/Paris", 3600),
		time.FixedZone("odd", 12345), time.FixedZone("\xff", -1),
	} {
		for _, base := range []time.Time{
			time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
			time.Date(-5000, 1, 1, 0, 0, 0, 7, time.UTC), time.Date(60000, 1, 1, 0, 0, 0, 7, time.UTC),
			time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 7, 1, 0, 0, 0, 123456789, time.UTC), time.Now(),
		} {
			v := base.In(loc)
			got := roundTrip(t, v).(time.Time)
			const layout = "2006-01-02T15:04:05.999999999 -0700 MST"
			if !got.Equal(v) || got.Format(layout) != v.Format(layout) || strings.Contains(got.String(), "m=") {
				t.Errorf("%v became %v", v, got)
			}
			if loc == time.UTC || loc == time.Local || loc == paris {
				if got.Location().String() != loc.String() {
					t.Errorf("%v: location %q", v, got.Location())
				}
			}
		}
	}
	if got := roundTrip(t, time.Time{}); got != (time.Time{}) {
		t.Errorf("zero time became %#v", got)
	}
}

// A zone name that means something else here must not shift the wall clock.
func TestZoneThatDisagrees(t *testing.T) {
	data := appendTime(nil, time.Date(2024, 7, 1, 12, 0, 0, 0, time.FixedZone("Europe/Paris", 9*3600)))
	r := reader{data: data}
	if got := r.time(); got.Hour() != 12 {
		t.Errorf("wall clock became %v", got)
	}
}

func TestArguments(t *testing.T) {
	args := []driver.NamedValue{{Ordinal: 1, Value: int64(1)}, {Ordinal: 2, Name: "é\xff", Value: nil}, {Ordinal: 7, Value: []byte{}}}
	data, err := packArgs(args)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := unpackArgs(data); err != nil || !reflect.DeepEqual(got, args) {
		t.Errorf("%+v became %+v, %v", args, got, err)
	}
	args[1].Value = map[string]int{}
	if _, err := packArgs(args); !errors.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "argument 2") {
		t.Errorf("map: %v", err)
	}
	if _, err := packArgs(make([]driver.NamedValue, MaxArgs+1)); !errors.Is(err, fault.Unsupported) {
		t.Errorf("too many: %v", err)
	}
	if _, err := unpackArgs(make([]byte, 3*(MaxArgs+1))); !errors.Is(err, fault.Protocol) {
		t.Errorf("too many received: %v", err)
	}
}

func FuzzValueRoundTrip(f *testing.F) {
	f.Add(int64(1), 1.5, "s", []byte("b"), int64(0), int64(5), "UTC", 0)
	f.Fuzz(func(t *testing.T, i int64, x float64, s string, b []byte, sec, nsec int64, zone string, offset int) {
		for _, v := range []driver.Value{i, x, s, b} {
			got := roundTrip(t, v)
			if fl, ok := v.(float64); ok {
				if math.Float64bits(got.(float64)) != math.Float64bits(fl) {
					t.Errorf("%x", math.Float64bits(fl))
				}
			} else if !reflect.DeepEqual(got, v) {
				t.Errorf("%#v became %#v", v, got)
			}
		}
		if offset > math.MaxInt32 || offset < math.MinInt32 {
			return
		}
		v := time.Unix(sec, nsec).In(time.FixedZone(zone, offset))
		got := roundTrip(t, v).(time.Time)
		_, off := got.Zone()
		if _, want := v.Zone(); !got.Equal(v) || off != want {
			t.Errorf("%v became %v", v, got)
		}
	})
}
