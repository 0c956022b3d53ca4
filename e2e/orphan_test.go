package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/litefwd/litefwd/internal/litefstest"
)

// orphanEnv makes the test binary start a cluster in the directory it names and
// wait to be killed.
const orphanEnv = "LITEFWD_E2E_ORPHAN"

func runOrphan(dir string) int {
	c, err := litefstest.Start(context.Background(), litefstest.Options{Dir: dir})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println(c.Mount(0))
	io.Copy(io.Discard, os.Stdin) // ends with the parent
	c.Close()
	return 0
}

// A test process that is killed takes its LiteFS processes with it, and the
// next cluster removes what is left.
func TestKilledTest(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), orphanEnv+"="+dir, litefstest.BinaryEnv+"="+binary)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	mount := strings.TrimSpace(line)
	if err != nil || !strings.HasPrefix(mount, dir) {
		t.Fatalf("the child said %q (%v)", line, err)
	}
	cmd.Process.Kill()
	cmd.Wait()

	c := startCluster(t, litefstest.Options{})
	// The first Start may have come before the kernel had ended all of it.
	c.must("Wait", litefstest.Wait(c.ctx, "the orphans' end", func(context.Context) error {
		_, err := os.ReadFile(filepath.Join(mount, ".lag"))
		if errors.Is(err, syscall.ENOTCONN) || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("its mount is alive: %v", err)
	}))
	startCluster(t, litefstest.Options{})
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%v is left (%v)", files, err)
	}
}
