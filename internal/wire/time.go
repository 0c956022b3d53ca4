package wire

import (
	"encoding/binary"
	"math"
	"sync"
	"time"
)

// The kinds of location of a packed time.
const (
	zoneUTC   = 0
	zoneLocal = 1 // the sender's time.Local
	zoneNamed = 2 // an IANA name or the name of a FixedZone
)

// appendTime packs t: seconds since 1970 (zigzag), nanoseconds, kind of
// location, and unless UTC the location's name, the abbreviation and the
// offset at t. The monotonic reading is dropped.
//
// Abbreviation and offset always travel, because a local driver writes them
// into the database: what is stored must not depend on the zone files or on
// the TZ of the node that stores it.
func appendTime(dst []byte, t time.Time) []byte {
	dst = binary.AppendVarint(dst, t.Unix())
	dst = binary.AppendUvarint(dst, uint64(t.Nanosecond()))
	loc := t.Location()
	if loc == time.UTC {
		return append(dst, zoneUTC)
	}
	name := ""
	if loc == time.Local {
		dst = append(dst, zoneLocal)
	} else {
		dst = append(dst, zoneNamed)
		name = loc.String()
	}
	abbreviation, offset := t.Zone()
	for _, s := range []string{name, abbreviation} {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	return binary.AppendVarint(dst, int64(offset))
}

func (r *reader) time() time.Time {
	sec, nsec, kind := r.varint(), r.uvarint(), r.byte()
	if nsec >= 1e9 {
		r.fail("time has %d nanoseconds", nsec)
	}
	if kind > zoneNamed {
		r.fail("time has the unknown kind of location %d", kind)
	}
	if r.err != nil {
		return time.Time{}
	}
	t := time.Unix(sec, int64(nsec))
	if kind == zoneUTC {
		return t.UTC()
	}
	name, abbreviation, offset := r.bytes(), r.bytes(), r.varint()
	if offset < math.MinInt32 || offset > math.MaxInt32 {
		r.fail("time has the offset %d", offset)
	}
	if r.err != nil {
		return time.Time{}
	}
	loc := time.Local
	if kind == zoneNamed {
		loc = zones.load(string(name))
	}
	if loc != nil {
		if a, o := t.In(loc).Zone(); a == string(abbreviation) && int64(o) == offset {
			return t.In(loc)
		}
	}
	return t.In(time.FixedZone(string(abbreviation), int(offset)))
}

// zones remembers the locations that were looked up, found or not, because
// time.LoadLocation reads a file each time. It is a cache of files on disk,
// shared like time's own, and bounded because peers choose the names.
var zones = zoneCache{byName: map[string]*time.Location{}}

const maxZones = 1024 // there are about 600 names

type zoneCache struct {
	mu     sync.Mutex
	byName map[string]*time.Location // nil: no such zone
}

// load returns the IANA zone of that name, or nil. "", "UTC" and "Local" have
// a meaning of their own for LoadLocation; as names they are fixed zones.
func (c *zoneCache) load(name string) *time.Location {
	if name == "" || name == "UTC" || name == "Local" || len(name) > 64 {
		return nil
	}
	c.mu.Lock()
	loc, known := c.byName[name]
	c.mu.Unlock()
	if known {
		return loc
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		loc = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byName) >= maxZones {
		clear(c.byName)
	}
	c.byName[name] = loc
	return loc
}
