package demoapp

import (
	"testing"
	"time"

	"github.com/litefwd/litefwd"
	"github.com/litefwd/litefwd/litefwdtest"
)

// A node with Config.Strict that starts while its copy is late has made the schema,
// though it is told so with an error.
func TestMigrateOnLateCopy(t *testing.T) {
	t.Parallel()
	c := litefwdtest.New(t, 2, litefwdtest.WithConfig(func(_ int, cfg *litefwd.Config) {
		cfg.Strict, cfg.AwaitTimeout = true, 10*time.Millisecond
	}))
	c.Pause(1)
	if err := migrate(t.Context(), c.DB(1)); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := c.DB(0).QueryRow("SELECT count(*) FROM lines").Scan(&n); err != nil || n != 0 {
		t.Errorf("on the primary: %d lines, %v", n, err)
	}
}
