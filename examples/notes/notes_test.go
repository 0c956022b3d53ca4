package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/litefwdtest"
)

// start runs the program, and returns its address and what ends it.
func start(t *testing.T, dsn string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-http", "127.0.0.1:0", "-dsn", dsn}, func(addr string) { ready <- addr })
	}()
	stop = func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	select {
	case addr := <-ready:
		return "http://" + addr, stop
	case err := <-ended:
		t.Fatalf("run: %v", err)
		return "", nil
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v %s", url, resp.Status, err, body)
	}
	return string(body)
}

func post(t *testing.T, url, note string) int {
	t.Helper()
	resp, err := http.Post(url+"/notes", "text/plain", strings.NewReader(note))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// One process after the other on the shared engine: what was acknowledged is
// there after a stop.
func TestRun(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "notes.db") + "?engine=shared&listen=127.0.0.1:0"
	url, stop := start(t, dsn)
	if code := post(t, url, "buy milk"); code != http.StatusCreated {
		t.Errorf("POST /notes: %d", code)
	}
	if code := post(t, url, " "); code != http.StatusBadRequest {
		t.Errorf("an empty note: %d", code)
	}
	if health := get(t, url+"/health"); !strings.Contains(health, `"role":"primary"`) {
		t.Errorf("health: %s", health)
	}
	stop()

	url, stop = start(t, dsn)
	if page := get(t, url+"/"); strings.Count(page, "buy milk") != 1 {
		t.Errorf("after a restart: %q", page)
	}
	stop()
}

func TestBadDSN(t *testing.T) {
	for _, dsn := range []string{"", filepath.Join(t.TempDir(), "notes.db")} {
		if err := run(t.Context(), []string{"-dsn", dsn}, nil); err == nil {
			t.Errorf("the DSN %q was accepted", dsn)
		}
	}
}

// A note that is written on a replica is read there at once, also when the
// answer of the primary is lost.
func TestReplica(t *testing.T) {
	c := litefwdtest.New(t, 2, litefwdtest.WithWAL())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := migrate(ctx, c.DB(0)); err != nil {
		t.Fatal(err)
	}
	replica := &app{node: c.Node(1), db: c.DB(1), log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(replica.routes())
	defer server.Close()
	for _, lost := range []bool{false, true} {
		if lost {
			c.DropReply(1)
		}
		if code := post(t, server.URL, "a note"); code != http.StatusCreated {
			t.Errorf("POST /notes, answer lost: %v: %d", lost, code)
		}
	}
	if page := get(t, server.URL+"/"); strings.Count(page, "a note") != 2 {
		t.Errorf("the replica's page: %q", page)
	}
	if health := get(t, server.URL+"/health"); !strings.Contains(health, `"role":"replica"`) {
		t.Errorf("health: %s", health)
	}
}
