package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// isLong: tests of load take a minute each, and every setup.
func isLong() bool { return os.Getenv("LITEFWD_LONG") == "1" }

// someSetups is eachSetup for tests of load: each driver, and each journal mode,
// but all four together only in long runs.
func someSetups(t *testing.T, f func(t *testing.T, driver, journal string)) {
	if isLong() {
		eachSetup(t, f)
		return
	}
	for journal, driver := range map[string]string{"WAL": "sqlite", "DELETE": "sqlite3"} {
		t.Run(journal+"/"+driver, func(t *testing.T) { f(t, driver, journal) })
	}
}

const (
	// opLimit is each statement's deadline, which only a failover may reach.
	opLimit = 5 * time.Second
	// oldest bounds the age of what a replica shows.
	oldest = 2 * time.Second
)

// checker is a load on all nodes, each of whose reads is held against what this
// process knows when it begins. Every commit has a number, the rowid in w, which
// two counters in tables of their own have to agree with.
type checker struct {
	*app
	h    *history
	stop chan struct{}
	load sync.WaitGroup
	// opCtx is that of statements; waits have ctx, which a failure ends by giveUp.
	opCtx  context.Context
	giveUp func()

	era atomic.Pointer[era]
	// moving is odd while the role moves.
	moving atomic.Int64

	reads, writes, ended atomic.Int64
	ages                 [10_000]atomic.Int64 // of what replicas showed, in ms
}

// era is what is known of one history. A failover, which may take acknowledged
// commits back, begins another one.
type era struct {
	lossy bool // a failover is under way
	// seen is, of each node, the newest commit that a read there has shown, or that a
	// writer there was told of; acked that of all writers.
	seen  [3]atomic.Int64
	acked atomic.Int64
	// ackedAt is when it was, since the history began; 0: no writer was told.
	ackedAt [1 << 16]atomic.Int64
}

// schema of a checker's database, besides w.
var checkedSchema = []string{
	"CREATE TABLE a(n INTEGER)", "INSERT INTO a VALUES (0)",
	"CREATE TABLE b(n INTEGER)", "INSERT INTO b VALUES (0)",
	"CREATE TABLE progress(writer TEXT PRIMARY KEY, seq INTEGER)",
}

// raise makes v at least to.
func raise(v *atomic.Int64, to int64) {
	for was := v.Load(); was < to && !v.CompareAndSwap(was, to); was = v.Load() {
	}
}

// write makes commit seq of a writer on node i, as a Batch or as a transaction.
func (c *checker) write(i int, writer string, seq int) {
	e, epoch := c.era.Load(), c.moving.Load()
	w := write{Writer: writer, Seq: seq, Begun: time.Since(c.h.began)}
	ctx, cancel := context.WithTimeout(c.opCtx, opLimit)
	defer cancel()
	do := c.batch
	if seq%2 == 1 {
		do = c.transaction
	}
	n, ran, err := do(ctx, c.nodes[i], writer, seq)
	w.Ended = time.Since(c.h.began)
	switch {
	case err == nil:
		raise(&e.acked, n)
		e.ackedAt[n].CompareAndSwap(0, int64(w.Ended))
		raise(&e.seen[i], n)
	case !ran || litefwd.SafeToRetry(err) || errors.Is(err, litefwd.ErrTxExpired):
		w.Fate, w.Err = refused, err.Error()
	default:
		w.Fate, w.Err = unknown, err.Error()
	}
	c.h.add(w)
	c.writes.Add(1)
	// A former primary's answer has so many milliseconds to come, this process's
	// processors are busy with reads, and the role moves on.
	may := []error{litefwd.ErrOutcomeUnknown, context.DeadlineExceeded}
	if seq%2 == 1 {
		may = append(may, litefwd.ErrTxExpired)
	}
	if e.lossy || c.era.Load() != e {
		// Of a mount that has died SQLite may think that it is locked.
		may = append(may, &litefwd.SQLError{Code: 5})
	}
	if err != nil && !c.mayFail(e, epoch, err, may) {
		c.bad("node %d: %s/%d failed after %v: %v", i, writer, seq, w.Ended-w.Begun, err)
	}
}

