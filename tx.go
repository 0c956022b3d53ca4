package litefwd

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/litefwd/litefwd/internal/fault"
	"github.com/litefwd/litefwd/internal/forward"
	"github.com/litefwd/litefwd/internal/sqlclass"
)

// transaction is a connection's open transaction: on the primary, begun with
// its first statement, or, if it only reads, a snapshot of the local copy.
type transaction struct {
	c     *conn
	ctx   context.Context // BeginTx's values without its end, for Commit and Rollback
	opts  forward.TxOptions
	await Await
	here  bool       // a snapshot of the local copy
	local *readTx    // that snapshot, if the gate may end it; or nil
	there forward.Tx // on the primary; nil until the first statement
	term  uint64     // of that primary
	// failed is what every further statement and Commit return: the
	// transaction is not there any more.
	failed error
	// viaSQL: opened by BEGIN or SAVEPOINT as SQL text on one connection, so
	// that it ends when SQLite says so.
	viaSQL bool
	// bySavepoint: opened by SAVEPOINT; savepoints are the open ones' names,
	// outermost first. Releasing the outermost commits.
	bySavepoint bool
	savepoints  []string
}

var _ driver.Tx = (*transaction)(nil)

// BeginTx implements driver.ConnBeginTx. A ReadOnly transaction is a snapshot
// of the local copy. Any other runs on the primary, where it is serializable,
// which is at least what every weaker level asks for.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	switch sql.IsolationLevel(opts.Isolation) {
	case sql.LevelDefault, sql.LevelReadUncommitted, sql.LevelReadCommitted, sql.LevelWriteCommitted,
		sql.LevelRepeatableRead, sql.LevelSnapshot, sql.LevelSerializable:
	case sql.LevelLinearizable:
		if opts.ReadOnly {
			return nil, fault.Refuse(fault.Unsupported, "a read-only transaction with isolation Linearizable: "+
				"the local copy may be behind; leave ReadOnly out to run it on the primary")
		}
	default:
		return nil, fault.Refuse(fault.Unsupported, "isolation level %d", opts.Isolation)
	}
	if c.tx != nil || c.localOnly && !opts.ReadOnly {
		// SQLite's own error, in the local driver's words.
		return c.beginRefused(ctx)
	}
	if _, err := c.leaveStandIn(ctx); err != nil {
		return nil, err
	}
	t := c.newTransaction(ctx, string(c.db.core.cfg.TxMode))
	t.opts.ReadOnly = opts.ReadOnly
	if opts.ReadOnly && (c.localOnly || !c.standIn && c.db.soonHere(ctx)) {
		local, err := c.beginSnapshot(ctx)
		t.here = true
		for n := 0; c.again(ctx, &call{}, n, &err); n++ {
			if t.here = c.localOnly || !c.standIn; !t.here {
				break
			}
			local, err = c.beginSnapshot(ctx)
		}
		if t.here && err != nil {
			return nil, c.final(err)
		}
		t.local = local
	}
	if err := ctx.Err(); err != nil {
		return nil, firstError(err, t.Rollback())
	}
	c.tx = t
	return t, nil
}

// beginRefused answers a BEGIN for which there is no place.
func (c *conn) beginRefused(ctx context.Context) (driver.Tx, error) {
	if c.tx != nil {
		_, err := c.tx.exec(ctx, call{text: "BEGIN", stmts: []sqlclass.Statement{{SQL: "BEGIN", Kind: sqlclass.Begin}}})
		if err == nil {
			err = errors.New("litefwd: cannot start a transaction within a transaction")
		}
		return nil, err
	}
	return nil, fault.Refuse(fault.Unsupported, "Node.Local only reads: begin with sql.TxOptions{ReadOnly: true}, or use Node.DB")
}

func (c *conn) newTransaction(ctx context.Context, mode string) *transaction {
	limits := txLimitsFrom(ctx)
	return &transaction{
		c:     c,
		ctx:   context.WithoutCancel(ctx),
		await: c.db.await(ctx),
		opts: forward.TxOptions{
			ID:         forward.NewID(),
			Session:    c.session.forward(),
			Mode:       mode,
			IdleLimit:  limits.idle,
			TotalLimit: limits.total,
		},
	}
}

