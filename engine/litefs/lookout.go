package litefs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lagUnknown is what .lag says before the first replication has ended.
const lagUnknown = math.MaxInt32 * time.Millisecond

// maxLag, in milliseconds, is more than a clock can be wrong.
const maxLag = 1 << 42

// runLookout reads the files of the mount. It is the only goroutine of the
// engine that the kernel may hold for good, if LiteFS is frozen; Close gives
// up on it then, and it ends when the read returns.
func (e *Engine) runLookout() {
	for e.alone.Err() == nil {
		turn := e.look()
		timer := time.NewTimer(turn)
		select {
		case <-timer.C:
		case <-e.kickLook:
		case <-e.alone.Done():
		}
		timer.Stop()
	}
}

// look takes one look and returns when to take the next.
func (e *Engine) look() time.Duration {
	e.mu.Lock()
	roleEvents := e.facts.roleEvents
	blind := !e.facts.connected
	e.mu.Unlock()

	e.lookBegan.Store(int64(time.Since(e.began)))
	found := readMount(e.dir)
	for _, d := range e.allDatabases() {
		d.look(blind, found.err == nil)
	}
	e.lookBegan.Store(0)

	turn := e.timing.lookTurn
	e.update(func(f *facts) {
		before := f.mount.contradicted
		f.mount = found
		switch {
		case f.roleEvents != roleEvents:
			turn = 0 // what was read may be older than the role
		case f.connected && f.role.isPrimary && found.primary != "":
			turn = e.timing.lookFast
			now := time.Now()
			if before.IsZero() {
				before = now
			}
			f.mount.contradicted = before
			f.mount.foreign = now.Sub(before) >= e.timing.contradiction
		}
	})
	return turn
}

// lookIsStuck reports whether the running look has taken suspiciously long.
func (e *Engine) lookIsStuck() bool {
	began := e.lookBegan.Load()
	return began != 0 && time.Since(e.began)-time.Duration(began) > e.timing.readWait
}

// readMount reads .lag, which LiteFS always serves, and .primary, which is
// there while this node has, or tries to have, another as its primary. Both
// are opened anew: LiteFS answers a handle only once.
func readMount(dir string) mountFacts {
	m := mountFacts{looked: true}
	lag, err := readSmall(filepath.Join(dir, ".lag"))
	switch {
	case errors.Is(err, syscall.ENOTCONN):
		m.err = fmt.Errorf("LiteFS's mount at %s is dead (%w): start LiteFS again", dir, err)
	case errors.Is(err, fs.ErrNotExist):
		m.err = fmt.Errorf("LiteFS is not mounted at %s (no .lag there): start it (litefs mount), or correct the path", dir)
	case err != nil:
		m.err = fmt.Errorf("LiteFS's mount at %s cannot be read: %w", dir, err)
	default:
		if m.lag, err = parseLag(lag); err != nil {
			m.err = fmt.Errorf("%s/.lag: %w", dir, err)
		}
	}
	if m.err != nil {
		return m
	}
	// Any error is as good as no file: it makes nobody primary.
	primary, _ := readSmall(filepath.Join(dir, ".primary"))
	m.primary = strings.TrimSuffix(primary, "\n")
	return m
}

// parseLag reads the contents of .lag: milliseconds, with a sign.
func parseLag(s string) (time.Duration, error) {
	ms, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || ms > maxLag || ms < -maxLag {
		return 0, fmt.Errorf("%.40q is not a number of milliseconds", s)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// readSmall returns the first 4 KiB of a file.
func readSmall(path string) (string, error) {
	fd, err := openFile(path)
	if err != nil {
		return "", err
	}
	defer closeFile(fd)
	var buf [4096]byte
	n, err := readAt(fd, buf[:], 0)
	return string(buf[:n]), err
}