var writeStatements = []string{
	"INSERT INTO w(writer, seq) VALUES (?1, ?2)",
	"UPDATE a SET n = n + 1",
	"INSERT INTO progress VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seq = excluded.seq",
	"UPDATE b SET n = n + 1",
}

// batch returns the commit's number. ran is false if it certainly did not.
func (c *checker) batch(ctx context.Context, node *litefwd.Node, writer string, seq int) (n int64, ran bool, err error) {
	var stmts []litefwd.Statement
	for _, text := range writeStatements {
		st := litefwd.Statement{SQL: text}
		if strings.Contains(text, "?") {
			st.Args = []any{writer, seq}
		}
		stmts = append(stmts, st)
	}
	results, err := node.Batch(ctx, stmts...)
	if len(results) > 0 {
		n = results[0].LastInsertID
	}
	return n, true, err
}

func (c *checker) transaction(ctx context.Context, node *litefwd.Node, writer string, seq int) (n int64, ran bool, err error) {
	tx, err := node.DB().BeginTx(ctx, nil)
	if err != nil {
		return 0, false, err
	}
	defer tx.Rollback() //nolint:errcheck // it is over, or failed
	for k, text := range writeStatements {
		var args []any
		if strings.Contains(text, "?") {
			args = []any{writer, seq}
		}
		res, err := tx.ExecContext(ctx, text, args...)
		if err == nil && k == 0 {
			n, err = res.LastInsertId()
		}
		if err != nil {
			return 0, false, err
		}
	}
	return n, true, tx.Commit()
}

// shown is what a read has shown: the three numbers that have to be one, and how
// far a writer has come.
type shown struct{ a, b, w, seq int64 }

// readWays are the ways to read.
var readWays = []struct {
	name string
	inTx bool
	read func(ctx context.Context, db *sql.DB, writer string) (shown, error)
}{
	{"statement", false, readStatement},
	{"statement without a deadline", false, func(_ context.Context, db *sql.DB, writer string) (shown, error) {
		return readStatement(context.Background(), db, writer) // nothing of the context is between it and the lease
	}},
	{"transaction", true, readTransaction},
	{"statement", false, readStatement},
}

func readStatement(ctx context.Context, db *sql.DB, writer string) (s shown, err error) {
	err = db.QueryRowContext(ctx, `SELECT a.n, b.n, (SELECT max(id) FROM w), (SELECT seq FROM progress WHERE writer = ?)
		FROM a JOIN b`, writer).Scan(&s.a, &s.b, &s.w, &s.seq)
	return s, err
}

func readTransaction(ctx context.Context, db *sql.DB, writer string) (s shown, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s, err
	}
	defer tx.Rollback() //nolint:errcheck // it is over, or failed
	if err := tx.QueryRowContext(ctx, "SELECT n, (SELECT seq FROM progress WHERE writer = ?) FROM a", writer).Scan(&s.a, &s.seq); err != nil {
		return s, err
	}
	if err := tx.QueryRowContext(ctx, "SELECT n, (SELECT max(id) FROM w) FROM b").Scan(&s.b, &s.w); err != nil {
		return s, err
	}
	return s, tx.Commit()
}

