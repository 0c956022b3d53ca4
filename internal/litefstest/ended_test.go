package litefstest

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"
)

// A process whose parent has ended is waited for.
func TestWatchEnd(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{true, false} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close() // by which it ends
		cmd := exec.Command("sh", "-c", "exec 5<&0; cat <&5 &")
		cmd.Stdin = r
		ended, err := WatchEnd(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Run(); err != nil {
			t.Skip("no shell:", err)
		}
		patience := time.Millisecond
		if ends {
			w.Close()
			patience = 20 * time.Second
		}
		if err := ended(patience); ends && err != nil || !ends && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ends: %v; %v", ends, err)
		}
	}
}
