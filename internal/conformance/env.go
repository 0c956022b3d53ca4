package conformance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"testing"
)

// Execer is what *sql.DB, *sql.Conn and *sql.Tx have in common.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

var (
	_ Execer = (*sql.DB)(nil)
	_ Execer = (*sql.Conn)(nil)
	_ Execer = (*sql.Tx)(nil)
)

// Env is what a step works with. Its methods record what they see.
type Env struct {
	T   *testing.T
	Ctx context.Context
	// X is what the case runs on: the *sql.DB, one *sql.Conn, or the *sql.Tx.
	X Execer
	// DB is the way's database. Steps of cases that run in a transaction
	// leave it alone.
	DB *sql.DB
	// Conn is set for OnConn outside a transaction; Tx inside one.
	Conn *sql.Conn
	Tx   *sql.Tx

	// Vars carries values from one step of a case to the next.
	Vars map[string]any

	rec  Record
	rows []string
}

// Note writes one line of the transcript.
func (e *Env) Note(format string, args ...any) {
	e.rec.Lines = append(e.rec.Lines, fmt.Sprintf(format, args...))
}

// Err records err under label and returns it.
func (e *Env) Err(label string, err error) error {
	e.Note("%s: %s", label, describeError(err))
	return err
}

// Exec runs query on x.
func (e *Env) Exec(x Execer, query string, args ...any) error {
	res, err := x.ExecContext(e.Ctx, query, args...)
	return e.result(res, err)
}

// StmtExec runs stmt.
func (e *Env) StmtExec(stmt *sql.Stmt, args ...any) error {
	res, err := stmt.ExecContext(e.Ctx, args...)
	return e.result(res, err)
}

func (e *Env) result(res sql.Result, err error) error {
	if err != nil {
		return e.Err("exec", err)
	}
	id, n, err := counters(res)
	if errors.Is(err, errNilResult) {
		e.Note("exec: ok, %v", err)
		return nil
	}
	e.Note("exec: ok, id %d, rows affected %d", id, n)
	if err != nil {
		return e.Err("result", err)
	}
	return nil
}

var errNilResult = errors.New("a nil result, whose methods panic")

// counters asks res. modernc.org/sqlite returns a nil driver.Result for a
// comment with arguments.
func counters(res sql.Result) (id, n int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errNilResult
		}
	}()
	id, idErr := res.LastInsertId()
	n, nErr := res.RowsAffected()
	return id, n, errors.Join(idErr, nErr)
}

// Query runs query on x and reads all rows.
func (e *Env) Query(x Execer, query string, args ...any) error {
	rows, err := x.QueryContext(e.Ctx, query, args...)
	if err != nil {
		return e.Err("query", err)
	}
	return e.ReadAll(rows)
}

// StmtQuery runs stmt and reads all rows.
func (e *Env) StmtQuery(stmt *sql.Stmt, args ...any) error {
	rows, err := stmt.QueryContext(e.Ctx, args...)
	if err != nil {
		return e.Err("query", err)
	}
	return e.ReadAll(rows)
}

// Prepare prepares query on x; the caller closes the statement.
func (e *Env) Prepare(x Execer, query string) (*sql.Stmt, error) {
	stmt, err := x.PrepareContext(e.Ctx, query)
	if err != nil {
		return nil, e.Err("prepare", err)
	}
	return stmt, nil
}

// closing closes c at the end of a step and records a failure.
func (e *Env) closing(label string, c io.Closer) {
	if err := c.Close(); err != nil {
		e.Err("close "+label, err)
	}
}

// QueryInto runs query on x and scans each row into fresh pointers of dest.
func (e *Env) QueryInto(x Execer, dest func() []any, query string, args ...any) error {
	rows, err := x.QueryContext(e.Ctx, query, args...)
	if err != nil {
		return e.Err("query", err)
	}
	defer rows.Close()
	for rows.Next() {
		ptrs := dest()
		if err := rows.Scan(ptrs...); err != nil {
			return e.Err("scan", err)
		}
		e.row(pointed(ptrs))
	}
	if err := rows.Err(); err != nil {
		return e.Err("rows", err)
	}
	return nil
}

// row records one row.
func (e *Env) row(vals []any) {
	line := ""
	small := ""
	for i, v := range vals {
		if i > 0 {
			line += " | "
			small += "|"
		}
		line += show(v)
		small += compact(v)
	}
	e.rows = append(e.rows, small)
	e.Note("row: %s", line)
}
