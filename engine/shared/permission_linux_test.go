package shared

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/litefwd/litefwd/engine"
	"github.com/litefwd/litefwd/internal/fault"
)

// asNobody runs f with a user's file permissions where the tests run as root.
// Only this thread's are changed, and it is not used for anything else.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

func TestNoPermission(t *testing.T) {
	t.Parallel()
	base, err := os.MkdirTemp("", "litefwd-shared")
	mustDo(t, err)
	t.Cleanup(func() { mustDo(t, os.RemoveAll(base)) })
	mustDo(t, os.Chmod(base, 0o755))
	for name, prepare := range map[string]func(dir string){
		"directory not writable":  func(dir string) { mustDo(t, os.Chmod(dir, 0o555)) },
		"directory not enterable": func(dir string) { mustDo(t, os.Chmod(dir, 0o000)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(base, name)
			mustDo(t, os.Mkdir(dir, 0o755))
			prepare(dir)
			asNobody(t, func() {
				_, err := Open(dir, Options{})
				wantPermission(t, err, dir)
			})
			mustDo(t, os.Chmod(dir, 0o700))
		})
	}
	t.Run("lock file not writable", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may write it") // covered by the cases above for root
		}
		dir := filepath.Join(base, "lock")
		mustDo(t, os.MkdirAll(statePath(dir), 0o700))
		writeFile(t, statePath(dir, "lock"), "")
		mustDo(t, os.Chmod(statePath(dir, "lock"), 0o400))
		e := start(t, dir, "a", quick)
		s := waitFor(t, e, "the Problem", hasProblem("permission denied"))
		if s.Role != engine.Unknown {
			t.Errorf("role = %s", s.Role)
		}
		mustDo(t, os.Chmod(statePath(dir, "lock"), 0o600))
		waitFor(t, e, "the role", isPrimary)
	})
}

func wantPermission(t *testing.T, err error, dir string) {
	t.Helper()
	if !errors.Is(err, fault.Config) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Open(%s) = %v, want a permission error of kind Config", dir, err)
	}
}

func TestFilesystems(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), "/dev/shm"} {
		if name, err := unsuitedFilesystem(dir); name != "" || err != nil {
			t.Errorf("unsuitedFilesystem(%s) = %q, %v", dir, name, err)
		}
	}
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0xff534d42: "SMB", 0xfe534d42: "SMB", 0x65735546: "FUSE", 0x01021997: "9P",
		0xef53: "", 0x58465342: "", 0x9123683e: "", 0x794c7630: "", 0x01021994: "", // ext4 XFS btrfs overlay tmpfs
	} {
		if got := unsuited[magic]; got != want {
			t.Errorf("filesystem %#x: %q, want %q", magic, got, want)
		}
	}
}
