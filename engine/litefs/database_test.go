package litefs

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

func TestDatabasePaths(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e := f.open(Options{}, quick)
	one, err := e.Database(filepath.Join(f.dir, "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := e.Database(f.dir + "/./app.db"); again != one {
		t.Error("the same path gives another Database")
	}
	for _, path := range []string{"", f.dir, filepath.Join(f.dir, "sub", "app.db"), "app.db", filepath.Join(f.dir, "app.db-wal"),
		filepath.Join(f.dir, "app.db-pos"), filepath.Join(f.dir, ".primary")} {
		_, err := e.Database(path)
		wantError(t, err, fault.Config)
	}
}

func TestHistoryIsRaised(t *testing.T) {
	t.Parallel()
	failed := func(ext int) func(*fake, *database) {
		return func(f *fake, d *database) { d.Failed(&fault.SQLError{Code: ext & 0xff, ExtendedCode: ext}) }
	}
	for _, tt := range []struct {
		name string
		do   func(*fake, *database)
	}{
		{"back", func(f *fake, _ *database) { f.tx(at(3, b)) }},
		{"other checksum", func(f *fake, _ *database) { f.tx(at(5, b)) }},
		{"skip", func(f *fake, _ *database) { f.tx(at(9, a)) }},
		{"drop", func(f *fake, _ *database) { f.at(at(6, a)); f.send(txLine(at(6, a), 0)) }},
		{"reconnect", func(f *fake, _ *database) { f.drop() }},
		{"role", func(f *fake, _ *database) { f.become(replica) }},
		{"dead mount", func(f *fake, _ *database) { f.remove(".lag") }},
		{"disk I/O error", failed(266)},
		{"fstat", failed(1802)},
		{"lock", failed(3850)},
		{"cannot open", failed(14)},
		{"locking protocol", failed(15)},
		{"malformed", failed(11)},
		{"not a database", failed(26)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			_, d := f.start(primary, at(5, a), quick)
			h, _ := d.History()
			tt.do(f, d)
			waitRaised(t, d, h)
		})
	}
	t.Run("not by every error", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		_, d := f.start(primary, at(5, a), quick)
		h, _ := d.History()
		for _, ext := range []int{8, 1544, 778, 2570, 5, 1} {
			failed(ext)(f, d)
		}
		d.Failed(nil)
		waitNews(t, d, "the look", func(*track) bool { return !d.verify })
		if now, _ := d.History(); now != h {
			t.Errorf("the history went from %d to %d", h, now)
		}
	})
}

func TestBreaks(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, d := f.start(primary, at(8, a), quick)
	h, _ := d.History()
	if lost, n := d.Breaks(0); len(lost) != 0 || n != 0 {
		t.Fatalf("Breaks = %v, %d", lost, n)
	}
	f.tx(at(3, b))
	waitRaised(t, d, h)
	lost, n := d.Breaks(0)
	if n != 1 || len(lost) != 1 || lost[0].Was != at(8, a) || lost[0].Is != at(3, b) || !lost[0].Certain {
		t.Errorf("Breaks(0) = %+v, %d", lost, n)
	}
	if lost, n := d.Breaks(1); len(lost) != 0 || n != 1 {
		t.Errorf("Breaks(1) = %+v, %d", lost, n)
	}
	for id := uint64(2); id < 2+2*maxBreaks; id++ {
		d.step(func(t *track) change { return t.event(event{pos: at(100*id%7, id)}, true, id) })
	}
	if lost, now := d.Breaks(n); len(lost) != maxBreaks || now <= maxBreaks {
		t.Errorf("Breaks(%d) = %d of them, %d", n, len(lost), now)
	}
	if lost, _ := d.Breaks(1000); len(lost) != 0 {
		t.Errorf("Breaks of the future = %+v", lost)
	}
}

// LiteFS is started again after a failover: the events do not tell that the copy
// was replaced.
func TestBreakDuringAGap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		before, after role
		want          int
	}{{primary, replica, 1}, {role{host: "third"}, replica, 1}, {replica, replica, 0}, {primary, primary, 0}} {
		f := newFake(t)
		e, d := f.start(tt.before, at(5, a), quick)
		h, _ := d.History()
		f.set(func(f *fake) { f.refuse = true })
		f.drop()
		waitFor(t, e, "the end of the events", func(s engine.State) bool { return s.Problem != nil })
		f.at(at(9, b))
		f.primaryFile(tt.after.host)
		f.set(func(f *fake) { f.role, f.refuse = tt.after, false })
		waitFor(t, e, "the events again", func(s engine.State) bool { return s.Problem == nil })
		waitRaised(t, d, h)
		lost, _ := d.Breaks(0)
		if len(lost) != tt.want || tt.want > 0 && (lost[0].Was != at(5, a) || lost[0].Is != at(9, b) || lost[0].Certain) {
			t.Errorf("%+v and then %+v: Breaks = %+v", tt.before, tt.after, lost)
		}
	}
}

// A primary that is known by .primary alone, and then by the events again, may
// not have been primary all the time.
func TestTermAfterAGap(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e, d := f.start(replica, at(5, a), quick)
	before, _ := e.Watch()
	f.primaryFile(replica.host)
	h, _ := d.History()
	f.drop()
	waitRaised(t, d, h)
	waitFor(t, e, "the events again", func(s engine.State) bool { return s.Role == engine.Replica && s.Problem == nil && s.Term > before.Term })
}

