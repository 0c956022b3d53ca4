package conformance

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine/shared"
)

// The whole suite with litefwd: on the primary and on a replica of it, each
// with every local driver.
func TestLitefwd(t *testing.T) {
	onEach(t, func(t *testing.T, l local) {
		open := &pairs{local: l, dir: tempDir(t)}
		t.Cleanup(open.close)
		Run(t, Config{
			Driver: l.driver,
			Bare:   l.open,
			Ways: []Way{
				{Name: "primary", Open: func(t *testing.T) Session { return open.database(t, litefwd.RolePrimary) }},
				{Name: "replica", Open: func(t *testing.T) Session { return open.database(t, litefwd.RoleReplica) }},
			},
			Require:  l.require,
			Parallel: true,
		})
	})
}

// perPair is how many databases a pair of nodes has in its time: opening nodes
// takes longer than most cases, but each database keeps files open.
const perPair = 24

// pairs opens each case's database on nodes that it shares with others.
type pairs struct {
	local local
	dir   string

	mu  sync.Mutex // guards the following, and the counts of every pair
	now *pair
	n   int
}

// pair is a primary and a replica on one directory.
type pair struct {
	primary, replica *litefwd.Node
	opened, used     int
}

func (p *pair) close() {
	p.replica.Close()
	p.primary.Close()
}

// session is one database of a pair, seen through one of its nodes.
type session struct{ own, peer *sql.DB }

var (
	_ Session = session{}
	_ Peer    = session{}
)

func (s session) DB() *sql.DB                             { return s.own }
func (s session) PeerDB(context.Context) (*sql.DB, error) { return s.peer, nil }

// database returns a new database as the node of that role has it.
func (ps *pairs) database(t *testing.T, role litefwd.Role) Session {
	t.Helper()
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.now == nil {
		ps.n++
		dir := filepath.Join(ps.dir, fmt.Sprint(ps.n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		ps.now = ps.local.openPair(t, dir)
	}
	p := ps.now
	p.opened++
	p.used++
	name := fmt.Sprintf("case%d.db", p.opened)
	if p.opened == perPair {
		ps.now = nil
	}
	t.Cleanup(func() {
		ps.mu.Lock()
		defer ps.mu.Unlock()
		if p.used--; p.used == 0 && p.opened == perPair {
			p.close()
		}
	})
	if role == litefwd.RolePrimary {
		return session{p.primary.Database(name), p.replica.Database(name)}
	}
	return session{p.replica.Database(name), p.primary.Database(name)}
}

func (ps *pairs) close() {
	if ps.now != nil {
		ps.now.close()
	}
}

func (l local) openPair(t *testing.T, dir string) *pair {
	t.Helper()
	primary := l.openNode(t, dir, "one")
	waitRole(t, primary, litefwd.RolePrimary)
	replica := l.openNode(t, dir, "two")
	waitRole(t, replica, litefwd.RoleReplica)
	return &pair{primary: primary, replica: replica}
}

func (l local) openNode(t *testing.T, dir, name string) *litefwd.Node {
	t.Helper()
	engine, err := shared.Open(dir, shared.Options{})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := engine.Secret()
	if err != nil {
		t.Fatal(err)
	}
	node, err := litefwd.Open(t.Context(), litefwd.Config{
		Path:         filepath.Join(dir, "app.db"),
		CustomEngine: engine,
		Driver:       l.driver,
		DriverDSN:    l.dsn("{path}"),
		Listen:       "127.0.0.1:0",
		Name:         name,
		Secret:       string(secret),
	})
	if err != nil {
		t.Fatal(err)
	}
	return node
}

// waitRole waits until node has role and knows the primary's address.
func waitRole(t *testing.T, node *litefwd.Node, role litefwd.Role) {
	t.Helper()
	bound := time.After(10 * time.Second)
	watch := node.WatchRole(t.Context())
	for {
		select {
		case s := <-watch:
			if s.Role == role && s.Primary.Addr != "" {
				return
			}
		case <-bound:
			t.Fatalf("%s did not become %s: %+v", node.Name(), role, node.Status())
		}
	}
}
