package conformance

import (
	"fmt"
	"strings"
)

// Case is one test of the suite.
type Case struct {
	// Area groups cases; Name is unique within it.
	Area, Name string
	// Setup is run with Exec on the way's *sql.DB before the steps and
	// outside the transaction. It must succeed; it is not recorded.
	Setup []string
	// Steps are what is recorded.
	Steps []Step
	// OnConn runs the steps on one *sql.Conn rather than on the *sql.DB, for
	// what belongs to a connection (temp tables, changes(), BEGIN as text).
	OnConn bool
	// NotInTx says why the steps cannot run inside a sql.Tx; "" if they can.
	NotInTx string
	// Needs names the features that SQLite must have been built with.
	Needs []string
	// NotOn says, by driver name, why the case cannot run on that driver.
	NotOn map[string]string
	// Differs are the ways that must give something else than the reference.
	Differs []Difference
}

// Difference is a way that rightly gives something else than the reference.
type Difference struct {
	// Way is the way's name ("replica", "replica/tx", "bare/tx"), or a
	// pattern for path.Match ("*/tx", "replica*").
	Way string
	// Driver limits it to one local driver; "" is all of them.
	Driver string
	// Reason is told to the user: it belongs in the documentation.
	Reason string
	// Check inspects the two transcripts; nil accepts any. It is not called
	// when they are equal.
	Check func(want, got *Transcript) error
	// MustDiffer makes equality a failure, so that a difference that has
	// gone is noticed.
	MustDiffer bool
}

// ID returns "area/name".
func (c *Case) ID() string { return c.Area + "/" + c.Name }

// Step is one thing that a case does.
type Step struct {
	name string
	run  func(e *Env) error
	want expectation
}

// expectation is what the reference must give, whichever driver it is.
type expectation struct {
	outcome  outcome
	extended int      // for outcomeSQLite
	text     string   // part of the error's text, for outcomeError
	rows     []string // compact rows, nil if not checked
}

type outcome uint8

const (
	outcomeOK outcome = iota
	outcomeSQLite
	outcomeError
	outcomeAny
)

// do is a step written out in Go; name appears in the transcript. An error
// that it returns is the step's outcome and is recorded.
func do(name string, run func(e *Env) error) Step { return Step{name: name, run: run} }

// exec runs sql with ExecContext.
func exec(sql string, args ...any) Step {
	return do("exec "+clip(sql), func(e *Env) error { return e.Exec(e.X, sql, args...) })
}

// query runs sql with QueryContext and reads everything.
func query(sql string, args ...any) Step {
	return do("query "+clip(sql), func(e *Env) error { return e.Query(e.X, sql, args...) })
}

// bind is one set of arguments.
func bind(args ...any) []any { return args }

// prepExec prepares sql once and runs it with ExecContext for each set.
func prepExec(sql string, sets ...[]any) Step {
	return do("prepare, exec "+clip(sql), func(e *Env) error {
		stmt, err := e.Prepare(e.X, sql)
		if err != nil {
			return err
		}
		defer e.closing("stmt", stmt)
		return each(sets, func(args []any) error { return e.StmtExec(stmt, args...) })
	})
}

// prepQuery prepares sql once and runs it with QueryContext for each set.
func prepQuery(sql string, sets ...[]any) Step {
	return do("prepare, query "+clip(sql), func(e *Env) error {
		stmt, err := e.Prepare(e.X, sql)
		if err != nil {
			return err
		}
		defer e.closing("stmt", stmt)
		return each(sets, func(args []any) error { return e.StmtQuery(stmt, args...) })
	})
}

// each runs f for all sets and returns the last error, so that one failing set
// does not hide what the following ones give.
func each(sets [][]any, f func(args []any) error) error {
	var last error
	for _, args := range sets {
		if err := f(args); err != nil {
			last = err
		}
	}
	return last
}

// scan runs sql and scans every row into the pointers that dest returns.
func scan(dest func() []any, sql string, args ...any) Step {
	return do("scan "+clip(sql), func(e *Env) error { return e.QueryInto(e.X, dest, sql, args...) })
}

// fails expects SQLite's extended result code. SQLite's own numbers are used
// so that a table of cases reads like https://www.sqlite.org/rescode.html.
func (s Step) fails(extended int) Step {
	s.want = expectation{outcome: outcomeSQLite, extended: extended}
	return s
}

// errors expects an error that contains text, with or without a SQLite code:
// one of database/sql, of the context, or of the driver's own.
func (s Step) errors(text string) Step {
	s.want = expectation{outcome: outcomeError, text: text}
	return s
}

// either accepts success and failure: the local drivers differ here, or the
// answer depends on how SQLite was built. It must still be the same each way.
func (s Step) either() Step {
	s.want = expectation{outcome: outcomeAny}
	return s
}

// gives expects these rows in all, each as its values joined by "|".
func (s Step) gives(rows ...string) Step {
	s.want.rows = append([]string{}, rows...)
	return s
}

// empty expects no rows.
func (s Step) empty() Step { return s.gives() }

// clip shortens sql for a step's name.
func clip(sql string) string {
	const limit = 90
	sql = strings.ToValidUTF8(sql, "?")
	if len(sql) > limit {
		sql = fmt.Sprintf("%s… (%d bytes)", sql[:limit], len(sql))
	}
	return fmt.Sprintf("%q", sql)
}
