package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/litefwd/litefwd/cmd/litefwd/internal/demoapp"
)

// fakeApp is an application that does to a write what fault says.
type fakeApp struct {
	// fault is called for the nth attempt (from 1) to write a line; "" means
	// that the write succeeds.
	fault func(line, attempt int) string

	mu       sync.Mutex
	attempts map[int]int
	rows     []demoapp.Row
}

func startFake(t *testing.T, fault func(line, attempt int) string) (*fakeApp, *client) {
	t.Helper()
	f := &fakeApp{fault: fault, attempts: map[int]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /lines", f.post)
	mux.HandleFunc("GET /lines", f.get)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return f, newClient("node-1", strings.TrimPrefix(server.URL, "http://"), 4)
}

func (f *fakeApp) post(w http.ResponseWriter, r *http.Request) {
	var line demoapp.Line
	json.NewDecoder(r.Body).Decode(&line)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempts[line.N]++
	fault := f.fault(line.N, f.attempts[line.N])
	stores := fault == "" || strings.HasPrefix(fault, "stored, ")
	if stores {
		f.rows = append(f.rows, demoapp.Row{ID: int64(len(f.rows) + 1), N: line.N, Text: line.Text})
	}
	switch strings.TrimPrefix(fault, "stored, ") {
	case "":
		json.NewEncoder(w).Encode(f.rows[len(f.rows)-1])
	case "cut":
		panic(http.ErrAbortHandler) // closes the connection
	case "cut in the answer":
		w.Header().Set("Content-Length", "100")
		w.Write([]byte(`{"n"`))
	case "refused":
		w.WriteHeader(http.StatusServiceUnavailable)
		json.NewEncoder(w).Encode(demoapp.Problem{Text: "no primary", Fate: demoapp.NotApplied})
	case "unknown":
		w.WriteHeader(http.StatusGatewayTimeout)
		json.NewEncoder(w).Encode(demoapp.Problem{Text: "outcome unknown", Fate: demoapp.Unknown})
	case "no reason":
		w.WriteHeader(http.StatusBadGateway)
	}
}

func (f *fakeApp) get(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	json.NewEncoder(w).Encode(f.rows)
}

// Every fault in the first attempt of some line, and what comes of it.
func TestLoadAndSettle(t *testing.T) {
	t.Parallel()
	faults := map[int]string{
		2: "refused", 3: "cut", 4: "stored, cut", 5: "unknown", 6: "stored, unknown",
		7: "stored, cut in the answer", 8: "no reason",
	}
	want := map[int]fate{
		1: acknowledged, 2: acknowledged, 3: unknownResent, 4: unknownFound, 5: unknownResent, 6: unknownFound,
		7: unknownFound, 8: unknownResent, 9: acknowledged,
	}
	app, c := startFake(t, func(line, attempt int) string {
		if attempt > 1 {
			return ""
		}
		return faults[line]
	})
	lines := numbered(9)
	l := &load{queue: newQueue(lines), ledger: newLedger(), writers: 3}
	l.through(t.Context(), c, nil)
	l.wait()
	if err := settleDoubts(t.Context(), c, l.ledger, lines); err != nil {
		t.Fatal(err)
	}
	fates, _, refused := l.ledger.counts()
	for n, f := range want {
		if fates[n] != f {
			t.Errorf("line %d (%q): fate %d, want %d", n, faults[n], fates[n], f)
		}
	}
	if refused != 1 {
		t.Errorf("%d refused, want 1", refused)
	}
	if got := audit(lines, fates, app.rows); !got.ok(len(lines)) {
		t.Errorf("audit: %+v", got)
	}
}

func TestSettleGivesUp(t *testing.T) {
	t.Parallel()
	app, c := startFake(t, func(int, int) string { return "unknown" })
	l := newLedger()
	l.doubt(1)
	err := settleDoubts(t.Context(), c, l, numbered(1))
	if err == nil || app.attempts[1] != settleRounds {
		t.Errorf("after %d attempts: %v", app.attempts[1], err)
	}
}

func TestDeadNodeIsCertain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	c := newClient("node-1", strings.TrimPrefix(server.URL, "http://"), 1)
	server.Close()
	err := c.write(t.Context(), demoapp.Line{N: 1})
	if err == nil || fateOf(err) != demoapp.NotApplied {
		t.Errorf("a write to a port that nobody listens on: %v", err)
	}
}
