package demoapp

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// shownHits is how many hits of a search carry their text.
const shownHits = 5

// App serves the application of one node.
type App struct {
	// Name is the node's name; it is stored with each line.
	Name string
	// DB is all that the application has of litefwd.
	DB *sql.DB
	// Copy is what this node's own copy has, for those who count and check.
	Copy *sql.DB
	// Role tells the node's role and the primary's name, for GET /status only.
	Role func() (role, primary string)
}

// Handler returns the routes of the application.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /lines", answer(a.postLine))
	mux.Handle("POST /import", answer(a.postImport))
	mux.Handle("GET /lines", answer(a.getLines))
	mux.Handle("GET /search", answer(a.getSearch))
	mux.Handle("GET /status", answer(a.getStatus))
	mux.Handle("GET /check", answer(a.getCheck))
	return mux
}

const insertLine = `INSERT INTO lines (n, via, text) VALUES (?, ?, ?) RETURNING id`

// postLine writes one line: one statement, one commit.
func (a *App) postLine(r *http.Request) (any, error) {
	var line Line
	if err := decode(r, &line); err != nil {
		return nil, err
	}
	row := Row{N: line.N, Via: a.Name, Text: line.Text}
	err := a.DB.QueryRowContext(r.Context(), insertLine, row.N, row.Via, row.Text).Scan(&row.ID)
	return row, err
}

// postImport writes a list of lines in one transaction: all or none.
func (a *App) postImport(r *http.Request) (any, error) {
	var lines []Line
	if err := decode(r, &lines); err != nil {
		return nil, err
	}
	tx, err := a.DB.BeginTx(r.Context(), nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // does nothing after Commit
	for _, line := range lines {
		if _, err := tx.ExecContext(r.Context(), insertLine, line.N, a.Name, line.Text); err != nil {
			return nil, rolledBack{err}
		}
	}
	return map[string]int{"imported": len(lines)}, tx.Commit()
}

// getLines returns every row of this node's copy, for those who want to count.
func (a *App) getLines(r *http.Request) (any, error) {
	rows, err := a.Copy.QueryContext(r.Context(), `SELECT id, n, via, text FROM lines ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Row{}
	for rows.Next() {
		var row Row
		if err := rows.Scan(&row.ID, &row.N, &row.Via, &row.Text); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

func (a *App) getSearch(r *http.Request) (any, error) {
	match := matchExpression(r.URL.Query().Get("q"))
	hits := Hits{Lines: []int{}, First: []Line{}}
	if match == "" {
		return hits, nil
	}
	start := time.Now()
	rows, err := a.DB.QueryContext(r.Context(),
		`SELECT n, lines.text FROM search JOIN lines ON lines.id = search.rowid
		 WHERE search MATCH ? ORDER BY n`, match)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var line Line
		if err := rows.Scan(&line.N, &line.Text); err != nil {
			return nil, err
		}
		hits.Lines = append(hits.Lines, line.N)
		if len(hits.First) < shownHits {
			hits.First = append(hits.First, line)
		}
	}
	hits.Micros = time.Since(start).Microseconds()
	return hits, rows.Err()
}

// matchExpression turns what a person types into an FTS5 query for lines with
// all of the words; a word that ends in * is a prefix. Nothing that is typed
// is an FTS5 operator or a syntax error.
func matchExpression(typed string) string {
	var terms []string
	for word := range strings.FieldsSeq(typed) {
		stem, isPrefix := strings.CutSuffix(word, "*")
		if stem == "" {
			continue
		}
		term := `"` + strings.ReplaceAll(stem, `"`, `""`) + `"`
		if isPrefix {
			term += "*"
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, " ")
}

func (a *App) getStatus(r *http.Request) (any, error) {
	s := Status{Name: a.Name, PID: os.Getpid()}
	s.Role, s.Primary = a.Role()
	err := a.Copy.QueryRowContext(r.Context(), `SELECT count(*) FROM lines`).Scan(&s.Rows)
	return s, err
}

// getCheck asks SQLite whether this node's copy is sound and, on the primary,
// whether the search index agrees with the table.
func (a *App) getCheck(r *http.Request) (any, error) {
	check := Check{Problems: []string{}}
	rows, err := a.Copy.QueryContext(r.Context(), `PRAGMA integrity_check`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var finding string
		if err := rows.Scan(&finding); err != nil {
			return nil, err
		}
		if finding != "ok" {
			check.Problems = append(check.Problems, finding)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if err := a.checkIndex(r.Context()); err != nil {
		check.Problems = append(check.Problems, err.Error())
	}
	return check, nil
}

// checkIndex is a write as far as SQLite is concerned
// (https://www.sqlite.org/fts5.html#the_integrity_check_command).
func (a *App) checkIndex(ctx context.Context) error {
	_, err := a.DB.ExecContext(ctx, `INSERT INTO search (search, rank) VALUES ('integrity-check', 1)`)
	if err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	return nil
}

// answer makes a handler of f: its result, or a Problem, as JSON.
func answer(f func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := f(r)
		status := http.StatusOK
		if err != nil {
			status, body = problem(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(body) // an error means that the client has gone
	})
}

func decode(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return badRequest{fmt.Errorf("the request's body: %w", err)}
	}
	return nil
}
