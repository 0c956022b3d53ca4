package litefwd

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/sqlclass"
	"github.com/litefwd/litefwd/internal/sqldriver"
)

// stmt is a prepared statement: a text that is routed anew with each use. On
// the local handle it is prepared as far as that is possible; the copy may
// lack tables that the primary has.
type stmt struct {
	c    *conn
	text string
	// prepared is nil if this copy cannot prepare it, or if the handle that it
	// was prepared on was given up.
	prepared *sqldriver.Stmt
	numInput int // what it said, -1 if it never was
	// class is what the text was classified as, for connections that have nothing of
	// their own; nil if that may be another one the next time. It spares the
	// classifier's lock, at which readers would meet. classAt is the classifier's
	// Forgotten then.
	class   []sqlclass.Statement
	classAt uint64
}

var (
	_ driver.Stmt              = (*stmt)(nil)
	_ driver.StmtExecContext   = (*stmt)(nil)
	_ driver.StmtQueryContext  = (*stmt)(nil)
	_ driver.NamedValueChecker = (*stmt)(nil)
)

// PrepareContext implements driver.ConnPrepareContext. An error that does not
// depend on the schema, such as a syntax error, is returned at once; one that
// does waits until the statement is used, and where.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	classAt := c.db.classifier.Forgotten()
	q := call{text: query}
	err := c.compile(ctx, &q, func() (err error) {
		q.stmts, err = c.classify(ctx, query)
		return err
	})
	if err != nil {
		return nil, err
	}
	stmts := q.stmts
	if inTx := c.tx != nil && !c.tx.here; inTx && some(stmts, runsInTx) {
		return &stmt{c: c, text: query, numInput: -1}, nil
	}
	if err := refused(stmts); err != nil {
		return nil, err
	}
	if some(stmts, mustNotCompile) {
		return &stmt{c: c, text: query, numInput: -1}, nil
	}
	if c.fresh() != nil && c.renewable() {
		if err := c.renew(ctx); err != nil {
			return nil, err
		}
	}
	err = c.compile(ctx, &q, func() (err error) {
		q.prepared, err = c.local.Prepare(ctx, query)
		return err
	})
	if err != nil && !c.mayDiffer(err) {
		return nil, err
	}
	s := &stmt{c: c, text: query, prepared: q.prepared, numInput: -1}
	if c.private == nil && !some(stmts, isNoQuery) {
		s.class, s.classAt = stmts, classAt
	}
	if s.prepared != nil {
		s.numInput = s.prepared.NumInput()
		c.stmts[s] = struct{}{}
	}
	return s, nil
}

// mustNotCompile reports whether s must not be prepared on the local handle:
// SQLite runs many PRAGMAs while it compiles them, and mattn/go-sqlite3 crashes
// when it runs a text without a statement.
func mustNotCompile(s *sqlclass.Statement) bool {
	return s.Pragma != "" || s.Kind == sqlclass.Empty
}

// mayDiffer reports whether preparing may go better on the primary, or inside
// the open transaction, than it did on the local handle with err.
func (c *conn) mayDiffer(err error) bool {
	var e *fault.SQLError
	if c.localOnly || !errors.As(err, &e) {
		return false
	}
	inTx := c.tx != nil && !c.tx.here
	return (inTx || c.standIn || !c.db.isPrimary()) && e.Code == fault.CodeError && !isSyntaxError(e.Msg)
}

// isSyntaxError knows the errors of SQLite's tokenizer and parser, which no
// schema can change.
func isSyntaxError(msg string) bool {
	for _, s := range []string{"syntax error", "incomplete input", "unrecognized token"} {
		if strings.Contains(msg, s) {
			return true
		}
	}
	return false
}

// NumInput is the local driver's answer; -1, which leaves counting to the
// primary, if it could not prepare the text.
func (s *stmt) NumInput() int { return s.numInput }

func (s *stmt) Close() error {
	if s.prepared == nil {
		return nil
	}
	return s.release()
}

// release frees what is prepared on the local handle.
func (s *stmt) release() error {
	err := s.prepared.Close()
	s.prepared = nil
	delete(s.c.stmts, s)
	return err
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.c.exec(ctx, s.call(args))
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.c.query(ctx, s.call(args))
}

func (s *stmt) call(args []driver.NamedValue) call {
	q := call{text: s.text, args: args, prepared: s.prepared}
	if s.c.private != nil || s.class == nil {
		return q
	}
	if now := s.c.db.classifier.Forgotten(); s.classAt != now {
		stmts, known := s.c.db.classifier.Known(s.text)
		if !known {
			return q
		}
		s.class, s.classAt = stmts, now
	}
	q.stmts = s.class
	return q
}

// isNoQuery reports whether s is no query of the main database. Such a one stays one
// (see sqlclass.Classifier).
func isNoQuery(s *sqlclass.Statement) bool { return s.Kind != sqlclass.Read || s.Pragma != "" }

// Exec implements driver.Stmt for callers without contexts.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query implements driver.Stmt for callers without contexts.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func (s *stmt) CheckNamedValue(v *driver.NamedValue) error { return s.c.CheckNamedValue(v) }

func named(values []driver.Value) []driver.NamedValue {
	args := make([]driver.NamedValue, len(values))
	for i, v := range values {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return args
}