// read makes one read on node i and checks it.
func (c *checker) read(i, way int, writer string, lastSeq *int64) {
	node, how := c.nodes[i], readWays[way]
	ctx, cancel := context.WithTimeout(c.opCtx, opLimit)
	defer cancel()
	e, epoch := c.era.Load(), c.moving.Load()
	status := node.Status()
	floor, acked := e.seen[i].Load(), e.acked.Load()
	begun := time.Now()
	got, err := how.read(ctx, node.DB(), writer)
	took := time.Since(begun)
	c.reads.Add(1)
	quiet := epoch%2 == 0 && c.moving.Load() == epoch
	sameEra := c.era.Load() == e && !e.lossy
	bad := func(format string, args ...any) {
		c.bad("node %d (%v), a %s at %v that took %v: %s", i, status.Role, how.name,
			begun.Format("05.000000"), took, fmt.Sprintf(format, args...))
	}
	if took > opLimit+time.Second && quiet {
		bad("it was to take %v at most", opLimit)
	}
	if err != nil {
		var may []error
		if how.inTx {
			may = []error{litefwd.ErrTxExpired, litefwd.ErrHistoryChanged}
			if e.lossy || c.era.Load() != e {
				may = append(may, &litefwd.SQLError{Code: 10}) // I/O on the mount that has died
			}
		}
		if !c.mayFail(e, epoch, err, may) {
			bad("%v", err)
		}
		return
	}
	if got.a != got.b || got.a != got.w {
		bad("a torn transaction: %+v", got)
	}
	if !sameEra {
		*lastSeq = 0
		return
	}
	if got.a < floor {
		bad("it shows commit %d, and %d was seen on this node before", got.a, floor)
	}
	if got.seq < *lastSeq {
		bad("writer %s has come to %d, and was at %d before", writer, got.seq, *lastSeq)
	}
	*lastSeq = got.seq
	raise(&e.seen[i], got.a)
	if !quiet {
		return
	}
	if status.Role == litefwd.RolePrimary {
		if got.a < acked {
			bad("the primary shows commit %d, and %d was acknowledged before", got.a, acked)
		}
		return
	}
	age := time.Duration(0)
	for n := got.a + 1; n <= acked; n++ {
		if at := e.ackedAt[n].Load(); at > 0 { // a commit of unknown outcome has no time
			age = max(age, begun.Sub(c.h.began)-time.Duration(at))
			break
		}
	}
	c.ages[min(age.Milliseconds(), int64(len(c.ages)-1))].Add(1)
	if age > oldest {
		bad("it shows commit %d, and the next one was acknowledged %v before", got.a, age)
	}
}

// mayFail reports whether an operation may have failed with err: while the role moves
// if nothing ran, or with one of may, in a failover with what is about the primary.
func (c *checker) mayFail(e *era, epoch int64, err error, may []error) bool {
	now := c.era.Load()
	if epoch%2 == 0 && c.moving.Load() == epoch {
		return false
	}
	c.ended.Add(1)
	if litefwd.SafeToRetry(err) || slices.ContainsFunc(may, func(kind error) bool { return errors.Is(err, kind) }) {
		return true
	}
	return (e.lossy || now != e) && (isTyped(err) || errors.Is(err, context.DeadlineExceeded))
}