// control runs transaction control given as SQL text where no transaction is
// open.
func (c *conn) control(ctx context.Context, s *sqlclass.Statement) error {
	switch s.Kind {
	case sqlclass.Begin:
		mode := s.Mode
		if mode == "" {
			mode = string(c.db.core.cfg.TxMode)
		}
		t := c.newTransaction(ctx, mode)
		t.viaSQL = true
		c.tx = t
		return nil
	case sqlclass.Savepoint:
		t := c.newTransaction(ctx, string(TxImmediate))
		t.viaSQL, t.bySavepoint = true, true
		c.tx = t
		if _, err := t.exec(ctx, call{text: s.SQL, stmts: []sqlclass.Statement{*s}}); err != nil {
			c.tx = nil
			return firstError(err, t.Rollback())
		}
		return nil
	default:
		if c.reading.inUse() { // which is none of the application's
			return &fault.SQLError{Code: fault.CodeError, ExtendedCode: fault.CodeError, Msg: "no transaction is active"}
		}
		// There is none to end: the local handle says so in SQLite's words.
		_, err := c.local.Exec(ctx, s.SQL, nil)
		return err
	}
}

// exec runs a text inside the transaction.
func (t *transaction) exec(ctx context.Context, q call) (driver.Result, error) {
	if t.here || readsConnection(q.stmts) {
		if some(q.stmts, endsTransaction) {
			return nil, errEndsSnapshot()
		}
		return t.c.execHere(ctx, q)
	}
	var res forward.Result
	handled, err := t.run(ctx, q, func(tx forward.Tx, st forward.Statement) (err error) {
		res, err = tx.Exec(ctx, st)
		return err
	})
	if err != nil {
		return nil, err
	}
	if t.opts.ReadOnly {
		t.c.db.saw(acked{res.Position, t.term})
	}
	if !handled {
		t.c.session.ran(res.LastInsertID, res.RowsAffected)
		t.c.session.forwarded = t.c.session.forwarded || !allReads(q.stmts)
	}
	return t.c.session.result(), nil
}

func errEndsSnapshot() error {
	return fault.Refuse(fault.Unsupported, "BEGIN, COMMIT and ROLLBACK as SQL text in a read-only transaction; "+
		"use sql.Tx's methods")
}

// query runs a text inside the transaction and returns its rows.
func (t *transaction) query(ctx context.Context, q call) (driver.Rows, error) {
	if t.here || readsConnection(q.stmts) {
		if some(q.stmts, endsTransaction) {
			return nil, errEndsSnapshot()
		}
		return t.c.queryHere(ctx, q)
	}
	var rows forward.Rows
	handled, err := t.run(ctx, q, func(tx forward.Tx, st forward.Statement) (err error) {
		rows, err = tx.Query(ctx, st)
		return err
	})
	if err != nil {
		return nil, err
	}
	if handled {
		return &localRows{rows: noRows{}}, nil
	}
	return &txRows{remoteRows: remoteRows{rows: rows, mapEr: t.c.mapError}, tx: t, before: t.c.session.result()}, nil
}

// run runs a text on the primary by do, beginning the transaction if this is
// its first. It reports handled for texts that do is not called for: those
// that end the transaction, and those that concern the local handle alone.
func (t *transaction) run(ctx context.Context, q call, do func(forward.Tx, forward.Statement) error) (handled bool, err error) {
	if t.failed != nil {
		if len(q.stmts) == 1 {
			if ended, err := t.endFailed(&q.stmts[0]); ended {
				return true, err
			}
		}
		return false, t.failed
	}
	if len(q.stmts) == 1 {
		if handled, err := t.special(ctx, q); handled || err != nil {
			return handled, err
		}
	}
	for i := range q.stmts {
		if err := t.check(&q.stmts[i]); err != nil {
			return false, err
		}
	}
	st := forward.Statement{ID: forward.NewID(), SQL: q.text, Args: withoutMonotonic(q.args), ReadOnly: allReads(q.stmts)}
	if t.there != nil {
		err = do(t.there, st)
	} else {
		err = t.first(ctx, st, do)
	}
	t.ran(q, err)
	if err != nil {
		return false, t.c.forwardedError(err, t.opts.ReadOnly)
	}
	return false, t.settle(ctx, q.stmts)
}

// settle gives the local handle the settings that the text made on the
// primary, so that they outlive the transaction.
func (t *transaction) settle(ctx context.Context, stmts []sqlclass.Statement) error {
	for i := range stmts {
		s := &stmts[i]
		if s.Kind != sqlclass.Setting || s.Value == "" || s.Pragma == deferForeignKeys {
			continue
		}
		if s.Pragma == "foreign_keys" {
			continue // SQLite ignores it inside a transaction
		}
		if _, err := t.c.execHere(ctx, call{text: s.SQL, stmts: stmts[i : i+1]}); err != nil {
			return err
		}
	}
	return nil
}

