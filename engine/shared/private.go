//go:build linux || darwin || freebsd

package shared

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/litefwd/litefwd/internal/fault"
)

// stateDir is the name of the engine's directory inside the database directory.
const stateDir = ".litefwd"

const (
	secretBytes  = 32
	clusterBytes = 16
)

// identity is what all nodes of one directory have in common.
type identity struct {
	secret  []byte
	cluster string
}

// ensureIdentity makes the state directory and its two lasting files if they
// are missing, and returns what is in them. A running engine passes what it
// has, so that the files come back as they were after somebody deleted them.
func ensureIdentity(state string, have *identity) (*identity, error) {
	if err := os.Mkdir(state, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	info, err := os.Lstat(state)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fault.New(fault.Config, "%s is not a directory: remove it", state)
	}
	if err := checkPrivate(state, info, 0o022, os.Geteuid()); err != nil {
		return nil, err
	}
	var secret, cluster []byte
	if have != nil {
		secret = have.secret
		if cluster, err = hex.DecodeString(have.cluster); err != nil {
			return nil, err
		}
	}
	if secret, err = ensureRandom(filepath.Join(state, "secret"), secretBytes, secret); err != nil {
		return nil, err
	}
	if cluster, err = ensureRandom(filepath.Join(state, "cluster"), clusterBytes, cluster); err != nil {
		return nil, err
	}
	return &identity{secret: secret, cluster: hex.EncodeToString(cluster)}, nil
}

// ensureRandom returns the n bytes that the file holds in hexadecimal. If
// there is no file it is made, with the given bytes or new random ones; of
// several processes that do so at once all get the same.
func ensureRandom(path string, n int, given []byte) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if given == nil {
			given = make([]byte, n)
			rand.Read(given) // never fails
		}
		if err := createOnce(path, hex.EncodeToString(given)+"\n"); err != nil {
			return nil, err
		}
		info, err = os.Lstat(path)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Config, "%s is not a regular file: remove it", path)
	}
	if err := checkPrivate(path, info, 0o077, os.Geteuid()); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	// A file that is longer by more than its line break is not ours either.
	b := make([]byte, n)
	if len(text) == 2*n+1 && text[2*n] == '\n' {
		text = text[:2*n]
	}
	if len(text) != 2*n {
		return nil, fault.New(fault.Config,
			"%s is damaged (%d bytes, not %d hexadecimal digits): stop all processes that use the directory and remove it",
			path, len(text), 2*n)
	}
	if _, err := hex.Decode(b, text); err != nil {
		return nil, fault.New(fault.Config,
			"%s is damaged (not hexadecimal): stop all processes that use the directory and remove it", path)
	}
	return b, nil
}

// createOnce makes the file with these contents unless there is one already.
// The link makes it appear complete or not at all.
func createOnce(path, contents string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(contents)
	if err == nil {
		// Without this a crash of the machine could leave an empty file,
		// which nobody may replace.
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// checkPrivate refuses a file of another user, or with any of the forbidden
// permission bits.
func checkPrivate(path string, info fs.FileInfo, forbidden fs.FileMode, uid int) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: the system does not say who owns it", path)
	}
	if int(st.Uid) != uid {
		return fault.New(fault.Config,
			"%s belongs to uid %d, but this process runs as uid %d: run all processes as one user, or chown the file", path, st.Uid, uid)
	}
	if perm := info.Mode().Perm(); perm&forbidden != 0 {
		advice := "remove it if they may have read it, for a new one"
		if info.IsDir() {
			advice = "check what is in it"
		}
		return fault.New(fault.Config, "%s has permissions %#o, which let other users in: chmod it to %#o, and %s",
			path, perm, perm&^forbidden, advice)
	}
	return nil
}
