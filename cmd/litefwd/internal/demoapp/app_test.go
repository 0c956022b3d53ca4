package demoapp

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"testing"
)

// testApp serves the application on a plain SQLite database: it does not know
// the difference.
func testApp(t *testing.T) (*sql.DB, func(method, path string, send, receive any) int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for range 2 { // as a process does that starts later
		if err := migrate(context.Background(), db); err != nil {
			t.Fatal(err)
		}
	}
	app := &App{Name: "node-7", DB: db, Copy: db, Role: func() (string, string) { return "primary", "node-7" }}
	handler := app.Handler()
	return db, func(method, path string, send, receive any) int {
		t.Helper()
		body, err := json.Marshal(send)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(body)))
		if receive != nil {
			if err := json.Unmarshal(w.Body.Bytes(), receive); err != nil {
				t.Fatalf("%s %s: %v in %q", method, path, err, w.Body)
			}
		}
		return w.Code
	}
}

func TestWriteAndFind(t *testing.T) {
	t.Parallel()
	_, call := testApp(t)
	var row Row
	if code := call("POST", "/lines", Line{3, "A Prism of Glass"}, &row); code != 200 {
		t.Fatalf("POST /lines: %d", code)
	}
	if row.ID == 0 || row.N != 3 || row.Via != "node-7" {
		t.Errorf("acknowledged %+v", row)
	}
	if code := call("POST", "/import", []Line{{1, "the Light"}, {2, "a glass Prism"}}, nil); code != 200 {
		t.Fatalf("POST /import: %d", code)
	}
	var hits Hits
	call("GET", "/search?q=prism+glass", nil, &hits)
	if want := []int{2, 3}; !reflect.DeepEqual(hits.Lines, want) || hits.First[1].Text != "A Prism of Glass" {
		t.Errorf("found %+v, want lines %v", hits, want)
	}
	var status Status
	call("GET", "/status", nil, &status)
	if status.Rows != 3 || status.Role != "primary" || status.Name != "node-7" {
		t.Errorf("status %+v", status)
	}
}

// A second write of a line must be seen, not hidden by a key.
func TestSecondCopyIsKept(t *testing.T) {
	t.Parallel()
	_, call := testApp(t)
	for range 2 {
		if code := call("POST", "/lines", Line{1, "once"}, nil); code != 200 {
			t.Fatalf("POST /lines: %d", code)
		}
	}
	var rows []Row
	call("GET", "/lines", nil, &rows)
	if len(rows) != 2 || rows[0].N != rows[1].N {
		t.Errorf("rows %+v", rows)
	}
}

func TestImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db, call := testApp(t)
	if _, err := db.Exec(`CREATE TRIGGER no_twos BEFORE INSERT ON lines WHEN new.n = 2
		BEGIN SELECT raise(ABORT, 'no twos'); END`); err != nil {
		t.Fatal(err)
	}
	var p Problem
	if code := call("POST", "/import", []Line{{1, "a"}, {2, "b"}}, &p); code != 500 || p.Fate != NotApplied {
		t.Errorf("answer %d, %+v", code, p)
	}
	var rows []Row
	if call("GET", "/lines", nil, &rows); len(rows) != 0 {
		t.Errorf("rows %+v", rows)
	}
}

func TestCheckFindsADamagedIndex(t *testing.T) {
	t.Parallel()
	db, call := testApp(t)
	call("POST", "/lines", Line{1, "light"}, nil)
	var check Check
	if call("GET", "/check", nil, &check); len(check.Problems) != 0 {
		t.Fatalf("a sound database: %q", check.Problems)
	}
	if _, err := db.Exec(`UPDATE lines SET text = 'darkness'`); err != nil { // there is no trigger for it
		t.Fatal(err)
	}
	if call("GET", "/check", nil, &check); len(check.Problems) == 0 {
		t.Error("an index that disagrees with its table is not found")
	}
}

func TestBadRequest(t *testing.T) {
	t.Parallel()
	_, call := testApp(t)
	for _, path := range []string{"/lines", "/import"} {
		var p Problem
		if code := call("POST", path, "text", &p); code != http.StatusBadRequest || p.Fate != NotApplied {
			t.Errorf("%s: %d, %+v", path, code, p)
		}
	}
}

func TestMatchExpression(t *testing.T) {
	t.Parallel()
	_, call := testApp(t)
	call("POST", "/lines", Line{1, `Rain-bow "AND" NEAR the end*`}, nil)
	for typed, want := range map[string]string{
		"":               ``,
		"  *  ":          ``,
		"light":          `"light"`,
		"rain* bow":      `"rain"* "bow"`,
		`say "x`:         `"say" """x"`,
		"NOT AND (OR":    `"NOT" "AND" "(OR"`,
		"text:x -y ^z":   `"text:x" "-y" "^z"`,
		"rain-bow 'and'": `"rain-bow" "'and'"`,
	} {
		if got := matchExpression(typed); got != want {
			t.Errorf("%q: %s, want %s", typed, got, want)
		}
		if code := call("GET", "/search?q="+url.QueryEscape(typed), nil, nil); code != 200 {
			t.Errorf("searching for %q: %d", typed, code)
		}
	}
}
