package litefs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// patience bounds what must happen; it is never what makes a test pass.
const patience = 20 * time.Second

// quick makes the engine's turns short, and leaves its bounds long.
var quick = timing{
	backoffMin: time.Millisecond, backoffMax: 4 * time.Millisecond,
	httpWait: patience, infoTurn: 2 * time.Millisecond,
	lookTurn: 2 * time.Millisecond, lookFast: time.Millisecond,
	staleAfter: 5 * time.Second, contradiction: 10 * time.Millisecond,
	resolveWait: patience, snapshotWait: patience, commitWait: patience,
	readWait: patience, closeWait: patience,
}

// lazy looks only when something tells it to.
func lazy() timing {
	t := quick
	t.infoTurn, t.lookTurn, t.contradiction = time.Hour, time.Hour, time.Hour
	return t
}

func TestMain(m *testing.M) {
	os.Unsetenv("FLY_APP_NAME")
	before := runtime.NumGoroutine()
	code := m.Run()
	if leak := leaks(before); code == 0 && leak != "" {
		fmt.Fprintln(os.Stderr, "left behind after all tests:", leak)
		code = 1
	}
	os.Exit(code)
}

// leaks returns what closed engines left: goroutines and open "-pos" files.
func leaks(before int) string {
	end := time.Now().Add(patience)
	for runtime.NumGoroutine() > before && time.Now().Before(end) {
		runtime.Gosched() // connections of httptest end on their own
	}
	buf := make([]byte, 1<<20)
	var found []string
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "litefs.(*Engine)") || strings.Contains(g, "litefs.(*database)") || strings.Contains(g, "net/http.(*persistConn)") {
			found = append(found, g)
		}
	}
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		if to, _ := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); strings.Contains(to, "-pos") {
			found = append(found, to)
		}
	}
	return strings.Join(found, "\n")
}

// fake is a LiteFS: a directory that looks like its mount, and its HTTP API.
type fake struct {
	t      testing.TB
	dir    string
	server *httptest.Server

	mu      sync.Mutex
	role    role
	own     string // its own hostname
	info    nodeInfo
	hang    bool // /info does not answer
	hangAll bool // nor does /events
	refuse  bool // /events answers 503
	promote func() (status int, text string)
	asked   int // POST /promote
	streams map[chan string]struct{}
	began   chan struct{} // closed, and replaced, when a stream begins
	release chan struct{} // closed at the end: hanging handlers return
}

// newFake returns a mounted LiteFS that knows no primary.
func newFake(t testing.TB) *fake {
	t.Helper()
	f := &fake{
		t: t, dir: t.TempDir(), own: "self",
		info:    nodeInfo{ClusterID: "LFSC0123", Candidate: true},
		streams: make(map[chan string]struct{}),
		began:   make(chan struct{}),
		release: make(chan struct{}),
	}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(func() {
		close(f.release)
		f.drop()
		f.server.Close()
	})
	f.lag("+000000000")
	return f
}

// end ends the fake, as a LiteFS that is killed. Who connects again meanwhile must not
// be served, since the server waits for its requests.
func (f *fake) end() {
	f.set(func(f *fake) { f.refuse = true })
	f.server.CloseClientConnections()
	f.server.Close()
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	hang, hangAll, refuse, promote := f.hang, f.hangAll, f.refuse, f.promote
	f.mu.Unlock()
	if hangAll || hang && r.URL.Path == "/info" {
		select {
		case <-f.release:
		case <-r.Context().Done():
		}
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /events":
		if refuse {
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		}
		f.serveEvents(w, r)
	case "GET /info":
		f.mu.Lock()
		host := f.role.host
		if f.role.isPrimary {
			host = f.own
		}
		fmt.Fprintf(w, `{"clusterID":%q,"isPrimary":%v,"candidate":%v,"path":"/data","primary":{"hostname":%q}}`,
			f.info.ClusterID, f.role.isPrimary, f.info.Candidate, host)
		f.mu.Unlock()
	case "POST /promote":
		f.mu.Lock()
		f.asked++
		f.mu.Unlock()
		status, text := promote()
		if status != http.StatusOK {
			http.Error(w, text, status)
		}
	default:
		http.NotFound(w, r)
	}
}

func (f *fake) serveEvents(w http.ResponseWriter, r *http.Request) {
	lines := make(chan string, 4096)
	f.mu.Lock()
	lines <- roleLine("init", f.role)
	f.streams[lines] = struct{}{}
	close(f.began)
	f.began = make(chan struct{})
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.streams, lines)
		f.mu.Unlock()
	}()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return
			}
			fmt.Fprintln(w, line)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func roleLine(kind string, r role) string {
	host := ""
	if r.host != "" {
		host = fmt.Sprintf(`,"hostname":%q`, r.host)
	}
	return fmt.Sprintf(`{"type":%q,"data":{"isPrimary":%v%s}}`, kind, r.isPrimary, host)
}

func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) send(line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		s <- line
	}
}

