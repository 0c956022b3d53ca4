//go:build linux || darwin || freebsd

package shared

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/litefwd/litefwd/internal/fault"
)

func TestIdentityIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const n = 20
	var secrets, clusters [n]string
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			e, err := Open(dir, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			secret, _ := e.Secret()
			secrets[i], clusters[i] = string(secret), e.Cluster()
			_ = e.Close()
		})
	}
	close(begin)
	wg.Wait()
	for i := range n {
		if secrets[i] != secrets[0] || clusters[i] != clusters[0] {
			t.Fatalf("opener %d has another secret or cluster than opener 0", i)
		}
	}
	if len(secrets[0]) != secretBytes || len(clusters[0]) != 2*clusterBytes {
		t.Errorf("secret has %d bytes, cluster is %q", len(secrets[0]), clusters[0])
	}
	text, err := os.ReadFile(statePath(dir, "secret"))
	if err != nil || strings.TrimSpace(string(text)) != hex.EncodeToString([]byte(secrets[0])) {
		t.Errorf("secret's file = %q, %v", text, err)
	}
	entries, err := os.ReadDir(statePath(dir))
	if err != nil || len(entries) != 2 {
		t.Errorf("left in the state directory: %v, %v", entries, err)
	}
	for _, entry := range entries {
		if info, _ := entry.Info(); info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	if info, _ := os.Stat(statePath(dir)); info.Mode().Perm() != 0o700 {
		t.Errorf("state directory has mode %v", info.Mode())
	}
}

func TestSecretIsTheCallersCopy(t *testing.T) {
	t.Parallel()
	e := mustOpen(t, t.TempDir(), Options{})
	first, _ := e.Secret()
	clear(first)
	if again, _ := e.Secret(); string(again) == string(first) {
		t.Error("changing a returned secret changes the engine's")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("ab", secretBytes) + "\n"
	for name, c := range map[string]struct {
		prepare func(t *testing.T, dir string)
		want    []string
	}{
		"directory missing": {func(t *testing.T, dir string) { mustDo(t, os.RemoveAll(dir)) }, []string{"no such file", "create the directory"}},
		"not a directory":   {func(t *testing.T, dir string) { mustDo(t, os.RemoveAll(dir)); writeFile(t, dir, "") }, []string{"not a directory"}},
		"LiteFS mount":      {func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, ".lag"), "0") }, []string{"LiteFS mount", "use engine litefs"}},
		"state is a file":   {func(t *testing.T, dir string) { mustDo(t, os.Remove(statePath(dir))); writeFile(t, statePath(dir), "") }, []string{stateDir, "not a directory: remove it"}},
		"state is a link": {func(t *testing.T, dir string) {
			mustDo(t, os.Remove(statePath(dir)))
			mustDo(t, os.Symlink("/", statePath(dir)))
		}, []string{"not a directory: remove it"}},
		"state open to others": {func(t *testing.T, dir string) { mustDo(t, os.Chmod(statePath(dir), 0o777)) }, []string{"0777", "chmod it to 0755"}},
		"secret empty":         {func(t *testing.T, dir string) { writeFile(t, statePath(dir, "secret"), "") }, []string{"secret is damaged", "remove it"}},
		"secret truncated":     {func(t *testing.T, dir string) { writeFile(t, statePath(dir, "secret"), good[:20]) }, []string{"secret is damaged"}},
		"secret too long":      {func(t *testing.T, dir string) { writeFile(t, statePath(dir, "secret"), good+good) }, []string{"secret is damaged"}},
		"secret not hexadecimal": {func(t *testing.T, dir string) {
			writeFile(t, statePath(dir, "secret"), strings.Repeat("zz", secretBytes))
		}, []string{"not hexadecimal"}},
		"secret readable by all": {func(t *testing.T, dir string) {
			writeFile(t, statePath(dir, "secret"), good)
			mustDo(t, os.Chmod(statePath(dir, "secret"), 0o644))
		}, []string{"secret", "0644", "chmod it to 0600"}},
		"secret a link":      {func(t *testing.T, dir string) { mustDo(t, os.Symlink("elsewhere", statePath(dir, "secret"))) }, []string{"not a regular file"}},
		"secret a directory": {func(t *testing.T, dir string) { mustDo(t, os.Mkdir(statePath(dir, "secret"), 0o700)) }, []string{"not a regular file"}},
		"cluster truncated":  {func(t *testing.T, dir string) { writeFile(t, statePath(dir, "cluster"), "ab") }, []string{"cluster is damaged"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			mustDo(t, os.MkdirAll(statePath(dir), 0o700))
			c.prepare(t, dir)
			_, err := Open(dir, Options{})
			wantError(t, err, fault.Config, append(c.want, dir)...)
			if strings.Contains(err.Error(), "abab") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
	_, err := Open("", Options{})
	wantError(t, err, fault.Config, "directory of the databases")
}

func TestCheckPrivateOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	writeFile(t, path, "")
	info, err := os.Stat(path)
	mustDo(t, err)
	if err := checkPrivate(path, info, 0o077, os.Geteuid()); err != nil {
		t.Errorf("own file: %v", err)
	}
	wantError(t, checkPrivate(path, info, 0o077, os.Geteuid()+1), fault.Config, path, "run all processes as one user")
}

func TestDirErrorHints(t *testing.T) {
	t.Parallel()
	for cause, hint := range map[error]string{
		unix.EROFS:     "must be writable",
		unix.EACCES:    "the user who owns",
		fs.ErrNotExist: "create the directory",
		unix.EIO:       "input/output error",
	} {
		err := dirError("/data", &os.PathError{Op: "open", Path: "/data/.litefwd/lock", Err: cause})
		wantError(t, err, fault.Config, "/data", hint)
		if !errors.Is(err, cause) {
			t.Errorf("%v does not wrap %v", err, cause)
		}
	}
}
