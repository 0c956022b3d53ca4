//go:build unix

package litefs

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

func TestFirstState(t *testing.T) {
	t.Parallel()
	self := engine.Self{Name: "self", Addr: "self:7000"}
	for _, tt := range []struct {
		name    string
		role    role
		self    engine.Self
		want    engine.State
		problem string
	}{
		{"primary", primary, self, engine.State{Role: engine.Primary, Primary: engine.Peer(self)}, ""},
		{"replica", replica, self, engine.State{Role: engine.Replica, Primary: engine.Peer{Name: "other", Addr: "other:7000"}}, ""},
		{"nobody", role{}, self, engine.State{}, "election"},
		{"client beside the primary", primary, engine.Self{Name: "tool"},
			engine.State{Role: engine.Replica, Primary: engine.Peer{Name: "self", Addr: "self:7000"}}, ""},
		{"client beside a replica", replica, engine.Self{Name: "tool"},
			engine.State{Role: engine.Replica, Primary: engine.Peer{Name: "other", Addr: "other:7000"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.set(func(f *fake) { f.role = tt.role })
			f.primaryFile(tt.role.host)
			e := f.open(Options{}, quick)
			if err := e.Start(t.Context(), tt.self); err != nil {
				t.Fatal(err)
			}
			got, _ := e.Watch()
			problem := got.Problem
			got.Problem = nil
			tt.want.Term = 1
			if got != tt.want {
				t.Errorf("state = %+v, want %+v", got, tt.want)
			}
			if tt.problem == "" && problem != nil || tt.problem != "" && (problem == nil || !strings.Contains(problem.Error(), tt.problem)) {
				t.Errorf("problem = %v, want %q", problem, tt.problem)
			}
			if e.Cluster() != "LFSC0123" {
				t.Errorf("Cluster = %q", e.Cluster())
			}
			if got, want := f.database(e).MayCreate(), tt.want.Role == engine.Primary; got != want {
				t.Errorf("MayCreate = %v, want %v", got, want)
			}
		})
	}
}

// A handover passes through a moment in which nobody is primary.
func TestHandover(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e, d := f.start(replica, at(5, 5), quick)
	h, _ := d.History()
	wantError(t, d.Fence(1), fault.NotPrimary, "other")

	f.become(role{})
	waitFor(t, e, "the election", hasProblem(engine.Unknown, "election"))
	h = waitRaised(t, d, h)
	f.become(primary)
	s := waitFor(t, e, "the role", isPrimary)
	waitRaised(t, d, h)
	if s.Term != 3 || s.Primary != (engine.Peer{Name: "self", Addr: "self:7000"}) {
		t.Errorf("state = %+v, want term 3, itself as primary", s)
	}
	if err := d.Fence(3); err != nil {
		t.Errorf("Fence of the term = %v", err)
	}
	wantError(t, d.Fence(1), fault.NotPrimary, "term 3")

	h, _ = d.History()
	f.become(role{host: "third"})
	if s := waitFor(t, e, "the third node", follows("third")); s.Term != 4 {
		t.Errorf("state = %+v, want term 4", s)
	}
	waitRaised(t, d, h)
	wantError(t, d.Fence(3), fault.NotPrimary, "third")
	f.send(`{"type":"somethingNew","data":[1,2]}`) // is skipped
	f.tx(at(6, 6))
	waitPos(t, d, at(6, 6))
}

// Right after a handoff, or when LiteFS is started again before its lease has
// ended, it takes its own node for the primary that it is to follow. Its hostname
// is known since it was primary, or by its address.
func TestReplicaOfItself(t *testing.T) {
	t.Parallel()
	itself := func(text ...string) func(engine.State) bool {
		return func(s engine.State) bool {
			ok := s.Role == engine.Unknown && s.Primary == engine.Peer{} && s.Problem != nil
			for _, word := range text {
				ok = ok && strings.Contains(s.Problem.Error(), word)
			}
			return ok
		}
	}
	for _, tt := range []struct {
		name, port string
		before     role
	}{{"by hostname", "1", primary}, {"by address", "7000", replica}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.become(tt.before)
			e := f.open(Options{Port: tt.port}, quick)
			if err := e.Start(t.Context(), engine.Self{Name: "node", Addr: "self:7000"}); err != nil {
				t.Fatal(err)
			}
			d := f.database(e)
			f.become(role{host: "self"})
			s := waitFor(t, e, "the election", itself("election", "itself", `"self"`, "same lease.hostname"))
			wantError(t, d.Fence(s.Term), fault.NotPrimary)
			f.set(func(f *fake) { f.refuse = true })
			f.drop()
			waitFor(t, e, "the end of the events", itself("503"))
			f.set(func(f *fake) { f.refuse = false })
			waitFor(t, e, "the events again", itself("election"))
			f.become(replica)
			waitFor(t, e, "the primary", func(s engine.State) bool { return s.Role == engine.Replica && s.Primary.Name == "other" })
		})
	}
}

