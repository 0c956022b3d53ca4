package litefstest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A cluster's directory is litefstest-<pid>-<start>-<random>: which process owns
// it, and when that process started, so that another one of the same pid is not
// taken for it.
var ownedDir = regexp.MustCompile(`^(.*/litefstest-(\d+)-(\d+)-[^/]+)(/|$)`)

const (
	mountName = "mnt"
	pidName   = "pid" // a file with the pid of the node's litefs
)

// mount is one FUSE mount of LiteFS.
type mount struct {
	dir   string
	minor int // of its device: its number in /sys/fs/fuse/connections
}

// parseMounts returns LiteFS's mounts among those of a mountinfo file; see
// proc_pid_mountinfo(5).
func parseMounts(r io.Reader) ([]mount, error) {
	var mounts []mount
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields, fs, ok := strings.Cut(lines.Text(), " - ")
		f := strings.Fields(fields)
		if !ok || len(f) < 5 || !strings.HasPrefix(fs, "fuse litefs ") {
			continue
		}
		_, minor, _ := strings.Cut(f[2], ":")
		n, err := strconv.Atoi(minor)
		if err != nil {
			return nil, fmt.Errorf("mountinfo: %q: %w", lines.Text(), err)
		}
		mounts = append(mounts, mount{unescape(f[4]), n})
	}
	return mounts, lines.Err()
}

// unescape undoes the octal escapes of blanks and backslashes in mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// liteFSMounts returns LiteFS's mounts in or at dir; all of them if dir is "".
func liteFSMounts(dir string) ([]mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := parseMounts(f)
	var mounts []mount
	for _, m := range all {
		if dir == "" || m.dir == dir || strings.HasPrefix(m.dir, dir+"/") {
			mounts = append(mounts, m)
		}
	}
	return mounts, err
}

// unmountAll detaches all of LiteFS's mounts in or at dir, even busy or dead
// ones. It does not touch their content, so it does not hang.
func unmountAll(dir string) error {
	mounts, err := liteFSMounts(dir)
	for _, m := range mounts {
		err = errors.Join(err, detach(m.dir))
	}
	return err
}

// removeDir removes a cluster's directory, unless something is mounted in it:
// then that would be emptied.
func removeDir(dir string) error {
	if err := unmountAll(dir); err != nil {
		return err
	}
	if mounts, err := liteFSMounts(dir); err != nil || len(mounts) > 0 {
		return errors.Join(err, fmt.Errorf("%s is not removed: %d mounts are in it", dir, len(mounts)))
	}
	return os.RemoveAll(dir)
}

// sweep removes what clusters of processes that have died have left: their
// mounts, their directories, and LiteFS processes if the kernel did not end
// them. It fails for nothing: what it cannot remove is nobody's.
func sweep() {
	mounts, err := liteFSMounts("")
	if err != nil {
		return
	}
	for _, m := range mounts {
		owner := ownedDir.FindStringSubmatch(m.dir)
		if owner == nil || isAlive(owner[2], owner[3]) {
			continue
		}
		node := filepath.Dir(m.dir)
		if pid, err := os.ReadFile(filepath.Join(node, pidName)); err == nil {
			killIfRuns(strings.TrimSpace(string(pid)), node)
		}
		detach(m.dir)
		removeDir(owner[1])
	}
}

// killIfRuns ends process pid if its command line names a file in node.
func killIfRuns(pid, node string) {
	cmdline, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if n, convErr := strconv.Atoi(pid); err == nil && convErr == nil && strings.Contains(string(cmdline), node+"/") {
		if p, err := os.FindProcess(n); err == nil {
			p.Kill()
		}
	}
}

// isAlive reports whether the process pid that started at start still runs.
func isAlive(pid, start string) bool {
	now, err := startOf(pid)
	return err == nil && now == start
}

// startOf returns when a process started, in clock ticks since boot: field 22
// of its stat file. The second field, its name, may contain anything.
func startOf(pid string) (string, error) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%s/stat: %q", pid, stat)
	}
	return fields[19], nil
}

// stateOf returns the state of a process: R, S, T (stopped), Z, …
func stateOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	rest := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	return rest[0], nil
}

// ownPrefix is how the names of this process's cluster directories begin.
func ownPrefix() (string, error) {
	pid := strconv.Itoa(os.Getpid())
	start, err := startOf(pid)
	return fmt.Sprintf("litefstest-%s-%s-", pid, start), err
}

// Leftovers returns what is left of this process's clusters: mounts, open files
// in them, and processes. It is for after the last Close.
func Leftovers() ([]string, error) {
	prefix, err := ownPrefix()
	if err != nil {
		return nil, err
	}
	var left []string
	mounts, err := liteFSMounts("")
	for _, m := range mounts {
		if strings.Contains(m.dir, "/"+prefix) {
			left = append(left, "mount "+m.dir)
		}
	}
	fds, globErr := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && strings.Contains(target, "/"+prefix) {
			left = append(left, "open file "+target)
		}
	}
	processes, globErr2 := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range processes {
		if cmdline, err := os.ReadFile(p); err == nil && strings.Contains(string(cmdline), "/"+prefix) {
			left = append(left, "process "+filepath.Base(filepath.Dir(p))+": "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return left, errors.Join(err, globErr, globErr2)
}
