package bench

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	_ "modernc.org/sqlite"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/engine/shared"
)

// drivers are the local drivers, each with its spelling of synchronous=FULL
// and a WAL, so that both sides of a pair do the same work.
var drivers = map[string]string{
	"sqlite":  "file:{path}?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)",
	"sqlite3": "file:{path}?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000",
}

const schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)"

func perDriver(b *testing.B, run func(b *testing.B, driver string)) {
	for _, driver := range []string{"sqlite", "sqlite3"} {
		b.Run(driver, func(b *testing.B) { run(b, driver) })
	}
}

// openBare opens a database of its own with the bare driver.
func openBare(b *testing.B, driver string) *sql.DB {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bare.db")
	db, err := sql.Open(driver, replacePath(drivers[driver], path))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	must(b, db, schema)
	return db
}

// openNode opens a node on dir; the first one becomes primary.
func openNode(b *testing.B, dir, driver string) *litefwd.Node {
	b.Helper()
	engine, err := shared.Open(dir, shared.Options{})
	if err != nil {
		b.Fatal(err)
	}
	secret, err := engine.Secret()
	if err != nil {
		b.Fatal(err)
	}
	node, err := litefwd.Open(b.Context(), litefwd.Config{
		Path: filepath.Join(dir, "app.db"), CustomEngine: engine, Secret: string(secret),
		Driver: driver, DriverDSN: drivers[driver], Listen: "127.0.0.1:0",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { node.Close() })
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
	defer cancel()
	for s := range node.WatchRole(ctx) {
		if s.Primary.Addr != "" {
			return node
		}
	}
	b.Fatal("no primary")
	return nil
}

// BenchmarkPointRead: a prepared point read. Goal: at most 10 % over bare.
func BenchmarkPointRead(b *testing.B) {
	perDriver(b, func(b *testing.B, driver string) {
		bare := openBare(b, driver)
		node := openNode(b, b.TempDir(), driver)
		must(b, node.DB(), schema)
		must(b, bare, thousand)
		must(b, node.DB(), thousand)
		interleave(b, side{"bare", pointRead(b, bare)}, side{"litefwd", pointRead(b, node.DB())})
	})
}

const thousand = "INSERT INTO t(id, v) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000) SELECT i, 'value' FROM n"

// pointRead is a prepared read of one of the thousand rows.
func pointRead(b *testing.B, db *sql.DB) func() error {
	b.Helper()
	stmt, err := db.Prepare("SELECT v FROM t WHERE id = ?")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stmt.Close() })
	id := 0
	return func() error {
		id = id%1000 + 1
		var v string
		return stmt.QueryRow(id).Scan(&v)
	}
}

// BenchmarkLocalWrite: a lone insert on the primary. Goal: at most 10 % over bare.
func BenchmarkLocalWrite(b *testing.B) {
	perDriver(b, func(b *testing.B, driver string) {
		bare := openBare(b, driver)
		node := openNode(b, b.TempDir(), driver)
		must(b, node.DB(), schema)
		interleave(b, side{"bare", insert(bare)}, side{"litefwd", insert(node.DB())})
	})
}

// BenchmarkForwardedWrite: the same insert from a replica, over TLS on
// loopback.
func BenchmarkForwardedWrite(b *testing.B) {
	perDriver(b, func(b *testing.B, driver string) {
		dir := b.TempDir()
		primary := openNode(b, dir, driver)
		must(b, primary.DB(), schema)
		replica := openNode(b, dir, driver)
		interleave(b, side{"local", insert(primary.DB())}, side{"forwarded", insert(replica.DB())})
	})
}

func insert(db *sql.DB) func() error {
	return func() error {
		_, err := db.Exec("INSERT INTO t(v) VALUES (?)", "value")
		return err
	}
}
