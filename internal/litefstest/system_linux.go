package litefstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// Available returns nil if LiteFS can be run here, or what is missing.
func Available() error {
	fuse, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("LiteFS needs FUSE: %w", err)
	}
	fuse.Close()
	helper, err := exec.LookPath("fusermount3")
	if err != nil {
		return fmt.Errorf("LiteFS needs fusermount3 (Debian: apt-get install fuse3): %w", err)
	}
	if os.Geteuid() != 0 {
		if info, err := os.Stat(helper); err != nil || info.Mode()&os.ModeSetuid == 0 {
			return fmt.Errorf("LiteFS needs root, or %s to be setuid root", helper)
		}
	}
	return nil
}

// childAttr makes a child a process group of its own that the kernel kills when
// the thread that started it ends; see spawner.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signal is what can be sent to a node's processes.
type signal = syscall.Signal

const (
	sigTerm   = syscall.SIGTERM
	sigKill   = syscall.SIGKILL
	sigFreeze = syscall.SIGSTOP
	sigThaw   = syscall.SIGCONT
)

// send sends s to the process group of pid. That it has ended is no error.
func send(pid int, s signal) error {
	if err := syscall.Kill(-pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%v to process group %d: %w", s, pid, err)
	}
	return nil
}

// detach unmounts dir lazily: at once for new users, and for those that still
// have files open when they close them.
func detach(dir string) error {
	err := syscall.Unmount(dir, syscall.MNT_DETACH|0x8) // UMOUNT_NOFOLLOW
	switch {
	case err == nil, errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOENT):
		return nil // not mounted (any more)
	case !errors.Is(err, syscall.EPERM):
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	if out, err := exec.Command("fusermount3", "-uz", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("unmount %s: %w: %s", dir, err, out)
	}
	return nil
}

// abort ends a FUSE connection: all that wait for an answer get an error. It is
// the last means against a LiteFS that waits for itself. The control file
// system is mounted at scratch, an empty directory, if it is not in its place.
func abort(minor int, scratch string) error {
	file := func(root string) string { return filepath.Join(root, strconv.Itoa(minor), "abort") }
	const place = "/sys/fs/fuse/connections"
	root := place
	if _, err := os.Stat(file(place)); err != nil {
		if err := syscall.Mount("fusectl", scratch, "fusectl", 0, ""); err != nil {
			return fmt.Errorf("abort FUSE connection %d: mount fusectl: %w", minor, err)
		}
		defer syscall.Unmount(scratch, syscall.MNT_DETACH)
		root = scratch
	}
	err := os.WriteFile(file(root), []byte("1"), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it has ended
	}
	return err
}
