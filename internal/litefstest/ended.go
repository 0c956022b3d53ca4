package litefstest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// WatchEnd makes cmd, which is not started yet, and every process that is
// started by it or by those, hold one pipe: a child inherits the descriptor
// unless it is closed on purpose. ended returns nil when all of them have ended;
// it is called once, after cmd was started.
func WatchEnd(cmd *exec.Cmd) (ended func(patience time.Duration) error, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, w)
	return func(patience time.Duration) error {
		defer r.Close()
		w.Close()
		r.SetReadDeadline(time.Now().Add(patience)) // a pipe has deadlines
		if _, err := io.Copy(io.Discard, r); err != nil {
			return fmt.Errorf("a process of %s has not ended: %w", cmd, err)
		}
		return nil
	}, nil
}