func TestPositionFileAppears(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, d := f.start(primary, engine.Position{}, quick)
	h, _ := d.History()
	if p, err := d.Snapshot(t.Context(), h); err != nil || !p.IsZero() {
		t.Errorf("Snapshot of what does not exist = %v, %v", p, err)
	}
	f.tx(at(1, a))
	waitPos(t, d, at(1, a))
	if p, err := d.Snapshot(t.Context(), h); err != nil || p != at(1, a) {
		t.Errorf("Snapshot = %v, %v", p, err)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(*fake, *database) // before Snapshot; the history is read before that
		late func(*fake)            // while Snapshot waits
		want engine.Position        // zero: HistoryChanged
	}{
		{"unchanged", func(*fake, *database) {}, nil, at(5, a)},
		{"after an event", func(f *fake, d *database) { f.tx(at(6, a)); waitPos(f.t, d, at(6, a)) }, nil, at(6, a)},
		{"event in flight", func(f *fake, _ *database) { f.at(at(6, a)) }, func(f *fake) { f.send(txLine(at(6, a), 1)) }, at(6, a)},
		{"two in flight", func(f *fake, _ *database) { f.at(at(7, a)) },
			func(f *fake) { f.send(txLine(at(6, a), 1)); f.send(txLine(at(7, a), 1)) }, at(7, a)},
		{"in flight, others follow", func(f *fake, _ *database) { f.at(at(6, a)) },
			func(f *fake) { f.send(txLine(at(6, a), 1)); f.tx(at(7, a)) }, at(6, a)},
		{"in flight is another", func(f *fake, _ *database) { f.at(at(6, a)) },
			func(f *fake) { f.send(txLine(at(6, b), 1)) }, engine.Position{}},
		{"in flight goes back and on", func(f *fake, _ *database) { f.at(at(6, b)) },
			func(f *fake) { f.send(txLine(at(4, b), 1)); f.send(txLine(at(5, b), 1)); f.send(txLine(at(6, b), 1)) }, engine.Position{}},
		{"in flight skips", func(f *fake, _ *database) { f.at(at(9, a)) },
			func(f *fake) { f.send(txLine(at(9, a), 1)) }, engine.Position{}},
		{"in flight, events end", func(f *fake, _ *database) { f.at(at(6, a)) }, func(f *fake) { f.drop() }, engine.Position{}},
		{"in flight, role lost", func(f *fake, _ *database) { f.at(at(6, a)) }, func(f *fake) { f.become(role{}) }, engine.Position{}},
		{"back", func(f *fake, _ *database) { f.at(at(4, b)) }, nil, engine.Position{}},
		{"other checksum", func(f *fake, _ *database) { f.at(at(5, b)) }, nil, engine.Position{}},
		{"unreadable", func(f *fake, _ *database) { f.write("app.db-pos", "what?") }, nil, engine.Position{}},
		{"older history", func(f *fake, d *database) {
			h, _ := d.History()
			f.drop()
			waitRaised(f.t, d, h)
		}, nil, engine.Position{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			_, d := f.start(primary, at(5, a), lazy())
			h, _ := d.History()
			tt.do(f, d)
			type result struct {
				pos engine.Position
				err error
			}
			got := make(chan result, 1)
			d.mu.Lock()
			d.news.ch = nil // whoever waits makes it
			d.mu.Unlock()
			go func() {
				pos, err := d.Snapshot(t.Context(), h)
				got <- result{pos, err}
			}()
			if tt.late != nil {
				waitUntilWaiting(t, d)
				tt.late(f)
			}
			r := <-got
			if tt.want.IsZero() {
				wantError(t, r.err, fault.HistoryChanged)
				return
			}
			if r.err != nil || r.pos != tt.want {
				t.Errorf("Snapshot = %v, %v, want %v", r.pos, r.err, tt.want)
			}
		})
	}
}

// waitUntilWaiting waits until somebody waits for news of d.
func waitUntilWaiting(t testing.TB, d *database) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		d.mu.Lock()
		waits := d.news.ch != nil
		d.mu.Unlock()
		if waits {
			return
		}
		<-time.After(100 * time.Microsecond)
	}
	t.Fatal("nobody waits")
}

func TestSnapshotBounds(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	tm := lazy()
	tm.snapshotWait = 10 * time.Millisecond
	_, d := f.start(primary, at(5, a), tm)
	h, _ := d.History()
	f.at(at(6, a))
	_, err := d.Snapshot(t.Context(), h)
	wantError(t, err, fault.HistoryChanged, "10ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Snapshot(ctx, h); !errors.Is(err, context.Canceled) {
		t.Errorf("Snapshot with an ended context = %v", err)
	}
}

// Without events a change of the position is an unknown history; then reads
// go on.
func TestSnapshotWithoutEvents(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e, d := f.start(replica, at(5, a), lazy())
	f.set(func(f *fake) { f.refuse = true })
	f.drop()
	waitFor(t, e, "the end of the events", func(s engine.State) bool { return s.Problem != nil })
	h, _ := d.History()
	if p, err := d.Snapshot(t.Context(), h); err != nil || p != at(5, a) {
		t.Errorf("Snapshot = %v, %v", p, err)
	}
	f.at(at(6, a))
	waitRaised(t, d, h) // by a look, as long as the connection is tried
	h, _ = d.History()
	if p, err := d.Snapshot(t.Context(), h); err != nil || p != at(6, a) {
		t.Errorf("Snapshot = %v, %v", p, err)
	}
}
