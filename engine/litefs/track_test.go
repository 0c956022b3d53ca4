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
	another bool            // connect finds another primary
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
		{"skip later, same primary", true, []act{{event: at(6, a)}, {event: at(9, a)}}, at(9, a), 1, 0},
		{"skip later, another primary", true, []act{{event: at(6, a)}, {role: true}, {event: at(9, a)}}, at(9, a), 2, 1},
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
		{"reconnected, another primary", true, []act{{cut: true}, {connect: at(5, a), another: true}, {event: at(6, a)}}, at(6, a), 1, 0},
		{"reconnected further, another primary", true, []act{{event: at(6, a)}, {cut: true}, {own: at(7, a)}, {connect: at(9, a), another: true},
			{event: at(9, a)}, {event: at(10, a)}, {cut: true}, {connect: at(12, a)}}, at(12, a), 2, 1},
		{"reconnected further, another primary, read before", true, []act{{cut: true}, {read: at(9, a)}, {connect: at(9, a), another: true}},
			at(9, a), 2, 1},
		{"reconnected further, another primary, read back before", true, []act{{cut: true}, {read: at(4, b)}, {connect: at(9, b), another: true}},
			at(9, b), 2, 1},
		{"reconnected further back", true, []act{{cut: true}, {connect: at(4, b)}, {event: at(5, b)}}, at(5, b), 1, 1},
		{"blind", true, []act{{cut: true}, {read: at(5, a)}, {read: at(6, a)}, {read: at(6, b)}}, at(6, b), 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tr track
			tr.connect(at(5, a), true, true, false)
			if tr.history != 0 {
				t.Fatal("the first connection raised the history")
			}
			told := 0
			note := func(c change) {
				if c.told() {
					told++
				}
			}
			var before mark
			term := uint64(1)
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
					term++
					tr.attached = true
					tr.raise()
				case !act.connect.IsZero():
					term++
					note(tr.connect(act.connect, true, false, act.another))
				case !act.read.IsZero():
					note(tr.read(m, act.read))
				case !act.own.IsZero():
					tr.advanceTo(act.own, term)
				default:
					note(tr.event(event{pos: act.event, dropped: act.dropped}, !tt.primary, term))
				}
			}
			if got := tr.line.Last(); got != tt.pos {
				t.Errorf("position = %v, want %v", got, tt.pos)
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
	tr.connect(at(5, a), true, true, false)
	const many = 5000 // more than are remembered
	for n := uint64(6); n < 6+many; n++ {
		tr.event(event{pos: at(n, n)}, false, 1)
	}
	last := uint64(5 + many)
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

// What a waiting write is told as its copy moves.
func TestStandingOnTrack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(tr *track) // after 5/a was confirmed in term 1
		p    engine.Position
		term uint64
		want engine.Standing
	}{
		{"next", func(tr *track) { tr.event(event{pos: at(6, a)}, true, 1) }, at(6, a), 1, engine.Held},
		{"own commit", func(tr *track) { tr.advanceTo(at(6, a), 1); tr.advanceTo(at(7, a), 1) }, at(6, a), 1, engine.Held},
		{"another history, two further", func(tr *track) {
			tr.attached = true
			tr.event(event{pos: at(6, b)}, true, 2)
			tr.event(event{pos: at(7, b)}, true, 2)
		}, at(6, a), 1, engine.Lost},
		{"a former primary, its snapshot to come", func(tr *track) { tr.attached = true }, at(4, b), 2, engine.Coming},
		{"a former primary, its snapshot has come", func(tr *track) { tr.attached = true; tr.event(event{pos: at(4, b)}, true, 2) },
			at(4, b), 2, engine.Held},
		{"the snapshot looks like the next transaction", func(tr *track) { tr.attached = true; tr.event(event{pos: at(6, b)}, true, 2) },
			at(5, a), 1, engine.Unclear},
		{"a read finds it back", func(tr *track) { tr.read(tr.mark(), at(4, b)) }, at(6, a), 1, engine.Coming},
		{"a read finds it back, the event says whose", func(tr *track) {
			tr.read(tr.mark(), at(4, b))
			tr.event(event{pos: at(4, b)}, true, 2)
		}, at(4, b), 2, engine.Held},
		{"reconnected further", func(tr *track) { tr.disconnect(); tr.connect(at(8, b), true, false, false) }, at(6, a), 1, engine.Coming},
		{"reconnected further, and on", func(tr *track) {
			tr.disconnect()
			tr.connect(at(8, b), true, false, false)
			tr.event(event{pos: at(9, b)}, true, 2)
		}, at(6, a), 1, engine.Unclear},
		{"reconnected, unchanged", func(tr *track) { tr.disconnect(); tr.connect(at(5, a), true, false, false) }, at(5, a), 1, engine.Held},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tr track
			tr.connect(at(4, a), true, true, false)
			tr.event(event{pos: at(5, a)}, true, 1)
			tt.do(&tr)
			if got := tr.line.Standing(tt.p, tt.term); got != tt.want {
				t.Errorf("%v in term %d is %v, want %v", tt.p, tt.term, got, tt.want)
			}
		})
	}
}