// first begins the transaction on the primary and runs its first statement;
// while nothing has run, another primary may be tried.
func (t *transaction) first(ctx context.Context, st forward.Statement, do func(forward.Tx, forward.Statement) error) (err error) {
	t.c.db.stats.transactions.Add(1)
	t.term, err = t.c.db.onPrimary(ctx, func(target forward.Target) error {
		tx, err := target.Begin(ctx, t.opts)
		if err != nil {
			return err
		}
		if err = do(tx, st); t.c.db.worthAnother(err) || err != nil && !tx.Open() && notBegun(err) {
			return firstError(err, tx.Rollback(t.ctx))
		}
		t.there = tx
		return err
	})
	return err
}

// notBegun reports whether err, of the first statement of a transaction that is
// not open, means that it never was: it was refused, or got no place in the
// primary's queue. Otherwise the statement itself ended it.
func notBegun(err error) bool {
	return fault.SafeToRetry(err) || fault.Code(err) == fault.CodeBusy
}

// special handles the statements that are more than text to pass on.
func (t *transaction) special(ctx context.Context, q call) (handled bool, err error) {
	s := &q.stmts[0]
	switch s.Kind {
	case sqlclass.Commit:
		return true, t.endBySQL(t.Commit)
	case sqlclass.Rollback:
		return true, t.endBySQL(t.Rollback)
	case sqlclass.Release:
		if t.releasesAll(s) {
			return true, t.endBySQL(t.Commit)
		}
	case sqlclass.Local:
		if s.TempSchema {
			return false, fault.Refuse(fault.Unsupported, "%s inside a transaction; do it before the transaction begins", s.SQL)
		}
		t.c.own = true
		_, err := t.c.local.Exec(ctx, s.SQL, nil)
		return err == nil, err
	}
	return false, nil
}

// check refuses what cannot mean inside the transaction what the application
// expects.
func (t *transaction) check(s *sqlclass.Statement) error {
	switch {
	case s.Kind == sqlclass.Unsupported && !s.InTx:
		return fault.Refuse(fault.Unsupported, "%s", s.Reason)
	case s.LocalOnly && t.c.private == nil:
		// The local handle has no temp objects, so the transaction's are meant.
	case s.LocalOnly, s.Kind == sqlclass.TempWrite && !s.TempSchema:
		return fault.Refuse(fault.Unsupported, "a temp table made before the transaction lives on this node, "+
			"and the transaction runs on the primary; make the table inside the transaction")
	}
	return nil
}

// ran notes what the primary's answer says of the transaction itself.
func (t *transaction) ran(q call, err error) {
	var sqlErr *fault.SQLError
	switch {
	case err == nil || errors.As(err, &sqlErr) || errors.Is(err, fault.Unsupported) || errors.Is(err, fault.TooLarge) ||
		isDrivers(err):
		// It is open still, unless SQLite ended it.
		if t.there != nil && !t.there.Open() {
			t.ended(err)
		}
	case t.there == nil:
		// Not begun: the next statement may try again.
	case isContextError(err) && t.there.Open():
	default:
		t.failed = err
	}
	if err == nil && t.bySavepoint {
		t.track(&q.stmts[0])
	}
}

// isDrivers reports whether err is the local driver's own (arguments that do
// not fit the statement), with which nothing has run.
func isDrivers(err error) bool {
	var own *fault.Error
	return !errors.As(err, &own) && !isContextError(err)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// txRows are rows inside a transaction: what they did is known at their end.
type txRows struct {
	remoteRows
	tx     *transaction
	before result // the counters when the query began
}

func (r *txRows) Close() error {
	err := r.remoteRows.Close()
	// Other statements may have run meanwhile: counters that these rows left
	// alone are theirs. Rows that were lost have no result.
	res := r.rows.Result()
	if r.tx.opts.ReadOnly {
		r.tx.c.db.saw(acked{res.Position, r.tx.term})
	}
	if now := (result{res.LastInsertID, res.RowsAffected}); now != (result{}) && now != r.before {
		r.tx.c.session.ran(now.lastInsertID, now.rowsAffected)
	}
	return err
}

// noRows is the result of a query of a statement that has none.
type noRows struct{}

func (noRows) Columns() []string         { return nil }
func (noRows) Next([]driver.Value) error { return io.EOF }
func (noRows) Close() error              { return nil }
