package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/internal/conformance"
	"github.com/litefwd/litefwd/internal/litefstest"
)

// dsn is the local driver's DSN for the conformance suite; {path} is in it.
func dsn(driver, journal string) string {
	if driver == "sqlite" {
		return "file:{path}?_pragma=journal_mode(" + strings.ToLower(journal) + ")&_pragma=busy_timeout(5000)&_pragma=synchronous(off)"
	}
	return "file:{path}?_journal_mode=" + journal + "&_busy_timeout=5000&_synchronous=OFF"
}

// The driver's whole conformance suite, on the primary and on a replica of
// real LiteFS.
func TestConformance(t *testing.T) {
	eachSetup(t, func(t *testing.T, driver, journal string) {
		p := &pairs{t: t, driver: driver, journal: journal, inUse: map[*app]int{}}
		conformance.Run(t, conformance.Config{
			Driver: driver,
			Bare:   func(t *testing.T) conformance.Session { return openBare(t, driver) },
			Cases:  casesFor(journal),
			Ways: []conformance.Way{
				{Name: "primary", Open: func(t *testing.T) conformance.Session { return p.database(t, litefwd.RolePrimary) }},
				{Name: "replica", Open: func(t *testing.T) conformance.Session { return p.database(t, litefwd.RoleReplica) }},
			},
			Parallel: true,
		})
	})
}

// notInRollbackMode are the cases that cannot give the same there, and why.
var notInRollbackMode = map[string]string{
	"pragma/about the file":          "it asks for the journal mode",
	"tx/snapshot of a read-only one": "on the primary a read-only transaction keeps writes out, as SQLite says",
}

func casesFor(journal string) []conformance.Case {
	cases := conformance.Cases()
	if journal != "WAL" {
		cases = slices.DeleteFunc(cases, func(c conformance.Case) bool { return notInRollbackMode[c.ID()] != "" })
	}
	return cases
}

type bareSession struct{ db *sql.DB }

func (s bareSession) DB() *sql.DB { return s.db }

// openBare opens the reference, which has a WAL whatever the journal on LiteFS:
// the cases were written for it, and litefwd's reads do not block writes.
func openBare(t *testing.T, driver string) conformance.Session {
	t.Helper()
	path := (&url.URL{Path: filepath.Join(t.TempDir(), "app.db")}).EscapedPath()
	db, err := sql.Open(driver, strings.ReplaceAll(dsn(driver, "WAL"), "{path}", path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return bareSession{db}
}

// memory is a directory in memory, where the system has one, for what is not
// about disks: most of the suite's time goes into LiteFS's fsyncs.
func memory() string {
	const dir = "/dev/shm"
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	return ""
}

// perPair is how many databases a pair of nodes has in its time.
const perPair = 128

// pairs opens each case's database on nodes, and mounts, that it shares with
// others. t ends after all cases.
type pairs struct {
	t               *testing.T
	driver, journal string

	mu     sync.Mutex // guards the following
	now    *app
	opened int
	inUse  map[*app]int
}

// session is one database of a pair, seen through one of its nodes.
type session struct {
	own, peer *sql.DB
	replicate func(context.Context) error
}

func (s session) DB() *sql.DB { return s.own }

func (s session) PeerDB(ctx context.Context) (*sql.DB, error) { return s.peer, s.replicate(ctx) }

// database returns a new database as the node of that role has it.
func (p *pairs) database(t *testing.T, role litefwd.Role) conformance.Session {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened%perPair == 0 {
		p.now = startApp(p.t, p.driver, p.journal, litefstest.Options{
			Nodes: 2, Lease: litefstest.Static, Dir: memory(),
		}, func(c *litefwd.Config) {
			c.DriverDSN = dsn(p.driver, p.journal)
		})
		p.now.ctx = p.t.Context() // as long as the suite takes
	}
	p.opened++
	a, name := p.now, fmt.Sprintf("case%d.db", p.opened)
	p.inUse[a]++
	t.Cleanup(func() { p.done(a) })
	one, other := a.nodes[0].Database(name), a.nodes[1].Database(name)
	a.create(name)
	if role == litefwd.RoleReplica {
		one, other = other, one
	}
	return session{one, other, func(ctx context.Context) error {
		return a.WaitReplicated(ctx, 0, name)
	}}
}

// done closes the nodes of a pair whose databases have all had their time: each
// keeps some files open.
func (p *pairs) done(a *app) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inUse[a]--; p.inUse[a] > 0 || a == p.now && p.opened%perPair != 0 {
		return
	}
	for i, n := range a.nodes {
		if n != nil {
			n.Close()
			a.nodes[i] = nil
		}
	}
}

// create makes an empty database, and waits until the replica has it: a copy
// that comes into being gives connections another handle, and the pool another
// connection, so that last_insert_rowid() would depend on the moment.
func (a *app) create(name string) {
	a.t.Helper()
	// Not through litefwd, whose connections would remember the write.
	db, err := sql.Open(a.driver, strings.ReplaceAll(dsn(a.driver, a.journal), "{path}", filepath.Join(a.Mount(0), name)))
	a.must("open "+name, err)
	defer db.Close()
	_, err = db.ExecContext(a.ctx, "PRAGMA application_id = 0")
	a.must("create "+name, err)
	a.must("replicate "+name, a.WaitReplicated(a.ctx, 0, name))
}
