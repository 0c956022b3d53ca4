package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/litefwd/litefwd"
)

// maxNote bounds a note's text, in bytes.
const maxNote = 4096

// app is the application of one node. Only save and getHealth know that it is
// one of several.
type app struct {
	node *litefwd.Node
	db   *sql.DB
	log  *slog.Logger
}

// schema is what the database must have. WAL is what the shared engine sets by
// itself; on LiteFS it makes commits faster, and lets the primary's readers and
// writers go on side by side. It stays with the file.
var schema = []string{
	`PRAGMA journal_mode=WAL`,
	`CREATE TABLE IF NOT EXISTS notes (
		id   INTEGER PRIMARY KEY,
		at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
		via  TEXT NOT NULL,
		text TEXT NOT NULL
	)`,
}

// migrate is run by each node as it starts; all of it runs on the primary. A
// node may start before the primary does, so it is patient with errors that say
// that nothing ran.
func migrate(ctx context.Context, db *sql.DB) error {
	for _, statement := range schema {
		for {
			_, err := db.ExecContext(ctx, statement)
			if err == nil {
				break
			}
			if !litefwd.SafeToRetry(err) {
				return fmt.Errorf("%s: %w", statement, err)
			}
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return nil
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.getNotes)
	mux.HandleFunc("POST /notes", a.postNote)
	mux.HandleFunc("GET /health", a.getHealth)
	return mux
}

// getNotes reads this node's copy. The rows are few and read to their end, so
// that they do not hold up replication.
func (a *app) getNotes(w http.ResponseWriter, r *http.Request) {
	rows, err := a.db.QueryContext(r.Context(), `SELECT at, via, text FROM notes ORDER BY id DESC LIMIT 100`)
	if err != nil {
		a.fail(w, err)
		return
	}
	defer rows.Close()
	var page strings.Builder
	for rows.Next() {
		var at, via, text string
		if err := rows.Scan(&at, &via, &text); err != nil {
			a.fail(w, err)
			return
		}
		fmt.Fprintf(&page, "%s  %s  %s\n", at, via, text)
	}
	if err := rows.Err(); err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, page.String()) // an error means that the client has gone
}

// postNote writes a note, which is the request's body, on the primary.
func (a *app) postNote(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNote))
	text := strings.TrimSpace(string(body))
	if err != nil || text == "" {
		http.Error(w, fmt.Sprintf("the body must be a note of 1 to %d bytes", maxNote), http.StatusBadRequest)
		return
	}
	if err := a.save(r.Context(), text); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func (a *app) save(ctx context.Context, text string) error {
	_, err := a.db.ExecContext(ctx, `INSERT INTO notes (via, text) VALUES (?, ?)`, a.node.Name(), text)
	var known *litefwd.Error
	if errors.Is(err, litefwd.ErrOutcomeUnknown) && errors.As(err, &known) && known.RequestID != "" {
		// The answer was lost. The primary remembers what became of the write.
		return a.node.Outcome(ctx, known.RequestID)
	}
	return err
}

// fail answers with what the client may do.
//
//	nothing ran                            | 503: send it again
//	whether it is committed is not known,  | 504: look first
//	  or it was and a failover lost it     |
//	anything else                          | 500
func (a *app) fail(w http.ResponseWriter, err error) {
	a.log.Warn("request failed", "err", err)
	switch {
	case litefwd.SafeToRetry(err):
		w.Header().Set("Retry-After", "1")
		http.Error(w, "not now, please try again", http.StatusServiceUnavailable)
	case errors.Is(err, litefwd.ErrOutcomeUnknown), errors.Is(err, litefwd.ErrHistoryChanged):
		http.Error(w, "the note may or may not have been saved", http.StatusGatewayTimeout)
	default:
		http.Error(w, "the database failed", http.StatusInternalServerError)
	}
}

// getHealth is for a load balancer: this node can answer as long as its own copy
// can be read. A missing primary is told, but is no reason to take reads away.
func (a *app) getHealth(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	var one int
	err := a.node.Local().QueryRowContext(r.Context(), `SELECT count(*) FROM sqlite_schema`).Scan(&one)
	if err != nil {
		status = http.StatusServiceUnavailable
	}
	s := a.node.Status()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{ // an error means that the client has gone
		"node":    a.node.Name(),
		"role":    s.Role.String(),
		"primary": s.Primary.Addr,
		"problem": errorText(errors.Join(err, s.Problem)),
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