// The same role again is no change.
func TestRepeatedRoleIsSilent(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e, d := f.start(replica, at(5, 5), lazy())
	_, changed := e.Watch()
	h, _ := d.History()
	f.send(roleLine("primaryChange", replica))
	f.tx(at(6, 6))
	waitPos(t, d, at(6, 6))
	select {
	case <-changed:
		t.Error("a State was published that says the same")
	default:
	}
	if now, _ := d.History(); now != h+1 { // by the first transaction
		t.Errorf("history went from %d to %d", h, now)
	}
}

func TestWithoutEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		role    role
		primary string // .primary after the events ended
		want    func(engine.State) bool
	}{
		{"replica", replica, "other", hasProblem(engine.Replica, "may be stale")},
		{"replica of another", replica, "third", func(s engine.State) bool {
			return s.Term == 2 && s.Primary.Addr == "third:7000" && hasProblem(engine.Replica, "third is primary according to .primary")(s)
		}},
		{"replica without .primary", replica, "", hasProblem(engine.Unknown, "503")},
		{"primary", primary, "", hasProblem(engine.Unknown, "503")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			e, d := f.start(tt.role, at(5, 5), quick)
			h, _ := d.History()
			term := e.snap.Load().state.Term
			f.primaryFile(tt.primary)
			f.set(func(f *fake) { f.refuse = true })
			f.drop()
			waitFor(t, e, "being without events", tt.want)
			wantError(t, d.Fence(term), fault.NotPrimary)

			f.at(at(6, 6)) // read by looking, now that no event tells it
			waitPos(t, d, at(6, 6))
			f.primaryFile(tt.role.host)
			f.set(func(f *fake) { f.refuse = false })
			if tt.role.isPrimary {
				s := waitFor(t, e, "the role", isPrimary)
				if s.Term == term {
					t.Error("the term is the same after a time without events")
				}
			} else {
				waitFor(t, e, "the primary", follows("other"))
			}
			waitRaised(t, d, h)
		})
	}
}

func TestSuspectConnectsNow(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	tm := lazy()
	e, _ := f.start(replica, engine.Position{}, tm)
	f.set(func(f *fake) { f.refuse = true })
	f.drop()
	waitFor(t, e, "the end of the events", func(s engine.State) bool { return s.Problem != nil })
	f.set(func(f *fake) { f.refuse = false })
	e.Suspect()
	waitFor(t, e, "the primary", follows("other"))
}

func TestEventsOfAnotherNode(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e, d := f.start(primary, engine.Position{}, quick)
	if err := d.Fence(1); err != nil {
		t.Fatal(err)
	}
	f.primaryFile("other")
	waitFor(t, e, "the doubt", hasProblem(engine.Unknown, "litefs_url"))
	wantError(t, d.Fence(1), fault.NotPrimary)
	f.primaryFile("")
	waitFor(t, e, "the role", isPrimary)

	g := newFake(t) // the same from the start on
	g.primaryFile("other")
	g.set(func(f *fake) { f.role = primary })
	e = g.open(Options{}, quick)
	if err := e.Start(t.Context(), engine.Self{Name: "self", Addr: "self:7000"}); err != nil {
		t.Fatal(err)
	}
	if s, _ := e.Watch(); !hasProblem(engine.Unknown, "litefs_url")(s) {
		t.Errorf("first state = %+v", s)
	}
}

