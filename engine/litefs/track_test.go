package litefs

import (
	"testing"

	"github.com/litefwd/litefwd/engine"
)

// a, b and c are checksums; the same id with another is another history.
const (
	a = iota + 1
	b
	c
)

// act is one thing that happens to a track.
type act struct {
	event   engine.Position // an event, unless zero
	dropped bool
	read    engine.Position // a read of "-pos" after what came before, unless zero
	stale   bool            // read was begun before the last act
	connect engine.Position // the first read of a new connection
	cut     bool            // the events end
	role    bool            // the role changes
	own     engine.Position // Committed
}

func TestTrack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		primary bool
		acts    []act // after a first connection at 5/a
		pos     engine.Position
		raised  int
		told    int // losses reported
	}{
		{"next", true, []act{{event: at(6, a)}, {event: at(7, b)}}, at(7, b), 0, 0},
		{"next on a replica", false, []act{{event: at(6, a)}, {event: at(7, b)}}, at(7, b), 1, 0},
		{"the first after each role", false, []act{{event: at(6, a)}, {role: true}, {event: at(7, b)}, {event: at(8, b)}}, at(8, b), 3, 0},
		{"confirms the read", true, []act{{event: at(4, a)}, {event: at(5, a)}, {event: at(6, a)}}, at(6, a), 0, 0},
		{"skip", true, []act{{event: at(7, a)}}, at(7, a), 1, 1},
		{"skip later", true, []act{{event: at(6, a)}, {event: at(9, a)}}, at(9, a), 1, 1},
		{"back", true, []act{{event: at(6, a)}, {event: at(3, b)}, {event: at(4, b)}}, at(4, b), 1, 1},
		{"same id", true, []act{{event: at(6, a)}, {event: at(6, b)}}, at(6, b), 1, 1},
		{"same id as the read", true, []act{{event: at(5, b)}}, at(5, b), 1, 1},
		{"same twice", true, []act{{event: at(6, a)}, {event: at(6, a)}, {event: at(7, a)}}, at(7, a), 0, 0},
		{"dropped", true, []act{{event: at(6, a), dropped: true}, {event: at(7, a)}}, at(7, a), 1, 0},
		{"read ahead says nothing", true, []act{{read: at(6, a)}, {event: at(6, a)}}, at(6, a), 0, 0},
		{"read of old says nothing", true, []act{{event: at(6, a)}, {read: at(5, a), stale: true}}, at(6, a), 0, 0},
		{"read finds it back, event follows", true, []act{{event: at(6, a)}, {read: at(3, b)}, {event: at(3, b)}, {event: at(4, b)}},
			at(4, b), 1, 1},
		{"read finds another", true, []act{{event: at(6, a)}, {read: at(6, b)}, {event: at(6, b)}, {event: at(7, b)}}, at(7, b), 1, 1},
		{"read finds it back, old events follow", true, []act{{event: at(6, a)}, {read: at(3, b)}, {event: at(7, a)}, {event: at(8, a)},
			{event: at(3, b)}, {event: at(4, b)}}, at(4, b), 1, 1},
		{"read finds it back and on", true, []act{{event: at(6, a)}, {read: at(4, b)}, {event: at(3, b)}, {event: at(4, b)}, {event: at(5, b)}},
			at(5, b), 1, 1},
		{"first event is the way back", true, []act{{event: at(3, b)}, {read: at(4, b)}, {event: at(4, b)}, {event: at(5, b)}}, at(5, b), 1, 1},
		{"back and further than before", true, []act{{event: at(3, b)}, {event: at(4, b)}, {event: at(5, b)}, {event: at(6, b)}}, at(6, b), 1, 1},
		{"own commits overtake events", true, []act{{own: at(6, a)}, {own: at(7, b)}, {event: at(6, a)}, {event: at(7, b)}, {event: at(8, a)}},
			at(8, a), 0, 0},
		{"own commit was another's", true, []act{{event: at(6, a)}, {own: at(7, a)}, {event: at(7, b)}}, at(7, b), 1, 1},
		{"reconnected", true, []act{{cut: true}, {connect: at(5, a)}, {event: at(6, a)}}, at(6, a), 1, 0},
		{"reconnected further", true, []act{{cut: true}, {connect: at(9, a)}, {event: at(9, a)}, {event: at(10, a)}}, at(10, a), 1, 0},
		{"reconnected further back", true, []act{{cut: true}, {connect: at(4, b)}, {event: at(5, b)}}, at(5, b), 1, 1},
		{"blind", true, []act{{cut: true}, {read: at(5, a)}, {read: at(6, a)}, {read: at(6, b)}}, at(6, b), 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tr track
			tr.connect(at(5, a), true, true)
			if tr.history != 0 {
				t.Fatal("the first connection raised the history")
			}
			told := 0
			note := func(c change) {
				if c.why != "" {
					told++
				}
			}
			var before mark
			for _, act := range tt.acts {
				m := tr.mark()
				if act.stale {
					m = before
				}
				before = tr.mark()
				switch {
				case act.cut:
					tr.disconnect()
				case act.role:
					tr.attached = true
					tr.raise()
				case !act.connect.IsZero():
					note(tr.connect(act.connect, true, false))
				case !act.read.IsZero():
					note(tr.read(m, act.read))
				case !act.own.IsZero():
					tr.advanceTo(act.own)
				default:
					note(tr.event(event{pos: act.event, dropped: act.dropped}, !tt.primary))
				}
			}
			if tr.pos != tt.pos {
				t.Errorf("position = %v, want %v", tr.pos, tt.pos)
			}
			if int(tr.history) != tt.raised {
				t.Errorf("history raised %d times, want %d", tr.history, tt.raised)
			}
			if told != tt.told {
				t.Errorf("%d losses told, want %d", told, tt.told)
			}
		})
	}
}

func TestConfirmed(t *testing.T) {
	t.Parallel()
	var tr track
	tr.connect(at(5, a), true, true)
	for n := uint64(6); n < 6+2*ringSize; n++ {
		tr.event(event{pos: at(n, n)}, false)
	}
	last := uint64(5 + 2*ringSize)
	for _, tt := range []struct {
		name      string
		p         engine.Position
		known, ok bool
	}{
		{"newest", at(last, last), true, true},
		{"recent", at(last-10, last-10), true, true},
		{"recent, another checksum", at(last-10, a), true, false},
		{"not yet", at(last+1, a), false, false},
		{"too old to remember", at(6, 6), true, false},
	} {
		if known, ok := tr.confirmed(tt.p); known != tt.known || ok != tt.ok {
			t.Errorf("%s: confirmed = %v, %v, want %v, %v", tt.name, known, ok, tt.known, tt.ok)
		}
	}
}
