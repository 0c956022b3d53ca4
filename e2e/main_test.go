package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// binary is the LiteFS that the tests run; set by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if dir := os.Getenv(orphanEnv); dir != "" {
		return runOrphan(dir)
	}
	if os.Getenv(processEnv) != "" {
		return runProcess(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	}
	if err := litefstest.Available(); err != nil {
		if os.Getenv("CI") != "" {
			fmt.Fprintln(os.Stderr, "e2e: the tests on real LiteFS must run where CI is set:", err)
			return 1
		}
		fmt.Fprintln(os.Stderr, "e2e: SKIPPED, ALL OF IT:", err)
		return 0
	}
	dir, err := os.MkdirTemp("", "litefwd-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		binary, err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	code := m.Run()
	if err := leftovers(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: after the tests:", err)
		return 1
	}
	return code
}

// build builds LiteFS, or takes the one that LITEFS_BIN names.
func build(dir string) (string, error) {
	if os.Getenv(litefstest.BinaryEnv) != "" {
		return litefstest.Find()
	}
	path := filepath.Join(dir, "litefs")
	cmd := exec.Command("go", "build", "-o", path, "github.com/superfly/litefs/cmd/litefs")
	cmd.Dir = "litefs"
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build LiteFS: %w\n%s", err, out)
	}
	return path, nil
}

// leftovers returns what the tests have left: mounts, files in them, processes
// and goroutines. Goroutines get a moment to end.
func leftovers() error {
	left, err := litefstest.Leftovers()
	for _, what := range left {
		err = errors.Join(err, errors.New(what+" is left"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return errors.Join(err, litefstest.Wait(ctx, "the end of all goroutines", func(context.Context) error {
		if left := others(); len(left) > 0 {
			return fmt.Errorf("these are left:\n\n%s", strings.Join(left, "\n\n"))
		}
		return nil
	}))
}

// others returns the stacks of all goroutines but the caller's and the
// runtime's.
func others() []string {
	var stacks strings.Builder
	pprof.Lookup("goroutine").WriteTo(&stacks, 2) // a strings.Builder does not fail
	var found []string
	for _, stack := range strings.Split(strings.TrimSpace(stacks.String()), "\n\n") {
		if !strings.Contains(stack, "e2e.others(") && !strings.Contains(stack, "os/signal.") {
			found = append(found, stack)
		}
	}
	return found
}