func TestStaleLag(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	e, _ := f.start(replica, engine.Position{}, quick)
	f.lag("+000005001")
	waitFor(t, e, "the alarm", hasProblem(engine.Replica, "no heartbeat"))
	f.lag("+000000100")
	waitFor(t, e, "its end", follows("other"))
	f.lag("-000000100")
	f.lag("+2147483647") // no replication yet: not stale
	e.Suspect()
	waitFor(t, e, "the primary", follows("other"))
}

func TestFrozenLocalLiteFS(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	tm := quick
	tm.httpWait = 50 * time.Millisecond
	e, _ := f.start(primary, engine.Position{}, tm)
	f.set(func(f *fake) { f.hang = true })
	waitFor(t, e, "the alarm", hasProblem(engine.Primary, "stopped or hung"))
	f.set(func(f *fake) { f.hang = false })
	waitFor(t, e, "its end", isPrimary)
}

func TestUnmounted(t *testing.T) {
	t.Parallel()
	for _, r := range []role{primary, replica} {
		f := newFake(t)
		e, _ := f.start(r, engine.Position{}, quick)
		f.remove(".lag")
		waitFor(t, e, "the alarm", func(s engine.State) bool {
			return s.Role != engine.Primary && s.Problem != nil && strings.Contains(s.Problem.Error(), "not mounted")
		})
		f.lag("+000000000")
		waitFor(t, e, "its end", func(s engine.State) bool { return s.Problem == nil })
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	self := engine.Self{Name: "self", Addr: "self:7000"}
	t.Run("before the mount", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		f.remove(".lag")
		f.set(func(f *fake) { f.role = primary })
		e := f.open(Options{}, quick)
		started := make(chan error, 1)
		go func() { started <- e.Start(t.Context(), self) }()
		waitFor(t, e, "what is missing", hasProblem(engine.Unknown, "not mounted"))
		f.lag("+000000000")
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		waitFor(t, e, "the role", isPrimary)
	})
	for _, tt := range []struct {
		name string
		set  func(*fake)
		word string
	}{
		{"no mount", func(f *fake) { f.remove(".lag") }, "not mounted"},
		{"nothing listens", func(f *fake) { f.server.Close() }, "litefs_url"},
		{"no events", func(f *fake) { f.refuse = true }, "503"},
		{"no answer", func(f *fake) { f.hangAll = true }, "litefs_url"},
		{"no info", func(f *fake) { f.hang = true }, "info"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.set(tt.set)
			e := f.open(Options{StartTimeout: 100 * time.Millisecond}, quick)
			wantError(t, e.Start(context.Background(), self), fault.Config, tt.word, "100ms")
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			e = f.open(Options{}, quick)
			if err := e.Start(ctx, self); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), tt.word) {
				t.Errorf("Start = %v, want the context's error and %q", err, tt.word)
			}
		})
	}
	t.Run("contract", func(t *testing.T) {
		t.Parallel()
		f := newFake(t)
		e := f.open(Options{}, quick)
		wantError(t, e.Start(t.Context(), engine.Self{}), fault.Config, "name")
		if err := e.Start(t.Context(), self); err != nil {
			t.Fatal(err)
		}
		wantError(t, e.Start(t.Context(), self), fault.Config, "twice")
		for range 2 {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		wantError(t, e.Start(t.Context(), self), fault.Closed)
		e.Suspect()
		if s, _ := e.Watch(); !errors.Is(s.Problem, fault.Closed) || s.Role != engine.Unknown {
			t.Errorf("state after Close = %+v", s)
		}
		if _, err := e.Database(f.dir + "/new.db"); !errors.Is(err, fault.Closed) {
			t.Errorf("Database after Close = %v", err)
		}
	})
}

