//go:build linux || darwin || freebsd

package shared

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/litefwd/litefwd/engine"
)

// maxRecordBytes bounds what is read of a file that anything may have written.
const maxRecordBytes = 64 << 10

// record is the file named primary: who holds the lock since which epoch.
type record struct {
	Epoch uint64 `json:"epoch"`
	Name  string `json:"name"`
	Addr  string `json:"addr"`
	PID   int    `json:"pid"`
	// Started is for people; nothing is computed from it.
	Started time.Time `json:"started"`
}

func (r record) peer() engine.Peer { return engine.Peer{Name: r.Name, Addr: r.Addr} }

// sameNode reports whether both records say the same but for their time.
func (r record) sameNode(o record) bool {
	return r.Epoch == o.Epoch && r.Name == o.Name && r.Addr == o.Addr && r.PID == o.PID
}

// readRecord returns the record in the file, or the zero record when there is
// none or it cannot be understood: the lock's holder writes it again.
func readRecord(path string) (record, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecordBytes))
	if err != nil {
		return record{}, err
	}
	var r record
	if json.Unmarshal(b, &r) != nil || r.Epoch >= maxEpoch {
		return record{}, nil
	}
	return r, nil
}

// writeRecord replaces the file. The temporary name is always the same, so
// that processes killed here leave no heap of files: only the lock's holder
// writes, and checks every heartbeat that what is there is its own.
func writeRecord(path string, r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(path), "primary.tmp")
	if err = os.WriteFile(tmp, append(b, '\n'), 0o600); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp) // a full disk may have left half of it
	}
	return err
}
