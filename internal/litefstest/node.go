package litefstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

const (
	startTimeout  = 30 * time.Second // a start, if the context has no end
	signalTimeout = 10 * time.Second // until a signal has had its effect
	closeTimeout  = 3 * time.Second  // Close's patience after each of its means
)

// node is one LiteFS: its files, and its process while it has one.
type node struct {
	name     string
	dir      string // holds all of its files
	mount    string
	hostname string
	addr     string
	program  string
	log      *tail
	spawner  *spawner

	mu       sync.Mutex // guards the following
	process  *process   // the last one; nil before the first
	frozen   bool
	isolated bool
}

// process is one run of LiteFS.
type process struct {
	cmd   *exec.Cmd
	done  chan struct{} // closed when it has ended and its log is read
	minor int           // of its FUSE connection; 0 until it is known
}

// ended reports whether p has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// waitEnd waits for p's end.
func (p *process) waitEnd(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("process %d does not end: %w", p.cmd.Process.Pid, context.Cause(ctx))
	}
}

func (n *node) configPath() string { return filepath.Join(n.dir, "litefs.yml") }

// running returns the node's process; an error if it has none.
func (n *node) running() (*process, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process == nil || n.process.ended() {
		return nil, fmt.Errorf("%s does not run", n.name)
	}
	return n.process, nil
}

// reachable reports whether the node runs, answers, and is not cut off.
func (n *node) reachable() bool {
	_, err := n.running()
	n.mu.Lock()
	defer n.mu.Unlock()
	return err == nil && !n.frozen && !n.isolated
}

// start starts LiteFS. It does not wait for the mount.
func (n *node) start() error {
	if _, err := n.running(); err == nil {
		return fmt.Errorf("%s runs already", n.name)
	}
	if err := unmountAll(n.mount); err != nil {
		return err
	}
	cmd := exec.Command(n.program, "mount", "-no-expand-env", "-config", n.configPath())
	cmd.Dir = n.dir
	cmd.Stdout, cmd.Stderr = n.log, n.log
	cmd.WaitDelay = closeTimeout
	if err := n.spawner.start(cmd); err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() { // ends with the process
		cmd.Wait()
		close(p.done)
	}()
	n.mu.Lock()
	n.process, n.frozen = p, false
	n.mu.Unlock()
	// For sweep, if the kernel does not kill what we leave.
	return os.WriteFile(filepath.Join(n.dir, pidName), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
}

// waitMounted waits until the mount is LiteFS's and its API answers.
func (n *node) waitMounted(ctx context.Context) error {
	n.mu.Lock()
	p := n.process
	n.mu.Unlock()
	err := Wait(ctx, n.name+"'s mount", func(ctx context.Context) error {
		if p.ended() {
			return stopError{fmt.Errorf("litefs has ended: %v", p.cmd.ProcessState)}
		}
		if _, err := n.info(ctx); err != nil {
			return err
		}
		_, err := bounded(ctx, func() (os.FileInfo, error) { return os.Stat(filepath.Join(n.mount, ".lag")) })
		return err
	})
	if err != nil {
		return n.withLog(err)
	}
	mounts, err := liteFSMounts(n.mount)
	if len(mounts) != 1 {
		return n.withLog(errors.Join(err, fmt.Errorf("%d mounts of LiteFS at %s", len(mounts), n.mount)))
	}
	n.mu.Lock()
	p.minor = mounts[0].minor
	n.mu.Unlock()
	return nil
}

// withLog adds the end of the node's log to an error.
func (n *node) withLog(err error) error {
	return fmt.Errorf("%w\n--- log of %s\n%s---", err, n.name, n.log)
}

// crash kills the process and waits for its end.
func (n *node) crash() error {
	p, err := n.running()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), signalTimeout)
	defer cancel()
	if err := send(p.cmd.Process.Pid, sigKill); err != nil {
		return err
	}
	return p.waitEnd(ctx)
}

// stop ends the process in order.
func (n *node) stop(ctx context.Context) error {
	p, err := n.running()
	if err != nil {
		return err
	}
	if err := send(p.cmd.Process.Pid, sigTerm); err != nil {
		return err
	}
	if err := p.waitEnd(ctx); err != nil {
		return n.withLog(err)
	}
	if !p.cmd.ProcessState.Success() {
		return n.withLog(fmt.Errorf("%s: %v", n.name, p.cmd.ProcessState))
	}
	return unmountAll(n.mount)
}

// setFrozen stops the process, or lets it go on, and waits until it has.
func (n *node) setFrozen(frozen bool) error {
	p, err := n.running()
	if err != nil {
		return err
	}
	s, what := sigThaw, "to go on"
	if frozen {
		s, what = sigFreeze, "to be frozen"
	}
	n.mu.Lock()
	n.frozen = frozen
	n.mu.Unlock()
	if err := send(p.cmd.Process.Pid, s); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), signalTimeout)
	defer cancel()
	return Wait(ctx, n.name+" "+what, func(context.Context) error {
		state, err := stateOf(p.cmd.Process.Pid)
		if err != nil || (state == "T") != frozen {
			return fmt.Errorf("its state is %q %w", state, err)
		}
		return nil
	})
}

// end ends the process by whatever it takes, and unmounts.
func (n *node) end() error {
	if p, err := n.running(); err == nil {
		if err := n.endProcess(p); err != nil {
			return n.withLog(errors.Join(err, unmountAll(n.dir)))
		}
	}
	return unmountAll(n.dir)
}

func (n *node) endProcess(p *process) error {
	pid := p.cmd.Process.Pid
	n.mu.Lock()
	minor := p.minor
	n.mu.Unlock()
	var failed error
	for _, means := range []func() error{
		func() error { return errors.Join(send(pid, sigThaw), send(pid, sigTerm)) },
		func() error { return send(pid, sigKill) },
		func() error { return n.abort(minor) },
	} {
		failed = errors.Join(failed, means())
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		err := p.waitEnd(ctx)
		cancel()
		if err == nil {
			return nil
		}
	}
	return errors.Join(failed, fmt.Errorf("%s: process %d cannot be ended", n.name, pid))
}

// abort ends the node's FUSE connection.
func (n *node) abort(minor int) error {
	if minor == 0 {
		return nil
	}
	scratch, err := os.MkdirTemp(n.dir, "fusectl")
	if err != nil {
		return err
	}
	return abort(minor, scratch)
}