func TestCloseLeavesStuckGoroutines(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	release, entered := make(chan struct{}), make(chan struct{})
	tm := quick
	tm.closeWait, tm.resolveWait = time.Millisecond, time.Millisecond
	f.set(func(f *fake) { f.role = replica })
	e := f.open(Options{PeerAddr: func(string) (string, error) {
		close(entered)
		<-release
		return "x:1", nil
	}}, tm)
	if err := e.Start(t.Context(), engine.Self{Name: "self", Addr: "self:1"}); err != nil {
		t.Fatal(err)
	}
	<-entered
	waitFor(t, e, "the slow resolver", hasProblem(engine.Replica, "has not returned"))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	left := e.looseOnes()
	if len(left) != 1 {
		t.Errorf("%d goroutines left, want 1", len(left))
	}
	close(release)
	for _, done := range left {
		<-done
	}
}

// A FIFO whose other end nobody opens holds a reader as a frozen mount does.
func TestFrozenMount(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	tm := quick
	tm.closeWait, tm.readWait = time.Millisecond, 10*time.Millisecond
	e, d := f.start(primary, at(5, 5), tm)
	fifo := filepath.Join(f.dir, ".lag")
	if err := syscall.Mkfifo(fifo+".new", 0o600); err != nil {
		t.Skip("no FIFO here:", err)
	}
	if err := os.Rename(fifo+".new", fifo); err != nil {
		t.Fatal(err)
	}
	waitFor(t, e, "the alarm", hasProblem(engine.Primary, "hangs"))
	f.tx(at(6, 6)) // events go on
	waitPos(t, d, at(6, 6))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	left := e.looseOnes()
	if len(left) != 1 {
		t.Errorf("%d goroutines left, want 1", len(left))
	}
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	for _, done := range left {
		<-done
	}
}

// Close at any moment ends everything; TestMain counts what is left.
func TestCloseDuringEverything(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		f := newFake(t)
		f.set(func(f *fake) { f.role = primary })
		f.at(at(5, 5))
		e := f.open(Options{}, quick)
		var wg sync.WaitGroup
		wg.Go(func() { e.Start(context.Background(), engine.Self{Name: "self", Addr: "self:1"}) })
		if i%2 == 0 {
			waitFor(t, e, "the role", isPrimary)
		}
		d := f.database(e)
		ctx, cancel := context.WithCancel(context.Background())
		wg.Go(func() {
			for n := uint64(6); ctx.Err() == nil; n++ {
				f.tx(at(n, n))
				if n%7 == 0 {
					f.drop()
				}
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				h, _ := d.History()
				_, _ = d.Snapshot(ctx, h)
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				s, _ := e.Watch()
				if d.Fence(s.Term) == nil {
					_, _ = d.Committed(ctx)
				}
				d.Failed(&fault.SQLError{Code: 10, ExtendedCode: 266})
				_ = d.Settle(ctx, s.Term, true, errors.New("x"))
				e.Suspect()
			}
		})
		_, moved := d.Watch()
		<-moved
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		wg.Wait()
		if _, err := d.Snapshot(context.Background(), 0); err == nil {
			t.Error("Snapshot after Close has no error")
		}
	}
}

// That the events have not come yet when .primary has been read is no trouble.
func TestQuietStart(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.become(replica)
	f.at(at(5, 5))
	f.set(func(f *fake) { f.hangAll = true })
	var log lockedBuffer
	tm := lazy()
	e := f.open(Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), StartTimeout: 50 * time.Millisecond}, tm)
	if err := e.Start(t.Context(), engine.Self{Name: "self", Addr: "self:1"}); err == nil {
		t.Fatal("started without events")
	}
	if s, _ := e.Watch(); s.Primary.Name != replica.host {
		t.Fatalf("state = %+v, want the primary of .primary", s)
	}
	if got := log.String(); got != "" {
		t.Errorf("log: %s", got)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
