package conformance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/fault"
)

// caseTimeout bounds one case on one way: a deadlock is then an error in the
// transcript rather than a test run that never ends.
const caseTimeout = 30 * time.Second

// Session is one fresh, empty database seen through one way.
type Session interface {
	// DB is the application's handle. The opener closes it in t.Cleanup.
	DB() *sql.DB
}

// Peer is implemented by sessions that can show the same database from
// another node, after it has caught up; the suite compares the dumps.
type Peer interface {
	PeerDB(ctx context.Context) (*sql.DB, error)
}

// Opener returns a Session on a new database. It is called for every case.
type Opener func(t *testing.T) Session

// Way is one way to run the cases. Each is also run inside a transaction,
// under its name with "/tx" added.
type Way struct {
	Name string
	Open Opener
}

// Config says what Run compares.
type Config struct {
	// Driver is the local driver's name: "sqlite", "sqlite3".
	Driver string
	// Bare opens the local driver alone, configured as the ways configure it
	// (journal mode, busy timeout, foreign keys).
	Bare Opener
	Ways []Way
	// Require names features (see Case.Needs) without which Run fails rather
	// than skips their cases.
	Require []string
	// Cases replaces the suite's own; nil is Cases().
	Cases []Case
	// Parallel runs cases in parallel.
	Parallel bool
}

// Run runs every case on every way.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	cases := cfg.Cases
	if cases == nil {
		cases = Cases()
	}
	have := probe(t, cfg)
	for i := range cases {
		c := &cases[i]
		t.Run(c.ID(), func(t *testing.T) {
			if why := c.NotOn[cfg.Driver]; why != "" {
				t.Skipf("not on driver %s: %s", cfg.Driver, why)
			}
			for _, f := range c.Needs {
				if !have[f] {
					t.Skipf("SKIPPED: driver %s was built without %s", cfg.Driver, f)
				}
			}
			if cfg.Parallel {
				t.Parallel()
			}
			runCase(t, cfg, c)
		})
	}
}

func runCase(t *testing.T, cfg Config, c *Case) {
	ref := reference(t, cfg, c, false)
	var refTx *Transcript
	if c.NotInTx == "" {
		refTx = reference(t, cfg, c, true)
		t.Run("bare/tx=bare", func(t *testing.T) { compare(t, cfg, c, "bare/tx", ref, refTx) })
	}
	for _, w := range cfg.Ways {
		t.Run(w.Name, func(t *testing.T) {
			compare(t, cfg, c, w.Name, ref, play(t, c, w.Open, false, nil))
		})
		if refTx == nil {
			continue
		}
		t.Run(w.Name+"/tx", func(t *testing.T) {
			compare(t, cfg, c, w.Name+"/tx", refTx, play(t, c, w.Open, true, nil))
		})
	}
}

// reference runs c on the bare driver. What the case expects of every driver
// is checked outside the transaction.
func reference(t *testing.T, cfg Config, c *Case, inTx bool) *Transcript {
	name, check := "bare", checkExpectation
	if inTx {
		name, check = "bare/tx", nil
	}
	var tr *Transcript
	if !t.Run(name, func(t *testing.T) { tr = play(t, c, cfg.Bare, inTx, check) }) || tr == nil {
		t.FailNow()
	}
	return tr
}