// become changes the role as LiteFS does: .primary first, then the event.
func (f *fake) become(r role) {
	f.primaryFile(r.host)
	f.set(func(f *fake) { f.role = r })
	f.send(roleLine("primaryChange", r))
}

// drop ends all event streams, as LiteFS does when one cannot keep up.
func (f *fake) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		close(s)
		delete(f.streams, s)
	}
}

func (f *fake) write(name, contents string) {
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(contents), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fake) remove(name string) {
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
}

// lag replaces .lag in one step, so that nobody reads it empty.
func (f *fake) lag(ms string) {
	f.write(".lag.new", ms+"\n")
	if err := os.Rename(filepath.Join(f.dir, ".lag.new"), filepath.Join(f.dir, ".lag")); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fake) primaryFile(host string) {
	if host == "" {
		f.remove(".primary")
		return
	}
	f.write(".primary.new", host+"\n")
	if err := os.Rename(filepath.Join(f.dir, ".primary.new"), filepath.Join(f.dir, ".primary")); err != nil {
		f.t.Fatal(err)
	}
}

// at writes app.db's position in place, as readers keep the file open.
func (f *fake) at(p engine.Position) {
	file, err := os.OpenFile(filepath.Join(f.dir, "app.db-pos"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteAt([]byte(p.String()+"\n"), 0)
		file.Close()
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func txLine(p engine.Position, pages int) string {
	return fmt.Sprintf(`{"type":"tx","db":"app.db","data":{"txID":"%016x","postApplyChecksum":"%016x",`+
		`"pageSize":4096,"commit":%d,"timestamp":"2026-01-02T03:04:05Z"}}`, p.TXID, p.Checksum, pages)
}

// tx moves app.db as LiteFS does: the position first, then the event.
func (f *fake) tx(p engine.Position) {
	f.at(p)
	f.send(txLine(p, 1))
}

func at(txid, sum uint64) engine.Position { return engine.Position{TXID: txid, Checksum: sum} }

var (
	primary = role{isPrimary: true}
	replica = role{host: "other"}
)

func (f *fake) open(o Options, t timing) *Engine {
	f.t.Helper()
	o.URL = f.server.URL
	if o.Port == "" {
		o.Port = "7000"
	}
	e, err := open(f.dir, o, t)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { e.Close() })
	return e
}

// start opens and starts an engine in role r, with app.db at p.
func (f *fake) start(r role, p engine.Position, t timing) (*Engine, *database) {
	f.t.Helper()
	f.primaryFile(r.host)
	f.set(func(f *fake) { f.role = r })
	if !p.IsZero() {
		f.at(p)
	}
	e := f.open(Options{}, t)
	if err := e.Start(f.t.Context(), engine.Self{Name: "self", Addr: "self:7000"}); err != nil {
		f.t.Fatalf("Start: %v", err)
	}
	return e, f.database(e)
}

func (f *fake) database(e *Engine) *database {
	f.t.Helper()
	db, err := e.Database(filepath.Join(f.dir, "app.db"))
	if err != nil {
		f.t.Fatal(err)
	}
	return db.(*database)
}

// waitFor returns the first State that ok accepts.
func waitFor(t testing.TB, e *Engine, what string, ok func(engine.State) bool) engine.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		s, changed := e.Watch()
		if ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s; state: %+v", what, s)
		}
	}
}

func isPrimary(s engine.State) bool { return s.Role == engine.Primary && s.Problem == nil }

func follows(name string) func(engine.State) bool {
	return func(s engine.State) bool {
		return s.Role == engine.Replica && s.Primary.Name == name && s.Problem == nil
	}
}

func hasProblem(r engine.Role, text string) func(engine.State) bool {
	return func(s engine.State) bool {
		return s.Role == r && s.Problem != nil && strings.Contains(s.Problem.Error(), text)
	}
}

// waitPos waits until Watch says p.
func waitPos(t testing.TB, d *database, p engine.Position) {
	t.Helper()
	timeout := time.After(patience)
	for {
		now, moved := d.Watch()
		if now == p {
			return
		}
		select {
		case <-moved:
		case <-timeout:
			t.Fatalf("waited in vain for position %v; it is %v", p, now)
		}
	}
}

// waitNews waits until a step of the track makes ok true.
func waitNews(t testing.TB, d *database, what string, ok func(*track) bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		d.mu.Lock()
		done, news := ok(&d.track), d.news.wait()
		d.mu.Unlock()
		if done {
			return
		}
		select {
		case <-news:
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// waitRaised waits until the history is not h.
func waitRaised(t testing.TB, d *database, h uint64) uint64 {
	t.Helper()
	timeout := time.After(patience)
	for {
		now, raised := d.History()
		if now != h {
			return now
		}
		select {
		case <-raised:
		case <-timeout:
			t.Fatalf("the history remained %d", h)
		}
	}
}

// wantError checks kind and words of an error.
func wantError(t testing.TB, err error, kind fault.Kind, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error = %v, want kind %q", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}
