//go:build darwin || freebsd

package shared

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// unsuitedFilesystem returns the name of dir's filesystem if this engine must
// not be used on it, or "".
func unsuitedFilesystem(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", fmt.Errorf("statfs %s: %w", dir, err)
	}
	name := unix.ByteSliceToString(st.Fstypename[:])
	switch {
	case name == "nfs", name == "smbfs", name == "afpfs", name == "webdav", name == "p9fs",
		strings.Contains(name, "fuse"):
		return name, nil
	}
	return "", nil
}