// isTyped reports whether err is litefwd's own and about a primary that is gone.
func isTyped(err error) bool {
	for _, kind := range []error{
		litefwd.ErrNoPrimary, litefwd.ErrNotPrimary, litefwd.ErrOutcomeUnknown, litefwd.ErrTxExpired,
		litefwd.ErrHistoryChanged, litefwd.ErrReplicaBehind,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func writerName(i, k int) string { return fmt.Sprintf("node%d.%d", i, k) }

const checkedReaders, checkedWriters = 4, 2

// start starts the load.
func (c *checker) start() {
	for i := range c.Nodes() {
		for k := range checkedWriters {
			c.load.Go(func() {
				for seq := 1; !c.stopped(); seq++ { // 0 was made before
					c.write(i, writerName(i, k), seq)
				}
			})
		}
		for k := range checkedReaders {
			c.load.Go(func() {
				lastSeq := int64(0)
				for !c.stopped() {
					c.read(i, k, writerName(i, k%checkedWriters), &lastSeq)
				}
			})
		}
	}
}

func (c *checker) stopped() bool {
	select {
	case <-c.stop:
		return true
	case <-c.ctx.Done(): // it has failed, and would not get better
		return true
	default:
		return false
	}
}

// bad fails the test and ends the load.
func (c *checker) bad(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf(format, args...)
	c.giveUp()
}

// awaitLoad waits for the end of the load.
func (c *checker) awaitLoad() {
	c.t.Helper()
	done := make(chan struct{})
	go func() { c.load.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		c.t.Fatal("a statement hangs")
	}
}

// awaitAgreement waits until every node takes i for the primary.
func (c *checker) awaitAgreement(i int) {
	c.t.Helper()
	c.eventually("agreement", func() error {
		for j, n := range c.nodes {
			s := n.Status()
			if s.Primary.Addr != c.peers[c.Hostname(i)] || s.Role == litefwd.RoleUnknown {
				return fmt.Errorf("node %d: %+v", j, s)
			}
		}
		return nil
	})
}

// handOver moves the role to node i.
func (c *checker) handOver(i int) {
	c.t.Helper()
	c.moving.Add(1)
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	c.must(fmt.Sprintf("Promote %d", i), c.nodes[i].Promote(ctx))
	c.awaitAgreement(i)
	c.moving.Add(1)
}

// failover is one that took place: what had been acknowledged when next was elected
// may be lost if its writer was on another node.
type failover struct {
	next    int
	elected time.Duration // since the history began
}

// mayLose reports whether the first failover after w could lose it.
func mayLose(failovers []failover, w write) bool {
	i := slices.IndexFunc(failovers, func(f failover) bool { return w.Ended < f.elected })
	return i >= 0 && !strings.HasPrefix(w.Writer, fmt.Sprintf("node%d.", failovers[i].next))
}

// fail kills the LiteFS of the primary, starts it again when another node is primary,
// and returns that one.
func (c *checker) fail(primary int, failovers *[]failover) (next int) {
	c.t.Helper()
	c.moving.Add(1)
	c.era.Store(&era{lossy: true})
	c.must("kill LiteFS", c.Crash(primary))
	next = c.waitPrimary(-1)
	*failovers = append(*failovers, failover{next, time.Since(c.h.began)})
	c.must("restart LiteFS", c.Restart(c.ctx, primary))
	c.awaitAgreement(next)
	for i := range c.Nodes() { // each copy has something of the new primary's
		c.h.awaitAcks(c.app, 2*checkedWriters, writerName(i, 0), writerName(i, 1))
	}
	c.era.Store(&era{})
	c.moving.Add(1)
	return next
}

// age returns a percentile of what replicas showed.
func (c *checker) age(p float64) (ms int) {
	total := int64(0)
	for i := range c.ages {
		total += c.ages[i].Load()
	}
	left := int64(float64(total) * p / 100)
	for i := range c.ages {
		if left -= c.ages[i].Load(); left < 0 {
			return i
		}
	}
	return len(c.ages)
}

// wantNothingHeld checks that nobody holds a lock of node i's copy: an exclusive
// transaction, and a checkpoint that resets the WAL, succeed at once.
func (a *app) wantNothingHeld(i int) {
	a.t.Helper()
	db := a.open(a.driver, i)
	defer db.Close()
	ctx, cancel := context.WithTimeout(a.ctx, time.Second) // leases end in 5 ms
	defer cancel()
	a.must("PRAGMA", execOne(ctx, db, "PRAGMA busy_timeout = 0"))
	a.must(fmt.Sprintf("exclusive access to node %d's copy", i), litefstest.Wait(ctx, "BEGIN EXCLUSIVE", func(ctx context.Context) error {
		err := execOne(ctx, db, "BEGIN EXCLUSIVE")
		if err == nil {
			err = execOne(ctx, db, "ROLLBACK")
		}
		return err
	}))
}

func execOne(ctx context.Context, db *sql.DB, text string) error {
	_, err := db.ExecContext(ctx, text)
	return err
}

// wantReplicated commits on node i past litefwd, and checks that all copies that
// can have it have it within the bound.
func (a *app) wantReplicated(i int, bound time.Duration) (took time.Duration) {
	a.t.Helper()
	a.exec(a.driver, i, "INSERT INTO t VALUES (0)")
	begun := time.Now()
	ctx, cancel := context.WithTimeout(a.ctx, bound)
	defer cancel()
	a.must("replicate", a.WaitReplicated(ctx, i, "app.db"))
	return time.Since(begun)
}

// Under load on all nodes, while the role moves, and moves by force in the end,
// every read shows whole transactions, never fewer than were seen on its node
// before, what its node has written, and on the primary all that was acknowledged.
// Statements do not fail but for a change of the role, and nothing is held when all is
// over.
func TestReadsChecked(t *testing.T) {
	someSetups(t, func(t *testing.T, driver, journal string) {
		if !isLong() { // else each has the machine to itself, whose processors it fills
			t.Parallel()
		}
		checkReads(t, driver, journal)
	})
}

func checkReads(t *testing.T, driver, journal string) {
	long, pause, kills := 3*time.Second, time.Second, 1 // and what the failover takes
	if journal == "WAL" {
		kills = 0 // with a WAL statements hang for ten seconds
	}
	if isLong() {
		long, pause, kills = time.Minute, 2*time.Second, 5
	}
	a := startApp(t, driver, journal, consul(3), func(cfg *litefwd.Config) { cfg.Strict = true })
	ctx, cancel := context.WithTimeout(t.Context(), long+time.Duration(4+kills)*patience)
	defer cancel()
	waits, giveUp := context.WithCancel(ctx)
	defer giveUp()
	a.ctx = waits
	for _, text := range append(checkedSchema, createW) {
		a.mustExec(0, text)
	}
	a.must("replicate", a.WaitReplicated(a.ctx, 0, "app.db"))
	c := &checker{app: a, h: &history{began: time.Now()}, stop: make(chan struct{}), opCtx: ctx, giveUp: giveUp}
	c.era.Store(&era{})
	for i, n := range a.nodes {
		n.DB().SetMaxIdleConns(checkedReaders + checkedWriters)
		for k := range checkedWriters { // every node has its copy open, and every writer a row
			c.write(i, writerName(i, k), 0)
			if _, err := readStatement(ctx, n.DB(), writerName(i, k)); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.start()
	defer func() { // before the contexts end
		giveUp()
		c.load.Wait()
	}()

	primary := 0
	moves := 0
	every := time.NewTicker(pause)
	defer every.Stop()
	for begun := time.Now(); time.Since(begun) < long && !t.Failed(); moves++ {
		<-every.C
		primary = (primary + 1) % a.Nodes()
		c.handOver(primary)
	}
	var failovers []failover
	for range kills {
		if t.Failed() {
			break
		}
		primary = c.fail(primary, &failovers)
		c.h.awaitAcks(a, 20)
	}
	close(c.stop)
	c.awaitLoad()

	a.wantNothingHeld(primary)
	took := a.wantReplicated(primary, oldest)
	lost, unknowns := 0, 0
	for _, w := range c.h.writes {
		if w.Fate == unknown {
			unknowns++
		}
	}
	for i := range a.Nodes() {
		ws, err := c.h.check(c.h.rows(a, i), func(w write) bool { return mayLose(failovers, w) })
		if err != nil {
			t.Errorf("node %d: %v", i, err)
		}
		lost = len(ws)
	}
	var stats []string
	for _, n := range a.nodes {
		s := n.Stats()
		stats = append(stats, fmt.Sprintf("%d+%d reads here, %d there, gate shut %d times", s.ReadTransactions, s.LeaseHits, s.ForwardedReads, s.GateClosures))
	}
	t.Logf("FIGURE %s, %s: %d reads and %d writes checked, %d handoffs and %d failovers, which lost %d writes and ended %d statements, %d with an unknown outcome; "+
		"age of what replicas showed p50 %d, p99 %d, p99.9 %d, max %d ms; the last commit was replicated in %v",
		journal, driver, c.reads.Load(), c.writes.Load(), moves, len(failovers), lost, c.ended.Load(), unknowns,
		c.age(50), c.age(99), c.age(99.9), c.age(100-1e-9), took.Round(time.Millisecond))
	t.Log(strings.Join(stats, "; ")) // by node
}
