package conformance

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine/shared"
)

// The whole suite with litefwd: on the primary and on a replica of it, each
// with every local driver.
func TestLitefwd(t *testing.T) {
	onEach(t, func(t *testing.T, l local) {
		Run(t, Config{
			Driver: l.driver,
			Bare:   l.open,
			Ways: []Way{
				{Name: "primary", Open: func(t *testing.T) Session { return l.openPair(t, litefwd.RolePrimary) }},
				{Name: "replica", Open: func(t *testing.T) Session { return l.openPair(t, litefwd.RoleReplica) }},
			},
			Require:  l.require,
			Parallel: true,
		})
	})
}

// pair is two nodes on one directory, seen through one of them.
type pair struct{ own, peer *litefwd.Node }

var (
	_ Session = pair{}
	_ Peer    = pair{}
)

func (p pair) DB() *sql.DB                             { return p.own.DB() }
func (p pair) PeerDB(context.Context) (*sql.DB, error) { return p.peer.DB(), nil }

func (l local) openPair(t *testing.T, role litefwd.Role) Session {
	t.Helper()
	dir := t.TempDir()
	primary := l.openNode(t, dir, "one")
	waitRole(t, primary, litefwd.RolePrimary)
	replica := l.openNode(t, dir, "two")
	waitRole(t, replica, litefwd.RoleReplica)
	if role == litefwd.RolePrimary {
		return pair{own: primary, peer: replica}
	}
	return pair{own: replica, peer: primary}
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
	t.Cleanup(func() { node.Close() })
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
