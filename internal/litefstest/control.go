package litefstest

import (
	"context"
	"errors"
)

// Done returns a channel that is closed when the present run of node i ends.
func (c *Cluster) Done(i int) <-chan struct{} {
	n := c.nodes[i]
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process.done
}

// ExitCode returns how node i's last run ended: -1 if it still runs or was
// killed. LiteFS ends itself with 99 when it cannot take back a commit.
func (c *Cluster) ExitCode(i int) int {
	n := c.nodes[i]
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.process.ended() {
		return -1
	}
	return n.process.cmd.ProcessState.ExitCode()
}

// Crash kills node i with SIGKILL. Its mount stays, dead, as after a real crash:
// every access fails with ENOTCONN.
func (c *Cluster) Crash(i int) error { return c.nodes[i].crash() }

// Kill is Crash, and then unmounts: Mount(i) is an empty directory. Files that
// are open stay dead.
func (c *Cluster) Kill(i int) error {
	return errors.Join(c.nodes[i].crash(), unmountAll(c.nodes[i].mount))
}

// Stop ends node i with SIGTERM and waits. It fails if files of the mount are
// open; the node has ended then all the same.
func (c *Cluster) Stop(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return c.nodes[i].stop(ctx)
}

// Restart starts node i again, after Crash, Kill, Stop or its own end, with its
// data, its mount and its port, and waits until it is mounted.
func (c *Cluster) Restart(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := c.nodes[i].start(); err != nil {
		return err
	}
	return c.nodes[i].waitMounted(ctx)
}

// Freeze stops node i with SIGSTOP, as a machine that hangs: connections stay
// open, nothing is answered.
func (c *Cluster) Freeze(i int) error { return c.nodes[i].setFrozen(true) }

// Thaw ends Freeze.
func (c *Cluster) Thaw(i int) error { return c.nodes[i].setFrozen(false) }