// play runs c once and returns its transcript.
func play(t *testing.T, c *Case, open Opener, inTx bool, check func(*testing.T, Step, *Env, error)) *Transcript {
	ctx, cancel := context.WithTimeout(t.Context(), caseTimeout)
	defer cancel()
	session := open(t)
	db := session.DB()
	for _, s := range c.Setup {
		if _, err := db.ExecContext(ctx, s); err != nil {
			t.Fatalf("setup %q: %v", s, err)
		}
	}
	// The steps begin on a new connection everywhere: a pool may change its
	// connections at any time, as litefwd's does when the file is replaced, and
	// what the setup left in one (last_insert_rowid) would be there or not.
	db.SetMaxIdleConns(0)
	db.SetMaxIdleConns(2) // database/sql's default
	e := &Env{T: t, Ctx: ctx, DB: db, X: db, Vars: map[string]any{}}
	switch {
	case inTx:
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatalf("begin: %v", err)
		}
		defer tx.Rollback()
		e.Tx, e.X = tx, tx
	case c.OnConn:
		conn, err := db.Conn(ctx)
		if err != nil {
			t.Fatalf("conn: %v", err)
		}
		defer conn.Close()
		e.Conn, e.X = conn, conn
	}
	tr := &Transcript{}
	for _, s := range c.Steps {
		e.rec, e.rows = Record{Step: s.name}, nil
		err := s.run(e)
		tr.Steps = append(tr.Steps, e.rec)
		if check != nil {
			check(t, s, e, err)
		}
	}
	if inTx {
		tr.Commit = describeError(e.Tx.Commit())
	} else if e.Conn != nil {
		if err := e.Conn.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
			t.Errorf("closing the conn: %v", err)
		}
	}
	tr.Dump = dumps(t, ctx, session)
	return tr
}

// dumps dumps the session's database, and demands the same of its peer's.
func dumps(t *testing.T, ctx context.Context, session Session) []string {
	own, err := dump(ctx, session.DB())
	if err != nil {
		return []string{"dump failed: " + describeError(err)}
	}
	p, ok := session.(Peer)
	if !ok {
		return own
	}
	db, err := p.PeerDB(ctx)
	if err != nil {
		t.Errorf("the peer: %v", err)
		return own
	}
	other, err := dump(ctx, db)
	if err != nil {
		t.Errorf("dump of the peer: %v", err)
	} else if !slices.Equal(own, other) {
		t.Errorf("the peer's database (+) differs from this node's (-):\n%s", diffLines(own, other))
	}
	return own
}

// checkExpectation fails the reference when the case itself is wrong.
func checkExpectation(t *testing.T, s Step, e *Env, err error) {
	t.Helper()
	problem := s.want.check(err, e.rows)
	if problem != "" {
		t.Errorf("the case is wrong for this driver: step %s: %s\n    %s",
			s.name, problem, strings.Join(e.rec.Lines, "\n    "))
	}
}

func (w expectation) check(err error, rows []string) string {
	var se *fault.SQLError
	isSQL := errors.As(fault.FromDriver(err), &se)
	switch {
	case w.outcome == outcomeOK && err != nil:
		return "unexpected " + describeError(err)
	case w.outcome == outcomeSQLite && (!isSQL || se.ExtendedCode != w.extended):
		return fmt.Sprintf("got %s, want extended code %d", describeError(err), w.extended)
	case w.outcome == outcomeError && (err == nil || !strings.Contains(err.Error(), w.text)):
		return fmt.Sprintf("got %s, want an error with %q", describeError(err), w.text)
	}
	if w.rows != nil && !slices.Equal(rows, w.rows) && len(rows)+len(w.rows) > 0 {
		return fmt.Sprintf("got rows %q, want %q", rows, w.rows)
	}
	return ""
}

// compare demands equality, or the difference that the case names.
func compare(t *testing.T, cfg Config, c *Case, way string, want, got *Transcript) {
	t.Helper()
	d := c.difference(cfg.Driver, way)
	equal := want.Equal(got)
	switch {
	case d == nil && !equal:
		t.Errorf("%s on %s differs from the reference (-want +got):\n%s", c.ID(), way, Diff(want, got))
	case d != nil && equal && d.MustDiffer:
		t.Errorf("%s on %s should differ, but does not: %s", c.ID(), way, d.Reason)
	case d != nil && !equal && d.Check != nil:
		if err := d.Check(want, got); err != nil {
			t.Errorf("%s on %s may differ (%s), but not so: %v\n%s", c.ID(), way, d.Reason, err, Diff(want, got))
		}
	}
}

// difference returns the entry of Differs for way, or nil.
func (c *Case) difference(driver, way string) *Difference {
	for i := range c.Differs {
		d := &c.Differs[i]
		if ok, _ := path.Match(d.Way, way); ok && (d.Driver == "" || d.Driver == driver) {
			return d
		}
	}
	return nil
}
