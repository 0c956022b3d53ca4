package litefstest

import (
	"os/exec"
	"runtime"
)

// spawner starts processes from one thread that lives until stop. The kernel
// kills a process with Pdeathsig when the thread that started it ends, not the
// process, and Go ends threads as it likes (https://go.dev/issue/27505).
type spawner struct {
	starts chan start    // unbuffered
	done   chan struct{} // closed when the thread is free again
}

type start struct {
	cmd *exec.Cmd
	err chan error // buffer 1: the spawner waits for nobody
}

func newSpawner() *spawner {
	s := &spawner{make(chan start), make(chan struct{})}
	go s.run()
	return s
}

func (s *spawner) run() {
	defer close(s.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread() // so that the thread does not end with the goroutine
	for st := range s.starts {
		st.err <- st.cmd.Start()
	}
}

func (s *spawner) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = childAttr()
	st := start{cmd, make(chan error, 1)}
	s.starts <- st
	return <-st.err
}

// stop ends the spawner, not what it has started.
func (s *spawner) stop() {
	close(s.starts)
	<-s.done
}
